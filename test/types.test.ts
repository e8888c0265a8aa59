import { expectTypeOf, test } from 'vitest'
import {
  type EpochEvent,
  GRU,
  LSTM,
  type LSTMState,
  type Module,
  predict,
  type RecurrentLayer,
  type RecurrentState,
  RNN,
  RNNModel,
  type Tensor,
  type TrainResult,
  tensor,
  train,
  trainSteps,
} from '../src/index.js'

// Checked by the compiler, which `npm test` runs over the tests.
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

test('options are words, and what is wrong does not compile', () => {
  // @ts-expect-error hiddenSize is missing
  void (() => new RNN({ inputSize: 2 }))
  // @ts-expect-error an unknown word
  void (() => new RNN({ ...sizes, nonlinearity: 'sin' }))
  // @ts-expect-error only an RNN has a nonlinearity
  void (() => new GRU({ inputSize: 2, hiddenSize: 2, nonlinearity: 'relu' }))
})

test('training tells its events and result', () => {
  expectTypeOf(train).returns.resolves.toEqualTypeOf<TrainResult>()
  expectTypeOf(predict).returns.resolves.toEqualTypeOf<string>()
  expectTypeOf(trainSteps).returns.toExtend<AsyncIterable<{ type: 'step' | 'epoch'; step: number }>>()
  expectTypeOf<EpochEvent['perplexity']>().toEqualTypeOf<number>()
})
