import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { opaqueDevice } from '../../test/opaque-device.js'
import { DivergenceError, OptionError } from '../core/errors.js'
import { Generator } from '../core/random.js'
import { SequenceData } from '../data/sequences.js'
import { decodeSafetensors, encodeSafetensors } from '../formats/safetensors.js'
import { setDefaultDevice } from '../kernels/devices.js'
import { kernels } from '../kernels/index.js'
import { GRU } from '../nn/gru.js'
import { LSTM } from '../nn/lstm.js'
import { MinGRU } from '../nn/minimal.js'
import { RNNModel } from '../nn/model.js'
import type { RecurrentLayer } from '../nn/recurrent.js'
import type { RecurrentState } from '../nn/recurrent-state.js'
import { RNN } from '../nn/rnn.js'
import { Adam, AdamW } from '../optim/adam.js'
import { clipGradNorm } from '../optim/clip.js'
import type { Optimizer } from '../optim/optimizer.js'
import { RMSprop } from '../optim/rmsprop.js'
import { CosineLR, ReduceLROnPlateau, type Schedule, StepLR } from '../optim/schedules.js'
import { SGD } from '../optim/sgd.js'
import { crossEntropy } from '../tensor/losses.js'
import { asTensors, inMemoryOf } from '../tensor/saved-tensors.js'
import type { Tensor } from '../tensor/tensor.js'
import { evaluateCorpus } from './evaluate.js'
import { parseProgress, type TrainingState } from './progress.js'
import { Training } from './training.js'
import type { TrainEvent } from './training-events.js'
import type { TrainStepsOptions } from './training-options.js'

const VOCAB = 5
const corpusOf = (length: number) => Uint8Array.from({ length }, (_, i) => ((i * i) % 7) % VOCAB)

const cells = { rnn: RNN, gru: GRU, lstm: LSTM, mingru: MinGRU }
const optimizers: Record<string, (parameters: Tensor[]) => Optimizer> = {
  sgd: (parameters) => new SGD(parameters, { lr: 0.5 }),
  momentum: (parameters) => new SGD(parameters, { lr: 0.1, momentum: 0.9, nesterov: true }),
  adam: (parameters) => new Adam(parameters, { lr: 0.01 }),
  adamw: (parameters) => new AdamW(parameters, { lr: 0.01 }),
  rmsprop: (parameters) => new RMSprop(parameters, { lr: 0.01, momentum: 0.5 }),
}
const schedules: Record<string, (optimizer: Optimizer) => Schedule | undefined> = {
  none: () => undefined,
  step: (optimizer) => new StepLR(optimizer, { stepSize: 3, gamma: 0.7 }),
  cosine: (optimizer) => new CosineLR(optimizer, { totalSteps: 30, warmupSteps: 4 }),
  plateau: (optimizer) => new ReduceLROnPlateau(optimizer, { patience: 0, factor: 0.5 }),
}

interface Setting {
  cell: keyof typeof cells
  sampling: 'sequential' | 'random'
  optimizer: string
  schedule: string
  accumulate: number
  every?: number
  /** Whether the data draw from the model's generator. */
  shared?: boolean
}

function make(setting: Setting, seed: number, more: TrainStepsOptions = {}, dropout = 0.3) {
  const generator = new Generator(seed)
  const layer = new cells[setting.cell]({
    ...{ inputSize: VOCAB, hiddenSize: 6, numLayers: 2, dropout, generator },
  })
  const model = new RNNModel<RecurrentState>(layer as RecurrentLayer, VOCAB, { generator })
  const sizes = { batchSize: 2, numSteps: 5, sampling: setting.sampling }
  const data = new SequenceData(corpusOf(83), {
    ...sizes,
    generator: setting.shared ? generator : new Generator(seed + 1),
  })
  const optimizer = optimizers[setting.optimizer](model.parameters())
  const training = new Training(model, data, {
    optimizer,
    schedule: schedules[setting.schedule](optimizer),
    accumulate: setting.accumulate,
    validation: { corpus: corpusOf(31), every: setting.every },
    generators: [generator],
    epochs: 3,
    ...more,
  })
  return { model, training }
}

