import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DivergenceError, FormatError, OptionError } from '../core/errors.js'
import { Generator } from '../core/random.js'
import { SequenceData } from '../data/sequences.js'
import { GRU } from '../nn/gru.js'
import { LSTM } from '../nn/lstm.js'
import { RNNModel } from '../nn/model.js'
import type { RecurrentLayer } from '../nn/recurrent.js'
import { Adam } from '../optim/adam.js'
import { SGD } from '../optim/sgd.js'
import type { TrainingState } from './progress.js'
import { Training } from './training.js'
import type { TrainStepsOptions } from './training-options.js'

const VOCAB = 5
const corpus = Uint8Array.from({ length: 83 }, (_, i) => ((i * i) % 7) % VOCAB)

interface Setting {
  sampling: 'sequential' | 'random'
  lstm: boolean
  /** Whether the data and dropout draw from the same generator. */
  shared: boolean
}

/** Two layers and dropout of the output, so that the layer and the model each draw from their own generator. */
function make({ sampling, lstm, shared }: Setting, seed: number, more: TrainStepsOptions = {}, dropout = 0.3) {
  const [first, second] = [new Generator(seed), new Generator(seed + 1)]
  const sizes = { inputSize: VOCAB, hiddenSize: 6, numLayers: 2, dropout, generator: first }
  const layer: RecurrentLayer = lstm ? (new LSTM(sizes) as RecurrentLayer) : (new GRU(sizes) as RecurrentLayer)
  const model = new RNNModel(layer, VOCAB, { outputDropout: dropout, generator: second })
  const generator = shared ? second : new Generator(seed + 2)
  const data = new SequenceData(corpus, { batchSize: 2, numSteps: 5, sampling, generator })
  const optimizer = new Adam(model.parameters(), { lr: 0.01 })
  return new Training(model, data, { optimizer, epochs: 3, accumulate: 2, ...more })
}

/** Runs up to an event and stops there. */
async function runTo(training: Training, events: number): Promise<Training> {
  let seen = 0
  if (events > 0) for await (const _ of training.run()) if (++seen === events) break
  return training
}

const run = (training: Training) => runTo(training, Infinity)
const plain = ({ tensors, progress }: TrainingState) => ({
  tensors: Object.fromEntries(Object.entries(tensors).map(([name, { data, shape }]) => [name, { data, shape }])),
  progress,
})

const setting = fc.record({
  sampling: fc.constantFrom('sequential' as const, 'random' as const),
  lstm: fc.boolean(),
  shared: fc.boolean(),
})
const some: Setting = { sampling: 'sequential', lstm: true, shared: false }

describe('a snapshot', () => {
  test('taken right after a restore equals the restored one, and leads to the same end as a training that was never stopped', async () => {
    await fc.assert(
      fc.asyncProperty(setting, fc.nat(17), async (setting, stop) => {
        const whole = plain((await run(make(setting, 3))).snapshot())
        const first = (await runTo(make(setting, 3), stop)).snapshot()
        const second = make(setting, 77)
        second.restore(first)
        expect(plain(second.snapshot())).toEqual(plain(first))
        const third = make(setting, 99)
        third.restore(second.snapshot())
        expect(plain((await run(third)).snapshot())).toEqual(whole)
      }),
      { numRuns: 12 },
    )
  })

  test('of a finished training also equals the restored one, and another epoch is the same from both', async () => {
    const ended = await run(make(some, 3))
    const again = make(some, 77)
    again.restore(ended.snapshot())
    expect(again.isOver()).toBe(true)
    expect(plain(again.snapshot())).toEqual(plain(ended.snapshot()))
    const longer = await run(make(some, 3, { epochs: 4 }))
    const continued = make(some, 55, { epochs: 4 })
    continued.restore(again.snapshot())
    expect(plain((await run(continued)).snapshot())).toEqual(plain(longer.snapshot()))
  })

  test('has the generators of all layers, and those in the options', async () => {
    const { generators } = make(some, 1).snapshot().progress
    expect(generators.length).toBe(2)
    const extra = new Generator(5)
    const told = make(some, 1, { generators: [extra] })
    expect(told.snapshot().progress.generators[0]).toEqual(extra.state)
    expect(told.snapshot().progress.generators.length).toBe(3)
    const own = make(some, 1)
    const known = new Training(own.model, own.data, { generators: own.model.generators(), epochs: 1 })
    expect(known.snapshot().progress.generators.length).toBe(2)
  })
})

