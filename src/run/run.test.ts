import fc from 'fast-check'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { play } from '../../test/play.js'
import { DataError, DivergenceError, FormatError, OptionError } from '../core/errors.js'
import { decodeModel, type LoadedModel } from '../formats/saved-model.js'
import type { TrainEvent } from '../train/training-events.js'
import { decodeCheckpoint, encodeCheckpoint } from './checkpoint.js'
import { ExplodedError } from './explosion.js'
import { parseHistory } from './history.js'
import { UnsavedModelError } from './keeper.js'
import { MemoryStore } from './memory-store.js'
import { resumeRun } from './resume.js'
import type { RunEvent } from './run-events.js'
import { runModel } from './run-model.js'
import type { RunOptions } from './run-options.js'
import { fingerprintOf, textSource } from './run-text.js'
import { savedRun } from './saved-run.js'
import { startRun } from './start.js'
import { BEST, CHECKPOINT, HISTORY } from './store.js'

const text = textSource('the quick brown fox jumps over the lazy dog. '.repeat(12), 'fox')
const small: Partial<RunOptions> = {
  ...{ cell: 'gru', hiddenSize: 6, batchSize: 4, numSteps: 8, epochs: 4, optimizer: 'adam', lr: 0.01 },
  ...{ validation: 0.2, outputDropout: 0.2, kernels: 'wasm', threads: 1 },
}

const begin = (store: MemoryStore, options: Partial<RunOptions> = {}, setup = {}) =>
  startRun(store, text, { ...small, ...options }, setup)
const modelIn = (store: MemoryStore): Promise<LoadedModel> => decodeModel(Object.fromEntries(store.files))
const parametersIn = async (store: MemoryStore) => {
  const { model } = await modelIn(store)
  return Object.fromEntries(Object.entries(model.stateDict()).map(([name, { data }]) => [name, [...data]]))
}
const losses = (events: readonly RunEvent[]) =>
  events.flatMap((event) => (event.type === 'step' || event.type === 'validation' ? [[event.step, event.loss]] : []))