/** Sends a state through a file and JSON. */
function throughFile({ tensors, progress }: TrainingState): TrainingState {
  const bytes = encodeSafetensors(tensors, { progress: JSON.stringify(progress) })
  const file = decodeSafetensors(bytes)
  return { tensors: asTensors(file.tensors), progress: parseProgress(JSON.parse(file.metadata.progress), 'test') }
}

async function all(training: Training): Promise<TrainEvent[]> {
  const events: TrainEvent[] = []
  for await (const event of training.run()) events.push(event)
  return events
}

const timeless = (events: TrainEvent[]) => events.map((event) => ({ ...event, tokensPerSecond: 0 }))
const readBitsOf = async (model: RNNModel) =>
  Promise.all(Object.values(model.stateDict()).map(async (tensor) => [...(await tensor.values())]))
const bitsOf = (model: RNNModel) => Object.values(model.stateDict()).map(({ data }) => [...data])

/** Trainings, and after how many events each is stopped. */
const settings = fc.record({
  cell: fc.constantFrom<keyof typeof cells>('rnn', 'gru', 'lstm', 'mingru'),
  sampling: fc.constantFrom('sequential' as const, 'random' as const),
  optimizer: fc.constantFrom(...Object.keys(optimizers)),
  schedule: fc.constantFrom(...Object.keys(schedules)),
  accumulate: fc.integer({ min: 1, max: 3 }),
  every: fc.option(fc.integer({ min: 1, max: 9 }), { nil: undefined }),
  shared: fc.boolean(),
  stop: fc.nat(45),
})

describe('snapshot and restore', () => {
  test.each([3, 100])(
    'on a device that is read every %s steps: the same bits and events as on the CPU',
    async (every) => {
      const device = opaqueDevice(kernels(), every)
      const onDevice = async <T>(work: () => T | Promise<T>): Promise<T> => {
        setDefaultDevice(device)
        try {
          return await work()
        } finally {
          setDefaultDevice()
        }
      }
      // The kernels run a minimal cell as one operation, which this device does not have.
      const ofDevice = settings.filter(({ cell }) => cell !== 'mingru')
      await fc.assert(
        fc.asyncProperty(ofDevice, async ({ stop, ...setting }) => {
          const expected = make(setting, 3)
          const events = timeless(await all(expected.training))
          const whole = await onDevice(() => make(setting, 3))
          expect(await onDevice(async () => timeless(await all(whole.training)))).toEqual(events)
          expect(await readBitsOf(whole.model)).toEqual(bitsOf(expected.model))

          // The training stops after any event and is resumed from a snapshot of the last step that was read.
          const first = await onDevice(() => make(setting, 3))
          let seen = 0
          await onDevice(async () => {
            for await (const _ of first.training.run()) if (++seen > stop) break
          })
          const { tensors, progress } = await onDevice(() => first.training.snapshot())
          const state = throughFile({ tensors: await inMemoryOf(tensors), progress })
          const second = await onDevice(() => make(setting, 77))
          second.training.restore(state)
          const rest = await onDevice(async () => timeless(await all(second.training)))
          const later = events.filter((event) => event.type === 'step' && event.step > progress.step)
          expect(rest.filter((event) => event.type === 'step')).toEqual(later)
          expect(await readBitsOf(second.model)).toEqual(bitsOf(expected.model))
        }),
        { numRuns: 6 },
      )
    },
  )

  test('a training that was stopped after any event ends with the same bits as an uninterrupted one', async () => {
    await fc.assert(
      fc.asyncProperty(settings, async ({ stop, ...setting }) => {
        const whole = make(setting, 3)
        const expected = await all(whole.training)

        const first = make(setting, 3)
        const events: TrainEvent[] = []
        for await (const event of first.training.run()) {
          events.push(event)
          if (events.length > stop) break
        }
        const state = throughFile(first.training.snapshot())
        // Initial values and random numbers differ here, so everything that matters must come from the snapshot.
        const second = make(setting, 77)
        second.training.restore(state)
        events.push(...(await all(second.training)))
        expect(timeless(events)).toEqual(timeless(expected))
        expect(bitsOf(second.model)).toEqual(bitsOf(whole.model))
      }),
      { numRuns: 15 },
    )
  })

  test('refuses the snapshot of another optimizer or model, and changes nothing', () => {
    const setting: Setting = { cell: 'rnn', sampling: 'random', optimizer: 'adam', schedule: 'none', accumulate: 1 }
    const { tensors, progress } = make(setting, 1).training.snapshot()
    const other = make({ ...setting, optimizer: 'rmsprop' }, 2)
    const before = bitsOf(other.model)
    expect(() => other.training.restore({ tensors, progress })).toThrow(/RMSprop\.loadStateDict/)
    expect(bitsOf(other.model)).toEqual(before)
    expect(() => make({ ...setting, cell: 'gru' }, 2).training.restore({ tensors, progress })).toThrow(
      /exp_avg\.0 has the shape/,
    )
  })
})

