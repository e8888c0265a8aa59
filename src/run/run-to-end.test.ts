import { expect, test } from 'vitest'
import { DataError, DeviceLostError } from '../core/errors.js'
import { MemoryStore } from './memory-store.js'
import { resumeRun } from './resume.js'
import type { Run } from './run.js'
import { runModel } from './run-model.js'
import type { RunOptions } from './run-options.js'
import { textSource } from './run-text.js'
import { runToEnd } from './run-to-end.js'
import { startRun } from './start.js'
import { CHECKPOINT } from './store.js'

const text = textSource('she sells sea shells by the sea shore '.repeat(20), 'shells')
const sizes: Partial<RunOptions> = {
  hiddenSize: 6,
  batchSize: 4,
  numSteps: 10,
  epochs: 4,
  outputDropout: 0.2,
  threads: 1,
}
const loss = () => new DeviceLostError('the GPU of this test was lost')

/** Makes a run's device be lost in the step after `step`, so that nothing can be read from it any more. */
function loseAfter(run: Run, step: number): Run {
  const { training } = run
  const events = training.run.bind(training)
  training.run = async function* () {
    for await (const event of events()) {
      if (training.step > step) throw loss()
      yield event
    }
  }
  return run
}

/** Runs to the end; the runs that come one after another lose their devices after these steps. */
async function through(store: MemoryStore, first: Run, losses: number[]) {
  const [given, told]: [Partial<RunOptions>[], string[]] = [[], []]
  const left = [...losses]
  const losing = (run: Run) => (left.length > 0 ? loseAfter(run, left.shift()!) : run)
  const epochs: number[] = []
  const follow = async (run: Run) => {
    for await (const event of run.events()) if (event.type === 'epoch') epochs.push(event.epoch)
  }
  const resume = async (options: Partial<RunOptions>) => {
    given.push(options)
    return losing(await resumeRun(store, text, options))
  }
  await runToEnd(losing(first), follow, resume, ({ message }) => told.push(message))
  return { given, told, epochs }
}

const parametersOf = async (store: MemoryStore) =>
  Object.values((await runModel(store)).model.stateDict()).map(({ data }) => [...data])

test('a run whose device is lost goes on from its last checkpoint to the same bits, and after a second loss on the CPU', async () => {
  const [whole, broken] = [new MemoryStore(), new MemoryStore()]
  await through(whole, await startRun(whole, text, sizes), [])
  const first = await startRun(broken, text, { ...sizes, checkpointSteps: 5 })
  const { given, told, epochs } = await through(broken, first, [33, 52])
  expect(given).toEqual([{}, { device: 'cpu' }])
  expect(told).toEqual([loss().message, loss().message])
  expect(new Set(epochs)).toEqual(new Set([1, 2, 3, 4]))
  expect(await parametersOf(broken)).toEqual(await parametersOf(whole))
  // All runs were closed.
  await broken.refuseBusy()
})

test('the options that a resumed run changed hold if its device is lost before its next checkpoint', async () => {
  const store = new MemoryStore()
  await through(store, await startRun(store, text, { ...sizes, epochs: 1 }), [])
  const longer = await resumeRun(store, text, { epochs: 2, lr: 0.25 })
  const { given, epochs } = await through(store, longer, [longer.training.step + 1])
  expect(given).toEqual([{}])
  expect(epochs).toEqual([2])
  expect((await runModel(store)).config.training).toMatchObject({ epochs: 2, lr: 0.25, finishedEpochs: 2 })
})

test('a device that is lost before there is a checkpoint ends the run, and leaves its store', async () => {
  const store = new MemoryStore()
  store.write = async (name) => {
    if (name === CHECKPOINT) throw loss()
  }
  await expect(through(store, await startRun(store, text, sizes), [])).rejects.toThrow(loss().message)
  await store.refuseBusy()
})

test('a device that is lost while a sample is made ends the run, too, which goes on without a warning about samples', async () => {
  const store = new MemoryStore()
  const first = await startRun(store, text, sizes)
  first.model.stepper = () => {
    throw loss()
  }
  const warnings: string[] = []
  const follow = async (run: Run) => {
    for await (const event of run.events()) if (event.type === 'warning') warnings.push(event.message)
  }
  const told: string[] = []
  const resume = (options: Partial<RunOptions>) => resumeRun(store, text, options)
  await runToEnd(first, follow, resume, ({ message }) => told.push(message))
  expect([told, warnings]).toEqual([[loss().message], []])
})

test('a device that is lost while the run is resumed was lost twice, and other errors end the run', async () => {
  const store = new MemoryStore()
  const run = loseAfter(await startRun(store, text, sizes), 3)
  const given: Partial<RunOptions>[] = []
  const resume = async (options: Partial<RunOptions>) => {
    given.push(options)
    throw given.length < 2 ? loss() : new DataError('the text is gone')
  }
  const follow = async (run: Run) => {
    for await (const _ of run.events());
  }
  await expect(runToEnd(run, follow, resume, () => {})).rejects.toThrow('the text is gone')
  expect(given).toEqual([{}, { device: 'cpu' }])
})