describe('a run', () => {
  test('saves between two events when asked, whichever they are, to the same bits, and is not changed by that', async () => {
    const whole = new MemoryStore()
    const events = await play(await begin(whole))
    const store = new MemoryStore()
    const run = await begin(store)
    /** Of each kind of event, what was saved after one of them. */
    const kept = new Map<string, { store: MemoryStore; step: number }>()
    const seen: RunEvent[] = []
    for await (const event of run.events()) {
      seen.push(event)
      const { epoch, step } = run.training
      await run.save()
      if (epoch > 2 || run.training.ended !== undefined) continue
      const copy = new MemoryStore()
      for (const name of await store.names()) await copy.write(name, store.files.get(name)!)
      kept.set(event.type, { store: copy, step })
    }
    await run.close()
    expect(losses(seen)).toEqual(losses(events))
    expect([...kept.keys()].sort()).toEqual(['epoch', 'sample', 'step', 'validation'])
    for (const { store, step } of kept.values()) {
      expect((await savedRun(store)).progress.step).toBe(step)
      await play(await resumeRun(store, text))
      expect(await parametersIn(store)).toEqual(await parametersIn(whole))
    }
  })

  test('tells steps, epochs and validations, and keeps its model, checkpoint and history', async () => {
    const store = new MemoryStore()
    const run = await begin(store)
    const events = await play(run)
    const kinds = events.map(({ type }) => type)
    expect(kinds.filter((kind) => kind === 'epoch')).toHaveLength(4)
    expect(kinds.filter((kind) => kind === 'validation')).toHaveLength(4)
    expect(kinds.slice(-2)).toEqual(['trained', 'done'])
    const done = events.at(-1)!
    expect(done).toMatchObject({ type: 'done', epochs: 4, saved: true, ended: 'epochs', best: run.training.best })
    expect(Object.keys(await parametersIn(store))).toContain('rnn.weight_hh_l0')
    const history = parseHistory(new TextDecoder().decode(store.files.get(HISTORY)), HISTORY)
    const told = events.filter((event): event is TrainEvent => event.type === 'epoch' || event.type === 'validation')
    expect(history.filter(({ type }) => type !== 'step').map(({ seconds: _, ...event }) => event)).toEqual(told)
    const { config } = await modelIn(store)
    const { corpus } = run.text
    expect(config.training).toMatchObject({ text: 'fox', texts: ['fox'], cell: 'gru', epochs: 4, lr: 0.01 })
    expect(config.training!.fingerprint).toBe(await fingerprintOf(corpus))
    // The best model is the one that is saved.
    expect(config.training!.steps).toBe(run.training.best!.step)
    expect(store.files.has(BEST)).toBe(false)
  })

  test('that is cut off after any event goes on to the same bits and losses', async () => {
    const whole = new MemoryStore()
    const all = losses(await play(await begin(whole)))
    const expected = await parametersIn(whole)
    await fc.assert(
      fc.asyncProperty(fc.nat(40), async (stop) => {
        const store = new MemoryStore()
        let seen = 0
        const first = await play(await begin(store, { checkpointSteps: 1 }), () => ++seen > stop)
        const run = await resumeRun(store, text)
        const from = run.training.step
        // The step of the last event may not have been saved yet.
        expect(losses(first).filter(([step]) => step > from).length).toBeLessThanOrEqual(2)
        const rest = await play(run)
        const left = losses(rest)
        expect(left).toEqual(all.slice(all.length - left.length))
        const next = rest.find(({ type }) => type === 'step' || type === 'validation')
        if (next) expect(left[0][0] - from).toBe(next.type === 'validation' ? 0 : 1)
        expect(await parametersIn(store)).toEqual(expected)
      }),
      { numRuns: 8 },
    )
  })

  test('whose loop is left keeps what it learned, and the best model', async () => {
    const whole = new MemoryStore()
    const all = await play(await begin(whole))
    const lastBest = all.findLast((event) => event.type === 'validation' && event.best)!
    for (const until of ['step', 'validation', 'epoch'] as const) {
      const store = new MemoryStore()
      const isLast = (event: RunEvent) =>
        event.type === until && 'step' in event && event.step >= (lastBest as { step: number }).step
      const left = (await play(await begin(store), isLast)).at(-1) as { step: number }
      const run = await resumeRun(store, text)
      expect(run.training.step).toBe(left.step)
      const events = await play(run)
      expect(events.filter(({ type }) => type === 'warning')).toEqual([])
      expect(await parametersIn(store)).toEqual(await parametersIn(whole))
    }
  })

  test('that a signal stops keeps its model and checkpoint, and goes on where it stopped', async () => {
    const store = new MemoryStore()
    const abort = new AbortController()
    const run = await begin(store, {}, { signal: abort.signal })
    const events = await play(run, (event) => {
      if (event.type === 'step' && event.step === 5) abort.abort()
      return false
    })
    expect(events.at(-1)).toMatchObject({ type: 'done', ended: 'signal', steps: 5, checkpoint: 'memory' })
    await expect(begin(store)).rejects.toThrow(/a training there is not finished/)
    const again = await resumeRun(store, text, { epochs: 2 })
    expect(again.training.step).toBe(5)
    expect(again.notes).toEqual(['continuing after step 5', 'with epochs 2, was 4'])
    expect((await play(again)).at(-1)).toMatchObject({ type: 'done', epochs: 2 })
    await expect(resumeRun(store, text)).rejects.toThrow(
      /has finished, after epoch 2; to continue it, give epochs a number larger/,
    )
  })

  test('with a warm-up cannot go on for fewer epochs than that takes, and says so', async () => {
    const store = new MemoryStore()
    const long = { schedule: 'cosine', warmup: 40, epochs: 30 } as const
    await play(await begin(store, long), ({ type }) => type === 'epoch')
    const expected = /: the training has \d+ steps with epochs 2, expected more than the 40 of its warmup$/
    await expect(resumeRun(store, text, { epochs: 2 })).rejects.toThrow(expected)
    await expect(resumeRun(store, text, { epochs: 0 })).rejects.toThrow(/: epochs is 0, expected /)
    await expect(begin(new MemoryStore(), { ...long, epochs: 2 })).rejects.toThrow(expected)
  })

  test('begins with a saved model, with rows for new tokens on demand', async () => {
    const store = new MemoryStore()
    await play(await begin(store))
    const model = await modelIn(store)
    const other = textSource('THE QUICK fox! '.repeat(30), 'loud')
    const tuned = new MemoryStore()
    const options = { batchSize: 4, numSteps: 8, epochs: 1, kernels: 'wasm', threads: 1 } as const
    const run = await startRun(tuned, other, { ...options, initFrom: 'fox', extendVocab: true }, { model })
    expect(run.notes).toEqual([expect.stringMatching(/^new rows for .*"Q"/)])
    expect(run.vocab.size).toBe(model.vocab.size + new Set('THEQUICK!').size)
    expect(run.options).toMatchObject({ cell: 'gru', hiddenSize: 6, initFrom: 'fox' })
    await play(run)
    const same = await startRun(new MemoryStore(), other, options, { model })
    expect(same.notes).toEqual([expect.stringMatching(/^unknown to the model, taken as <unk>/)])
    expect(same.model.stateDict()).toEqual(model.model.stateDict())
    await same.close()
  })

  test('that explodes says so, replaces no model, and tells what to try', async () => {
    const store = new MemoryStore()
    await play(await begin(store))
    const good = await parametersIn(store)
    const bad = { optimizer: 'sgd', lr: 1e4, clip: Infinity, validation: 0, outputDropout: 0, epochs: 2 } as const
    const events: RunEvent[] = []
    const run = await begin(store, bad)
    const playing = (async () => {
      for await (const event of run.events()) events.push(event)
    })()
    await expect(playing).rejects.toThrow(/./)
    const error = await playing.catch((thrown) => thrown)
    expect(error instanceof ExplodedError || error instanceof DivergenceError).toBe(true)
    await run.close()
    expect(events.at(-1)).toMatchObject({ type: 'broken', options: { lr: expect.any(Number) } })
    expect(await parametersIn(store)).toEqual(good)
  })
})