describe('a run that failed', () => {
  const fault = new Error('a fault that passes')
  /** Runs a training again after each failure. */
  async function insist(training: Training): Promise<{ events: TrainEvent[]; failures: number }> {
    const events: TrainEvent[] = []
    for (let failures = 0; ; failures++) {
      try {
        for await (const event of training.run()) events.push(event)
        return { events, failures }
      } catch (error) {
        if (error !== fault) throw error
      }
    }
  }

  test.each([1, 3])('goes on as if nothing had failed, on a device that is read every %s steps', async (every) => {
    setDefaultDevice(opaqueDevice(kernels(), every))
    try {
      await fc.assert(
        fc.asyncProperty(settings, fc.constantFrom('data', 'model'), async ({ stop, ...setting }, culprit) => {
          const expected = make(setting, 3)
          const events = timeless(await all(expected.training))
          const { model, training } = make(setting, 3)
          const failing = stop % 20
          let calls = 0
          const passed = <T>(result: T): T => {
            if (calls++ === failing) throw fault
            return result
          }
          const { data } = training
          const { forward } = model
          const { batches } = data
          if (culprit === 'model') model.forward = (...given) => passed(forward.apply(model, given))
          else {
            data.batches = function* (from) {
              for (const batch of batches.call(data, from)) yield passed(batch)
            }
          }
          const insisted = await insist(training)
          expect(insisted.failures).toBe(1)
          expect(timeless(insisted.events)).toEqual(events)
          expect(await readBitsOf(model)).toEqual(await readBitsOf(expected.model))
        }),
        { numRuns: 6 },
      )
    } finally {
      setDefaultDevice()
    }
  })
})

test.each(['step', 'plateau'])('a schedule (%s) that fails does not take its event with it', async (schedule) => {
  const setting: Setting = { cell: 'gru', sampling: 'random', optimizer: 'adam', schedule, accumulate: 1 }
  const events = timeless(await all(make(setting, 3).training))
  for (const failing of [0, 2]) {
    const kind: { prototype: Schedule } = schedule === 'step' ? StepLR : ReduceLROnPlateau
    const { step } = kind.prototype
    let calls = 0
    const broken = vi.spyOn(kind.prototype, 'step').mockImplementation(function (this: Schedule, loss) {
      step.call(this, loss)
      if (calls++ === failing) throw new Error('the schedule failed')
    })
    const { training } = make(setting, 3)
    const got: TrainEvent[] = []
    const run = async () => {
      for await (const event of training.run()) got.push(event)
    }
    await expect(run()).rejects.toThrow('the schedule failed')
    await run()
    broken.mockRestore()
    expect(timeless(got)).toEqual(events)
  }
})

