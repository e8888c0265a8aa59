import { expectTypeOf, test } from 'vitest'
import {
  Adam,
  CosineLR,
  type EpochEvent,
  GRU,
  LSTM,
  type LSTMState,
  Module,
  type Optimizer,
  Parameter,
  predict,
  type RecurrentLayer,
  type RecurrentState,
  type ReduceLROnPlateau,
  RNN,
  RNNModel,
  type Schedule,
  SGD,
  type Tensor,
  type TrainResult,
  tensor,
  train,
  trainSteps,
} from '../src/index.js'

// The compiler checks these tests, as part of `npm test`.
const sizes = { inputSize: 2, hiddenSize: 2 }

test('a layer’s state has its own type, all the way through a model', () => {
  expectTypeOf(new RNN(sizes).beginState()).toEqualTypeOf<Tensor>()
  expectTypeOf(new GRU(sizes).forward(tensor([[0]], { dtype: 'int32' })).state).toEqualTypeOf<Tensor>()
  expectTypeOf(new LSTM(sizes).beginState(2)).toEqualTypeOf<LSTMState>()
  const model = new RNNModel(new LSTM(sizes), 2)
  expectTypeOf(model.beginState()).toEqualTypeOf<LSTMState>()
  expectTypeOf(model).toExtend<RNNModel>()
  expectTypeOf(model).toExtend<Module>()
  expectTypeOf(new GRU(sizes)).toExtend<RecurrentLayer<RecurrentState>>()
})

test('a plain tensor is not assigned where a parameter is', () => {
  class Own extends Module {
    weight = new Parameter(tensor([1]))
  }
  expectTypeOf<Parameter>().toExtend<Tensor>()
  // @ts-expect-error a tensor is not a parameter
  void ((own: Own) => (own.weight = tensor([1])))
})

test('options are checked by their types, and wrong ones do not compile', () => {
  // @ts-expect-error hiddenSize is missing
  void (() => new RNN({ inputSize: 2 }))
  // @ts-expect-error an unknown word
  void (() => new RNN({ ...sizes, nonlinearity: 'sin' }))
  // @ts-expect-error only an RNN has a nonlinearity
  void (() => new GRU({ inputSize: 2, hiddenSize: 2, nonlinearity: 'relu' }))
})

test('events and results of a training are typed', () => {
  expectTypeOf(train).returns.resolves.toEqualTypeOf<TrainResult>()
  expectTypeOf(predict).returns.resolves.toEqualTypeOf<string>()
  expectTypeOf(trainSteps).returns.toExtend<AsyncIterable<{ type: 'step' | 'epoch' | 'validation'; step: number }>>()
  expectTypeOf<EpochEvent['perplexity']>().toEqualTypeOf<number>()
})

test('groups have the options of their optimizer', () => {
  const params = [tensor([1])]
  expectTypeOf(new SGD([{ params, momentum: 0.5 }], { lr: 1 })).toExtend<Optimizer>()
  expectTypeOf(new Adam(params).groups[0].betas).toEqualTypeOf<readonly [number, number]>()
  expectTypeOf(new CosineLR(new Adam(params), { totalSteps: 5 })).toExtend<Schedule>()
  expectTypeOf<ReduceLROnPlateau>().toExtend<Schedule>()
  // @ts-expect-error momentum is not an option of Adam
  void (() => new Adam([{ params, momentum: 0.5 }]))
  // @ts-expect-error only the learning rate may be changed later
  void ((optimizer: SGD) => optimizer.groups[0].momentum++)
  // @ts-expect-error a loss is missing
  void ((schedule: ReduceLROnPlateau) => schedule.step())
})