describe('a run that is stopped', () => {
  test('continues in another run with the same bits', async () => {
    await fc.assert(
      fc.asyncProperty(setting, fc.array(fc.integer({ min: 1, max: 6 }), { maxLength: 4 }), async (setting, stops) => {
        const training = make(setting, 3)
        for (const stop of stops) await runTo(training, stop)
        expect(plain((await run(training)).snapshot())).toEqual(plain((await run(make(setting, 3))).snapshot()))
      }),
      { numRuns: 9 },
    )
  })

  test('a second run at the same time is refused, and the first one is not disturbed', async () => {
    const training = make(some, 3)
    const first = training.run()
    await first.next()
    const second = training.run()
    await expect(second.next()).rejects.toThrow(OptionError)
    await expect(training.run().next()).rejects.toThrow('Training.run: the training is already running')
    expect(() => training.restore(training.snapshot())).toThrow('Training.restore: the training is already running')
    for await (const _ of first);
    expect(plain(training.snapshot())).toEqual(plain((await run(make(some, 3))).snapshot()))
    expect((await training.run().next()).done).toBe(true)
  })

  test('a finished training continues from an earlier snapshot', async () => {
    const training = make(some, 3)
    await runTo(training, 4)
    const early = training.snapshot()
    const end = plain((await run(training)).snapshot())
    expect(training.ended).toBe('epochs')
    training.restore(early)
    expect(training.ended).toBe(undefined)
    expect(plain((await run(training)).snapshot())).toEqual(end)
  })
})

test('a divergence after a restore brings back the restored parameters, not the initial ones', async () => {
  const good = (await runTo(make(some, 3), 8)).snapshot()
  const training = make(some, 77)
  training.restore(good)
  training.model.linear.weight.data.fill(Number.NaN)
  const diverged = run(training)
  await expect(diverged).rejects.toThrow(DivergenceError)
  await expect(diverged).rejects.toThrow(/the model keeps the parameters that it was restored with; try/)
  for (const [name, { data }] of Object.entries(training.model.stateDict())) {
    expect(data, name).toEqual(good.tensors[`model.${name}`].data)
  }
})

test('a training whose step failed within an epoch is as it was before that step', async () => {
  const training = await runTo(make(some, 3), 7)
  const before = plain(training.snapshot())
  const { forward } = training.model
  let calls = 0
  training.model.forward = (...given) => {
    // The error comes in the second batch of the step.
    if (++calls === 2) throw new Error('out of luck')
    return forward.apply(training.model, given)
  }
  await expect(run(training)).rejects.toThrow('out of luck')
  training.model.forward = forward
  const { generators: _, ...after } = training.snapshot().progress
  const { generators: __, ...expected } = before.progress
  expect(after).toEqual(expected)
  expect(plain(training.snapshot()).tensors).toEqual(before.tensors)
})

test('a divergence in a later epoch brings back the parameters of the epoch before', async () => {
  const training = make(some, 3)
  const good: Record<string, ArrayLike<number>> = {}
  const explode = async () => {
    for await (const event of training.run()) {
      if (event.type !== 'epoch') continue
      for (const [name, { data }] of Object.entries(training.model.stateDict())) good[name] = data
      if (event.epoch === 2) training.model.linear.weight.data.fill(Number.NaN)
    }
  }
  await expect(explode()).rejects.toThrow(/^Training: .* at step \d+ \(epoch 3\)/)
  for (const [name, { data }] of Object.entries(training.model.stateDict())) expect(data, name).toEqual(good[name])
})