describe('a run that is stopped right after a step that made its parameters infinite', () => {
  const wild = { lr: 1e39, validation: 0, outputDropout: 0 }

  test('in its first epoch, ends as one that diverged, without a word about its store', async () => {
    const store = new MemoryStore()
    const abort = new AbortController()
    const { events, error } = await stopped(await begin(store, wild, { signal: abort.signal }), abort, 1)
    expect(error).toBeInstanceOf(DivergenceError)
    expect(events.map(({ type }) => type)).toEqual(['step', 'trained', 'broken'])
    expect(events.at(-1)).toMatchObject({ resumable: false, options: { lr: 0.001 } })
    expect(await store.names()).not.toContain(CHECKPOINT)
  })

  test('later, keeps the checkpoint and the model from before', async () => {
    const store = new MemoryStore()
    await play(await begin(store, { validation: 0, epochs: 2 }))
    const [good, { step }] = [await parametersIn(store), (await savedRun(store)).progress]
    const abort = new AbortController()
    const changes = { lr: 1e39, epochs: 4 }
    const run = await resumeRun(store, text, changes, { signal: abort.signal })
    const { events, error } = await stopped(run, abort, step + 1)
    expect(error).toBeInstanceOf(DivergenceError)
    expect(events.map(({ type }) => type)).toEqual(['step', 'trained', 'done', 'broken'])
    expect(events.at(-1)).toMatchObject({ resumable: true, step, options: { lr: 0.01, epochs: 4 } })
    expect(events.at(-2)).toMatchObject({ ended: undefined })
    expect((await savedRun(store)).progress.step).toBe(step)
    expect(await parametersIn(store)).toEqual(good)
  })

  test('because its reader leaves, keeps the checkpoint from before', async () => {
    const store = new MemoryStore()
    const events = await play(await begin(store, wild), ({ type }) => type === 'step')
    expect(events).toHaveLength(1)
    expect((await savedRun(store)).progress.step).toBe(0)
  })

  test('when a checkpoint is due, saves none, and says so at the next step', async () => {
    const store = new MemoryStore()
    const abort = new AbortController()
    const { events, error } = await stopped(await begin(store, { ...wild, checkpointSteps: 1 }), abort, 99)
    expect(error).toBeInstanceOf(DivergenceError)
    expect(events.map(({ type }) => type)).toEqual(['step', 'trained', 'broken'])
  })
})

/** Reads a run's events, and stops it after a step. */
async function stopped(run: Awaited<ReturnType<typeof begin>>, abort: AbortController, step: number) {
  const events: RunEvent[] = []
  const error = await play(run, (event) => {
    events.push(event)
    if (event.type === 'step' && event.step === step) abort.abort()
    return false
  }).catch((thrown) => thrown)
  return { events, error }
}

/** A store that refuses to write files of some names. */
class Refusing extends MemoryStore {
  refused: readonly string[] = []
  override async write(name: string, bytes: Uint8Array): Promise<void> {
    if (this.refused.includes(name)) throw new DataError(`${name}: there is no room`)
    await super.write(name, bytes)
  }
  override async saveModel(files: Parameters<MemoryStore['saveModel']>[0]): Promise<void> {
    if (this.refused.includes('model')) throw new DataError('model: there is no room')
    await super.saveModel(files)
  }
  override async append(name: string, kept: number): ReturnType<MemoryStore['append']> {
    if (this.refused.includes(name)) throw new DataError(`${name}: there is no room`)
    return super.append(name, kept)
  }
}