test('a step that the optimizer refuses is not counted, and is made once its cause is mended', async () => {
  const setting: Setting = { cell: 'gru', sampling: 'random', optimizer: 'adam', schedule: 'none', accumulate: 1 }
  const expected = make(setting, 3)
  const events = timeless(await all(expected.training))
  const { model, training } = make(setting, 3)
  const { lr } = training.optimizer
  const got: TrainEvent[] = []
  const failing = async () => {
    for await (const event of training.run()) {
      got.push(event)
      if (event.type === 'step' && event.step === 5) training.optimizer.groups[0].lr = Number.NaN
    }
  }
  await expect(failing()).rejects.toThrow('lr is NaN')
  training.optimizer.groups[0].lr = lr
  for await (const event of training.run()) got.push(event)
  expect(timeless(got)).toEqual(events)
  expect(await readBitsOf(model)).toEqual(await readBitsOf(expected.model))
})

test('a snapshot with NaN is refused by the name of its tensor, and nothing changes', () => {
  const setting: Setting = { cell: 'gru', sampling: 'random', optimizer: 'adam', schedule: 'none', accumulate: 1 }
  const { model, training } = make(setting, 3)
  const before = model.parameters().map(({ data }) => [...data])
  for (const name of Object.keys(training.snapshot().tensors)) {
    const saved = training.snapshot()
    saved.tensors[name].data[0] = Number.NaN
    expect(() => training.restore(saved)).toThrow(`Training.restore: ${name} holds NaN`)
  }
  expect(model.parameters().map(({ data }) => [...data])).toEqual(before)
})

describe('a step that leaves parameters that are not finite', () => {
  const setting: Setting = { cell: 'gru', sampling: 'random', optimizer: 'adam', schedule: 'none', accumulate: 1 }
  const withoutValidation = { validation: undefined }
  const endsOfEpochs = async () =>
    (await all(make(setting, 3, withoutValidation).training)).flatMap(({ type, step }) =>
      type === 'epoch' ? [step] : [],
    )
  /** Trains with an endless learning rate at this step, which is the last one or ends with a signal. */
  async function ruin(step: number, epochs?: number): Promise<void> {
    const abort = new AbortController()
    const { model, training } = make(setting, 3, { ...withoutValidation, signal: abort.signal, epochs: epochs ?? 9 })
    let good = bitsOf(model)
    const run = async () => {
      if (step === 1) training.optimizer.groups[0].lr = 1e39
      for await (const event of training.run()) {
        if (event.type === 'epoch') good = bitsOf(model)
        if (event.step === step - 1) training.optimizer.groups[0].lr = 1e39
        if (event.step === step && epochs === undefined) abort.abort()
      }
    }
    const error = await run().catch((thrown) => thrown)
    expect(error).toBeInstanceOf(DivergenceError)
    expect(error.message).toMatch(
      /^Training: a parameter became -?(NaN|Infinity) at step .*try a smaller lr than 1e\+39/,
    )
    expect(error.step).toBe(step)
    expect(training.ended).toBeUndefined()
    expect(bitsOf(model)).toEqual(good)
  }

  test('and after which the signal stops it, is a divergence', async () => {
    const [first] = await endsOfEpochs()
    for (const step of [1, 2, first + 2]) await ruin(step)
  })

  test('and ends the last epoch, is a divergence', async () => {
    const [first, second] = await endsOfEpochs()
    await ruin(first, 1)
    await ruin(second, 2)
  })

  test('of a token that neither text has, is a divergence when the held-out text is measured', async () => {
    const { model, training } = make(setting, 3, { validation: { corpus: corpusOf(31), every: 3 } })
    const run = async () => {
      for await (const event of training.run()) {
        // The corpora have no token 3, so no loss reads its column.
        if (event.step === 2) model.rnn.parameters()[0].data[3] = Infinity
      }
    }
    await expect(run()).rejects.toThrow(/^Training: a parameter became Infinity at step 3 /)
    expect(training.best).toBeUndefined()
  })
})

