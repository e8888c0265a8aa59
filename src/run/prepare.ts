import { checkArgument, checkMethods } from '../core/check.js'
import { checkOptions } from '../core/check-options.js'
import { DataError } from '../core/errors.js'
import { Generator } from '../core/random.js'
import { checkSequences, SequenceData } from '../data/sequences.js'
import { Vocab } from '../data/vocab.js'
import type { Device } from '../device/device.js'
import type { ModelSizes } from '../formats/model-config.js'
import type { LoadedModel } from '../formats/saved-model.js'
import { kernelNames, kernels, selectKernels } from '../kernels/index.js'
import { selectDevice, tryGpu } from '../kernels/try-gpu.js'
import { RNNModel } from '../nn/model.js'
import { Training } from '../train/training.js'
import { fasterDevice } from './faster-device.js'
import { type RunRecord, recordOf } from './record.js'
import { checkRunOptions, type RunOptions } from './run-options.js'
import type { RunText } from './run-text.js'
import { storedRecord } from './saved-run.js'
import { checkStore, type RunStore } from './store.js'
import { trainingParts } from './training-parts.js'

/** What a run begins with besides its options. */
export interface RunSetup {
  /** A saved model to begin with, and its vocabulary. */
  model?: LoadedModel
  /** Stops the run after the current step. During the preparation, it fails with the signal's reason. */
  signal?: AbortSignal
  /** Called with work that blocks the event loop, such as making a large model. Default: calls it. */
  build?: <T>(work: () => T) => T | Promise<T>
}

const setupOptions = { model: 'any', signal: 'signal', build: 'function' } as const

/** @throws DataError if the store holds a training that could be resumed */
export async function refuseUnfinished(store: RunStore): Promise<void> {
  const record = await storedRecord(store)
  if (!record || record.finished) return
  throw new DataError(
    `${store.name}: a training there is not finished; go on with it (resumeRun), or choose another folder`,
  )
}

/** Changes nothing. @throws DataError if no new run can begin in a store */
export async function checkVacant(store: RunStore): Promise<void> {
  await store.refuseBusy()
  await store.check()
  await refuseUnfinished(store)
}

/** Takes a store for a new run. @throws DataError if another training has begun and been stopped there in the meantime */
export async function enterVacant(store: RunStore): Promise<void> {
  await store.enter()
  try {
    await refuseUnfinished(store)
  } catch (error) {
    await store.leave()
    throw error
  }
}

/** @throws OptionError for an argument of the wrong kind */
export function checkRunArguments(
  where: string,
  store: RunStore,
  text: unknown,
  given: Partial<RunOptions>,
  setup: RunSetup,
): void {
  checkStore(where, store)
  // A run that is resumed may be given a function that finds its text by the recorded names.
  if (where !== 'resumeRun' || typeof text !== 'function')
    checkMethods(where, 'text', text, ['read'], 'a TextSource, as textSource makes it')
  checkRunOptions(where, given)
  checkOptions(where, setup, setupOptions)
  const { model } = setup
  if (model === undefined) return
  const fits = model?.model instanceof RNNModel && model.vocab instanceof Vocab && Boolean(model.config)
  checkArgument(where, 'model', model, fits, '{ model, vocab, config }, as loadModel gives it')
}

/** Calls the work: the default of `build`. */
export const call = <T>(work: () => T): T => work()

/**
 * Selects kernels if the options name any, and finds the device that they name.
 * @param notes gets a sentence if the device is not a GPU although one was wished for
 * @param demanded false for a run that is resumed where there may be no GPU any more: it goes on without one
 * @throws OptionError if there is no WebGPU although it was demanded
 */
export async function select(
  where: string,
  { kernels: name, threads, device: wanted = 'cpu' }: RunOptions,
  notes: string[],
  demanded = true,
): Promise<Device> {
  if (name !== undefined || threads !== undefined) selectKernels(name ?? 'auto', { threads })
  if (wanted === 'cpu') return kernels()
  const software = wanted === 'webgpu'
  const device = software && !demanded ? await tryGpu({ software }) : await selectDevice(wanted, where)
  if (device.kind === 'cpu') notes.push(`on the CPU, because there is ${device.reason}`)
  return device
}

/**
 * The device that was found or, for 'auto', the CPU if it trains this model in less time.
 * @param machine where the times are kept
 * @param notes gets a sentence with the times
 */
export async function deviceFor(
  found: Device,
  sizes: ModelSizes,
  { device: wanted, batchSize, numSteps }: RunOptions,
  { machine }: RunStore,
  notes: string[],
): Promise<Device> {
  if (wanted !== 'auto' || found.kind === 'cpu') return found
  const { device, times, known } = await fasterDevice([found, kernels()], sizes, batchSize, numSteps, machine)
  const [there, here] = times.map((time) => (time === Infinity ? 'no room' : `${time.toPrecision(3)} ms a step`))
  notes.push(
    `on ${device.name}: ${found.name} takes ${there}, ${kernels().name} ${here}${known ? ', as measured before' : ''}`,
  )
  return device
}

/** @throws DataError for a text that is too short; OptionError for options that contradict each other */
export function trainingOf(
  where: string,
  { model, text }: { model: RNNModel; text: RunText },
  options: RunOptions,
  generator: Generator,
  signal: AbortSignal | undefined,
): Training {
  const { train, validation } = text
  const part = (name: string) => (options.test > 0 || validation ? `the ${name} part of the text` : 'the text')
  checkSequences(where, train, options, part('training'))
  if (validation && validation.length < 2) {
    throw new DataError(
      `${where}: ${part('validation')} has ${validation.length} token, expected at least 2; use a longer text, or a larger validation`,
      [],
      'short-text',
    )
  }
  const { batchSize, numSteps, sampling } = options
  const data = new SequenceData(train, { batchSize, numSteps, sampling, generator: new Generator(options.seed) })
  const { validateEvery: every, ...parts } = trainingParts(where, options, model, data, signal)
  const held = validation && { corpus: validation, every }
  return new Training(model, data, { ...parts, validation: held, generators: [generator] }, where)
}

/** The options as a checkpoint keeps them, with the kernels that were chosen. */
export function inForce(options: RunOptions): RunRecord['options'] {
  const { name, threads } = kernels()
  const set = kernelNames.find((word) => word === name.split('-')[0])
  return recordOf({ ...options, kernels: set, threads })
}