describe('a store that refuses', () => {
  const warnings = (events: readonly RunEvent[]) =>
    events.flatMap((event) => (event.type === 'warning' ? [event.message] : []))

  afterEach(() => vi.restoreAllMocks())

  /** Makes waits of half a second or more be over at once, and keeps how long they would have been. */
  function hurried(): number[] {
    const waits: number[] = []
    const { setTimeout } = globalThis
    vi.spyOn(globalThis, 'setTimeout').mockImplementation(((work: () => void, wait = 0) => {
      if (wait >= 500) waits.push(wait)
      return setTimeout(work, wait >= 500 ? 0 : wait)
    }) as typeof setTimeout)
    return waits
  }

  test('the first checkpoint: nothing begins', async () => {
    const store = new Refusing()
    store.refused = [CHECKPOINT]
    const run = await begin(store)
    await expect(play(run)).rejects.toThrow('there is no room')
    expect([...store.files.keys()]).toEqual([])
  })

  test('the history: the training goes on without it, and says so once', async () => {
    const store = new Refusing()
    store.refused = [HISTORY]
    const events = await play(await begin(store))
    expect(warnings(events)).toEqual([expect.stringMatching(/there is no room; the training goes on without it$/)])
    expect(events.at(-1)).toMatchObject({ type: 'done', saved: true })
  })

  test('checkpoints for a while: they are tried again', async () => {
    const store = new Refusing()
    const run = await begin(store, { checkpointSteps: 1 })
    const events = await play(run, (event) => {
      if (event.type === 'step') store.refused = event.step < 6 ? [CHECKPOINT, BEST] : []
      return false
    })
    expect(warnings(events)).toContainEqual(expect.stringMatching(/the training goes on, and tries again later$/))
    const { progress, run: record } = (await store.read(CHECKPOINT, decodeCheckpoint))!
    expect(progress!.step).toBe(run.training.step)
    expect(record).toMatchObject({ finished: true })
  })

  test('the last checkpoint, as every other place does: the model is saved all the same, and a warning says what is left', async () => {
    class Lonely extends Refusing {
      async rescue(): Promise<string> {
        throw new DataError('elsewhere: there is no room either')
      }
    }
    const store = new Lonely()
    const waits = hurried()
    const events = await play(await begin(store), (event) => {
      store.refused = event.type === 'step' && event.step > 3 ? [CHECKPOINT] : store.refused
      return false
    })
    expect(warnings(events)).toContainEqual(
      expect.stringMatching(/elsewhere: there is no room either; the last checkpoint there is of step 0$/),
    )
    expect(events.at(-1)).toMatchObject({ type: 'done', saved: true, checkpoint: 'memory' })
    expect((await modelIn(store)).config.training?.steps).toBeGreaterThan(3)
    expect(waits).toEqual([500, 1000, 2000, 4000])
  })

  test('to give the best model back for a while: it is tried again, and saved', async () => {
    class Forgetful extends Refusing {
      failures = 0
      override async read<T>(name: string, work: Parameters<MemoryStore['read']>[1]): Promise<T | undefined> {
        if (name === BEST && this.failures-- > 0) throw new DataError(`${name}: cannot be read now`)
        return (await super.read(name, work)) as T | undefined
      }
    }
    const store = new Forgetful()
    const run = await begin(store)
    const events = await play(run, (event) => {
      if (event.type === 'trained') store.failures = 1
      return false
    })
    expect(warnings(events)).toEqual([expect.stringMatching(/cannot be read now; trying again in 0.5 s$/)])
    expect((await modelIn(store)).config.training!.steps).toBe(run.training.best!.step)
  })

  test('the model: the error says where the training is kept, and going on saves it', async () => {
    const store = new Refusing()
    const run = await begin(store)
    store.refused = ['model']
    const waits = hurried()
    const error = await play(run).catch((thrown) => thrown)
    expect(waits).toEqual([500, 1000, 2000, 4000])
    expect(error).toBeInstanceOf(UnsavedModelError)
    expect(error).toMatchObject({ place: 'memory', reason: 'model: there is no room' })
    store.refused = []
    expect((await play(await resumeRun(store, text))).at(-1)).toMatchObject({ type: 'done', saved: true, epochs: 4 })
  })
})