describe('a step', () => {
  const setting: Setting = { cell: 'gru', sampling: 'random', optimizer: 'sgd', schedule: 'none', accumulate: 3 }

  test('with accumulate, takes the mean gradient of several batches, clipped by value and then by norm', async () => {
    const options = { clipValue: 0.02, clip: 0.05, validation: undefined, epochs: 1 }
    const { model, training } = make(setting, 5, options, 0)
    const twin = make(setting, 5, options, 0).model
    const data = new SequenceData(corpusOf(83), {
      ...{ batchSize: 2, numSteps: 5, sampling: 'random', generator: new Generator(6) },
    })
    const batches = [...data.batches()].slice(0, 3)
    let total = 0
    for (const { x, y } of batches) {
      const loss = crossEntropy(twin.forward(x).output, y.T.reshape(-1)).div(3)
      loss.backward()
      total += await loss.item()
    }
    for (const { grad } of twin.parameters()) {
      const values = grad!.data
      for (let i = 0; i < values.length; i++) values[i] = Math.min(0.02, Math.max(-0.02, values[i]))
    }
    clipGradNorm(twin.parameters(), 0.05)
    new SGD(twin.parameters(), { lr: 0.5 }).step()

    const { value } = await training.run().next()
    expect(value).toMatchObject({ type: 'step', step: 1, batch: 3, lr: 0.5 })
    expect((value as { loss: number }).loss).toBeCloseTo(total, 5)
    bitsOf(model).forEach((values, i) => {
      values.forEach((value, j) => {
        expect(value).toBeCloseTo(bitsOf(twin)[i][j], 6)
      })
    })
  })

  test('each step of an epoch takes the mean gradient of its batches, also the last one, which has fewer', async () => {
    const options = { clip: 0.05, validation: undefined, epochs: 1 }
    const { model, training } = make(setting, 5, options, 0)
    const twin = make(setting, 5, options, 0).model
    const sgd = new SGD(twin.parameters(), { lr: 0.5 })
    const data = new SequenceData(corpusOf(83), {
      ...{ batchSize: 2, numSteps: 5, sampling: 'random', generator: new Generator(6) },
    })
    const batches = [...data.batches()]
    expect(batches.length % 3).toBe(2)
    const norms: number[] = []
    for (let from = 0; from < batches.length; from += 3) {
      const group = batches.slice(from, from + 3)
      twin.zeroGrad()
      for (const { x, y } of group) {
        crossEntropy(twin.forward(x).output, y.T.reshape(-1)).div(group.length).backward()
      }
      norms.push(await clipGradNorm(twin.parameters(), 0.05).item())
      sgd.step()
    }
    const events = await all(training)
    const found = events.flatMap((event) => (event.type === 'step' ? [event.gradNorm] : []))
    expect(found.length).toBe(norms.length)
    found.forEach((norm, i) => {
      expect(norm).toBeCloseTo(norms[i], 6)
    })
    bitsOf(model).forEach((values, i) => {
      values.forEach((value, j) => {
        expect(value).toBeCloseTo(bitsOf(twin)[i][j], 6)
      })
    })
  })

  test('an epoch whose batches are not a multiple of accumulate ends with a step of the rest', async () => {
    const { training } = make({ ...setting, sampling: 'sequential', accumulate: 3 }, 0, { epochs: 1 })
    const batches = (await all(training)).flatMap((event) => (event.type === 'step' ? [event.batch] : []))
    expect(batches.slice(0, 2)).toEqual([3, 6])
    expect(batches.at(-1)! - batches.at(-2)!).toBeLessThan(3)
  })
})