describe('restore refuses a state that no training can have made, and changes nothing', () => {
  type Change = (state: TrainingState) => unknown
  test.each<[string, Change, string]>([
    ['h is missing', ({ tensors }) => delete tensors['state.h'], 'the state carried to batch 5: h is missing'],
    ['c is missing', ({ tensors }) => delete tensors['state.c'], 'the state carried to batch 5: c is missing'],
    [
      'both are missing',
      ({ tensors }) => [delete tensors['state.h'], delete tensors['state.c']],
      'h is missing; c is missing',
    ],
    [
      'a state of another batch size',
      ({ tensors }) => Object.assign(tensors, { 'state.h': tensors['state.h'].slice(1, 0, 1) }),
      'h has the shape [2, 1, 6], expected [2, 2, 6]',
    ],
    ['no generators', ({ progress }) => progress.generators.splice(0), 'the number of generators is 0, expected 2'],
    [
      'a generator of zeros',
      ({ progress }) => progress.generators[1].fill(0),
      'generators.1: Generator.state: it is an array of 4 numbers, expected an array of 4 words that are not all 0',
    ],
    [
      'a generator of three words',
      ({ progress }) => progress.generators[0].splice(3),
      'generators.0: Generator.state: it is an array of 3 numbers',
    ],
    [
      'a generator of fractions',
      ({ progress }) => Object.assign(progress, { data: [0.5, 1, 2, 3] }),
      'data: Generator',
    ],
    [
      'a batch beyond an epoch',
      ({ progress }) => Object.assign(progress, { batch: 1e15 }),
      'batch is 1000000000000000',
    ],
    [
      'a batch of another text',
      ({ progress }) => Object.assign(progress, { batch: 9 }),
      'batch is 9, expected at most 8',
    ],
    [
      'an epoch beyond its steps',
      ({ progress }) => Object.assign(progress, { epoch: 2 ** 53 - 1 }),
      'epoch is 9007199254740991, expected at most 3 after 2 steps',
    ],
    ['NaN as the sum of losses', ({ progress }) => Object.assign(progress, { lossSum: Number.NaN }), 'lossSum'],
    ['an infinite norm', ({ progress }) => Object.assign(progress, { gradNorm: Infinity }), 'gradNorm'],
    ['tokens of other batches', ({ progress }) => Object.assign(progress, { tokens: 39 }), 'tokens is 39, expected 40'],
    ['losses before any batch', ({ progress }) => Object.assign(progress, { batch: 0, tokens: 0 }), 'lossSum is'],
    [
      'a validation in the future',
      ({ progress }) => Object.assign(progress, { validated: 3 }),
      'validated is 3, expected at most the 2 steps',
    ],
    [
      'the best loss in the future',
      ({ progress }) => Object.assign(progress, { best: { loss: 1, step: 3, since: 0 } }),
      'best.step is 3',
    ],
    ['no step', ({ progress }) => Object.assign(progress, { step: undefined }), 'step'],
    ['no parameter', ({ tensors }) => delete tensors['model.linear.bias'], 'linear.bias is missing'],
    ['the state of another optimizer', ({ tensors }) => delete tensors['optimizer.exp_avg.0'], 'exp_avg.0 is missing'],
  ])('%s', async (_what, change, message) => {
    const state = structuredClonePlain((await runTo(make(some, 3), 2)).snapshot())
    change(state)
    const training = await runTo(make(some, 9), 3)
    const before = plain(training.snapshot())
    expect(() => training.restore(state)).toThrow(FormatError)
    expect(() => training.restore(state)).toThrow(message)
    expect(plain(training.snapshot())).toEqual(before)
  })

  /** A copy whose values may be changed. */
  const structuredClonePlain = ({ tensors, progress }: TrainingState): TrainingState => ({
    tensors: { ...tensors },
    progress: structuredClone(progress),
  })
})

test('a frozen optimizer group, or parameters that the optimizer does not have, are restored as they were', async () => {
  const training = make(some, 3)
  const { model, data } = training
  const onlyLinear = new Training(model, data, { optimizer: new SGD(model.linear.parameters(), { lr: 1 }), epochs: 1 })
  const before = model.rnn.stateDict()
  await run(onlyLinear as Training)
  for (const [name, { data }] of Object.entries(model.rnn.stateDict())) expect(data, name).toEqual(before[name].data)
})