describe('what is refused before anything is written', () => {
  test.each<[Partial<RunOptions>, RegExp]>([
    [{ cell: 'conv' as never }, /^startRun: cell is 'conv', expected one of 'rnn', 'gru', 'lstm'/],
    [{ hiddensize: 3 } as never, /^startRun: .*hiddensize.*did you mean hiddenSize/],
    [{ epochs: '5' as never }, /^startRun: epochs is the string '5', expected a number/],
    [{ tieWeights: 1 as never }, /^startRun: tieWeights is the number 1, expected true or false/],
    [{ nonlinearity: 'relu' }, /^startRun: nonlinearity has no effect without cell rnn/],
    [{ hiddenSize: 0 }, /hiddenSize is 0/],
    [{ batchSize: 400 }, /batchSize/],
    [{ hiddenSize: 1e9 }, /./],
    [{ bidirectional: true }, /^startRun: bidirectional is refused/],
  ])('%j', async (options, message) => {
    const store = new MemoryStore()
    await expect(begin(store, options)).rejects.toThrow(message)
    expect([...store.files.keys()]).toEqual([])
    // The store is free again.
    await store.enter()
  })

  test('going on: with another text, another model, or nothing to go on with', async () => {
    const store = new MemoryStore()
    await expect(resumeRun(store, text)).rejects.toThrow(/there is no training to resume/)
    await play(await begin(store), (event) => event.type === 'epoch')
    await expect(resumeRun(store, textSource('another '.repeat(90)))).rejects.toThrow(/the text differs from the one/)
    await expect(resumeRun(store, text, { hiddenSize: 7 })).rejects.toThrow(OptionError)
    await expect(resumeRun(store, text, { hiddenSize: 7 })).rejects.toThrow(/hiddenSize cannot be changed/)
    store.files.set(CHECKPOINT, store.files.get(CHECKPOINT)!.slice(0, 900))
    await expect(resumeRun(store, text)).rejects.toThrow(FormatError)
    await store.refuseBusy()
  })

  test('events that were gone through, or are asked for after the end', async () => {
    const run = await begin(new MemoryStore(), { epochs: 1 })
    await play(run)
    await expect(run.events().next()).rejects.toThrow(
      /^Run.events: the events of the run in memory were already read, or the run was closed/,
    )
    await run.close()
  })

  test('a run that was closed does not give up the place of the next one', async () => {
    const store = new MemoryStore()
    const first = await begin(store)
    await first.close()
    const second = await begin(store)
    await first.close()
    await expect(store.enter()).rejects.toThrow(/another run is in progress there/)
    await second.close()
  })

  test.each<[string, (store: MemoryStore) => unknown, RegExp]>([
    [
      'a store of half the methods',
      () => startRun({ enter() {}, leave() {}, read() {}, write() {} } as never, text),
      /^startRun: store is/,
    ],
    [
      'a model of another kind',
      (store) => startRun(store, text, {}, { model: {} as never }),
      /^startRun: model is an object, expected/,
    ],
    ['no store to read', () => runModel({} as never), /^runModel: store is an object, expected a RunStore/],
    [
      'no checkpoint',
      () => encodeCheckpoint({ tensors: {} } as never),
      /^encodeCheckpoint: the checkpoint is an object, expected/,
    ],
    [
      'no bytes',
      () => decodeCheckpoint(5 as never),
      /^decodeCheckpoint: the checkpoint is the number 5, expected bytes/,
    ],
    [
      'a negative interval',
      (store) => startRun(store, text, { checkpointSteps: -Infinity }),
      /^startRun: checkpointSteps is -Infinity/,
    ],
  ])('%s', async (_what, work, message) => {
    await expect((async () => work(new MemoryStore()))()).rejects.toThrow(message)
  })

  test('a checkpoint is bytes, with plain data as the record of its run', async () => {
    const store = new MemoryStore()
    await play(await begin(store, { epochs: 1 }))
    const bytes = store.files.get(CHECKPOINT)!
    const checkpoint = await decodeCheckpoint(bytes)
    const again = await decodeCheckpoint(await encodeCheckpoint(checkpoint))
    expect(Object.keys(again.tensors).sort()).toEqual(Object.keys(checkpoint.tensors).sort())
    expect([again.progress, again.run]).toEqual([checkpoint.progress, checkpoint.run])
    await expect(
      encodeCheckpoint({ ...checkpoint, progress: { ...checkpoint.progress!, lossSum: Number.NaN } }),
    ).rejects.toThrow(FormatError)
    await expect(encodeCheckpoint({ ...checkpoint, run: { n: 1n } })).rejects.toThrow(
      /run is an object that JSON cannot hold/,
    )
  })

  test('a second run in the same store', async () => {
    const store = new MemoryStore()
    const run = await begin(store)
    await expect(begin(store)).rejects.toThrow(/another run is in progress there/)
    await run.close()
  })
})
