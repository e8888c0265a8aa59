import { expect, test } from 'vitest'
import { OptionError } from '../core/errors.js'
import { SequenceData } from '../data/sequences.js'
import { Vocab } from '../data/vocab.js'
import { GRU } from '../nn/gru.js'
import { RNNModel } from '../nn/model.js'
import { Adam } from '../optim/adam.js'
import { FixedLR, ReduceLROnPlateau, type Schedule, StepLR } from '../optim/schedules.js'
import { SGD } from '../optim/sgd.js'
import { trainSteps } from './steps.js'
import { train } from './train.js'
import { Training } from './training.js'
import type { TrainStepsOptions } from './training-options.js'

const corpus = Uint8Array.from({ length: 60 }, (_, i) => (i * i) % 5)
const data = new SequenceData(corpus, { batchSize: 2, numSteps: 5 })
const model = new RNNModel(new GRU({ inputSize: 5, hiddenSize: 3 }), 5)
const other = new RNNModel(new GRU({ inputSize: 5, hiddenSize: 3 }), 5)
const optimizer = new SGD(model.parameters(), { lr: 0.1 })
const validation = { corpus }

test.each<[what: string, options: TrainStepsOptions, message: string]>([
  [
    'ReduceLROnPlateau without validation',
    { optimizer, schedule: new ReduceLROnPlateau(optimizer) },
    'Training: schedule is a ReduceLROnPlateau, which needs a held-out text, expected validation',
  ],
  ['patience without validation', { patience: 3 }, 'Training: patience needs a held-out text, expected validation'],
  [
    'a schedule of another optimizer',
    { optimizer, schedule: new StepLR(new SGD(model.parameters(), { lr: 1 }), { stepSize: 2 }) },
    'Training: the schedule changes the learning rate of another optimizer',
  ],
  [
    'a schedule without its optimizer',
    { schedule: new FixedLR(optimizer) },
    'Training: the schedule changes the learning rate of another optimizer',
  ],
  [
    "an optimizer of another model's parameters",
    { optimizer: new Adam(other.parameters()) },
    "Training: 6 of the optimizer's 6 parameters are not the model's, expected an optimizer of model.parameters()",
  ],
  [
    "an optimizer with another model's parameters among its own",
    { optimizer: new Adam([...model.parameters(), other.linear.weight]) },
    "Training: 1 of the optimizer's 7 parameters are not the model's",
  ],
  ['lr together with an optimizer', { optimizer, lr: 0.5 }, 'Training: lr is given together with an optimizer'],
  [
    'a value that is not an optimizer',
    { optimizer: {} as never },
    'Training: optimizer is an object, expected an Optimizer',
  ],
  ['a held-out text that is none', { validation: { corpus: 'abc' as never } }, 'Training: validation: the corpus is'],
])('refuses %s', (_what, options, message) => {
  expect(() => new Training(model, data, options)).toThrow(OptionError)
  expect(() => new Training(model, data, options)).toThrow(message)
})

test('refuses anything but a model and data', () => {
  expect(() => new Training(model.rnn as never, data)).toThrow('Training: model is a GRU, expected an RNNModel')
  expect(() => new Training(model, corpus as never)).toThrow('Training: data is a Uint8Array, expected a SequenceData')
})

test('a held-out text that cannot be evaluated is refused before the first step', () => {
  const one = { validation: { corpus: corpus.subarray(0, 1) } }
  expect(() => new Training(model, data, one)).toThrow('Training: validation: the text has 1 tokens, expected at least')
  const both = new RNNModel(new GRU({ inputSize: 5, hiddenSize: 3, bidirectional: true }), 5)
  expect(() => new Training(both, data, { validation })).toThrow('Training: validation: the model is bidirectional')
})

test('accepts an optimizer of some parameters, a custom schedule, and one without an optimizer', () => {
  const part = new SGD(model.linear.parameters(), { lr: 1 })
  const schedule = new ReduceLROnPlateau(part)
  expect(new Training(model, data, { optimizer: part, schedule, validation }).optimizer).toBe(part)
  const own: Schedule = { lr: 1, step() {}, stateDict: () => ({}), loadStateDict() {} }
  expect(new Training(model, data, { schedule: own }).optimizer.lr).toBe(1)
})

test('train refuses a vocabulary that cannot continue its prefixes, before the training', async () => {
  const ofFour = Vocab.count('abc')
  await expect(train(model, data, null as never)).rejects.toThrow('train: vocab is null, expected the Vocab of the mod')
  await expect(train(model, data, ofFour)).rejects.toThrow(
    "is a Vocab of 4 tokens, expected the Vocab of the model's 5",
  )
})

test('errors name the function that was called', async () => {
  const wrong = { epochs: 0 }
  expect(() => new Training(model, data, wrong)).toThrow('Training: epochs is 0')
  await expect(trainSteps(model, data, wrong).next()).rejects.toThrow('trainSteps: epochs is 0')
  await expect(train(model, data, null as never, wrong)).rejects.toThrow('train: epochs is 0')
})