describe('validation', () => {
  const setting: Setting = { cell: 'lstm', sampling: 'sequential', optimizer: 'sgd', schedule: 'none', accumulate: 1 }
  const typesOf = (events: TrainEvent[]) => events.map(({ type }) => type)

  test('comes after each epoch, or every few steps and at the end, with the loss of the held-out text', async () => {
    const { model, training } = make(setting, 2, { epochs: 2 })
    const events = await all(training)
    expect(typesOf(events).filter((type) => type !== 'step')).toEqual(['epoch', 'validation', 'epoch', 'validation'])
    const { loss } = await evaluateCorpus(model, corpusOf(31), { batchSize: 2, numSteps: 5 })
    expect(events.at(-1)).toMatchObject({ type: 'validation', epoch: 2, loss, perplexity: Math.exp(loss) })

    const steps = (await all(make({ ...setting, every: 5 }, 2, { epochs: 2 }).training)).flatMap((event) =>
      event.type === 'validation' ? [event.step] : [],
    )
    expect(steps.slice(0, 2)).toEqual([5, 10])
    expect(steps.at(-1)).toBe(training.step)
  })

  test('best is the lowest; after `patience` without a new one the training is over', async () => {
    // With a learning rate of 0 the loss stays the same, so the first validation is the best.
    const optimizer = (parameters: Tensor[]) => new SGD(parameters, { lr: 0 })
    const { model } = make(setting, 2)
    const data = new SequenceData(corpusOf(83), { batchSize: 2, numSteps: 5 })
    const training = new Training(model, data, {
      ...{ optimizer: optimizer(model.parameters()), validation: { corpus: corpusOf(31) }, patience: 3, epochs: 50 },
    })
    const events = await all(training)
    const best = events.flatMap((event) => (event.type === 'validation' ? [event.best] : []))
    expect(best).toEqual([true, false, false, false])
    expect(training.ended).toBe('patience')
    expect(training.best!.step).toBe(events.find(({ type }) => type === 'validation')!.step)
  })

  test('ReduceLROnPlateau sees only the held-out loss: learning rates change only with validations', async () => {
    const { model } = make(setting, 2)
    const data = new SequenceData(corpusOf(83), { batchSize: 2, numSteps: 5 })
    // The learning rate is so small that no loss improves on the first one by the threshold.
    const optimizer = new SGD(model.parameters(), { lr: 1e-6 })
    const schedule = new ReduceLROnPlateau(optimizer, { patience: 0, factor: 0.5 })
    const training = new Training(model, data, { optimizer, schedule, validation: { corpus: corpusOf(31) }, epochs: 4 })
    const rates = new Map<number, Set<number>>()
    for (const event of await all(training)) {
      if (event.type === 'step') rates.set(event.epoch, (rates.get(event.epoch) ?? new Set()).add(event.lr))
    }
    expect([...rates.values()].map((set) => [...set])).toEqual([[1e-6], [1e-6], [5e-7], [2.5e-7]])
  })

  test('patience that is used up within an epoch ends the training there', async () => {
    const { model } = make(setting, 2)
    const data = new SequenceData(corpusOf(83), { batchSize: 2, numSteps: 5 })
    const optimizer = new SGD(model.parameters(), { lr: 0 })
    const validation = { corpus: corpusOf(31), every: 2 }
    const training = new Training(model, data, { optimizer, validation, patience: 1, epochs: 50 })
    const events = await all(training)
    // The best loss comes after step 2; after step 4 it is no better.
    expect(typesOf(events)).toEqual(['step', 'step', 'validation', 'step', 'step', 'validation'])
    expect([training.ended, training.step, training.epoch]).toEqual(['patience', 4, 1])
  })

  test.each([
    { patience: 2, validation: undefined },
    { patience: 0 },
    { accumulate: 0 },
    { accumulate: 1.5 },
    { clipValue: 0 },
    { clipValue: Number.NaN },
    { validation: { corpus: corpusOf(31), every: 0 } },
  ])('refuses %o', (wrong) => {
    expect(() => make(setting, 0, wrong)).toThrow(OptionError)
  })
})
