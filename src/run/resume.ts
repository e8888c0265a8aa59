import { DataError } from '../core/errors.js'
import { Generator } from '../core/random.js'
import { buildModel } from '../formats/model-of.js'
import { tensorsUnder } from '../train/progress.js'
import { checkEffects } from './effects.js'
import type { Job } from './job.js'
import { checkMemory } from './memory-need.js'
import { call, checkRunArguments, deviceFor, inForce, type RunSetup, select, trainingOf } from './prepare.js'
import { changedOptions, checkEpochs, isOver, type RecordedOptions, resumedOptions, withRate } from './record.js'
import { Run } from './run.js'
import { defaultRates, givenIn, type RunOptions } from './run-options.js'
import type { RunText, TextSource } from './run-text.js'
import { sameText, savedRun } from './saved-run.js'
import { CHECKPOINT, type RunStore } from './store.js'

/**
 * Resumes a run that was stopped, from its last checkpoint.
 * @param text the run's text, or a function that is given the recorded names of the text
 * @param given the options that change: the number of epochs, the learning rate, …
 * @throws OptionError for an option that cannot change when a run is resumed; DataError if there is no run, or the text
 *   is a different one; FormatError for a damaged checkpoint
 */
export async function resumeRun(
  store: RunStore,
  text: TextSource | ((names: readonly string[]) => TextSource),
  given: Partial<RunOptions> = {},
  setup: Omit<RunSetup, 'model'> = {},
): Promise<Run> {
  const where = 'resumeRun'
  checkRunArguments(where, store, text, given, setup)
  const { signal, build = call } = setup
  await store.refuseBusy()
  if (!(await store.names()).includes(CHECKPOINT)) {
    throw new DataError(`${store.name}: there is no training to resume, expected ${CHECKPOINT}; begin one there first`)
  }
  await store.enter()
  let read: RunText | undefined
  try {
    const { file, vocab, tensors, config, progress, record } = await savedRun(store)
    const options = resumedOptions(where, record, given)
    checkEpochs(where, store.name, options, progress)
    checkEffects(where, options, givenIn(given))
    const notes: string[] = []
    const found = await select(where, options, notes, given.device !== undefined)
    read = await sameText(where, store, text, options, { record, vocab }, signal)
    signal?.throwIfAborted()
    checkMemory(where, config, options)
    const device = await deviceFor(found, config, options, store, notes)
    const generator = new Generator()
    const { model, training } = await build(() => {
      const model = buildModel(config, tensorsUnder('model', tensors), file, generator).to(device)
      const training = trainingOf(where, { model, text: read! }, options, generator, signal)
      training.restore({ tensors, progress: given.lr === undefined ? progress : withRate(progress, given.lr) })
      return { model, training }
    })
    const rest = resumption(where, { store, record, options, training, notes }, given, inForce(options))
    return new Run({ options, text: read, model, vocab, device, training, store, record, warnings: [], ...rest })
  } catch (error) {
    await read?.close?.()
    await store.leave()
    throw error
  }
}

/**
 * What a run that is resumed begins with besides its training, which is restored. The record is brought up to date.
 * @param inForce the options as a checkpoint keeps them
 * @throws OptionError if there is nothing left to do
 */
export function resumption(
  where: string,
  job: Pick<Job, 'store' | 'record' | 'options' | 'training' | 'notes'>,
  given: Partial<RunOptions>,
  inForce: RecordedOptions,
): Pick<Job, 'changed' | 'notes' | 'earlierRate'> {
  const { store, record, options, training } = job
  const changed = changedOptions(record, given)
  if (record.finished && training.isOver()) throw isOver(where, store.name, training, options)
  const before = record.options
  const notes = [
    `continuing after step ${training.step}`,
    ...job.notes,
    ...Object.entries(changed).map(([name, value]) => `with ${name} ${value}, was ${before[name] ?? 'not given'}`),
  ]
  const earlierRate = Number(before.lr ?? defaultRates[options.optimizer])
  Object.assign(record, { options: inForce, finished: false })
  return { changed, notes, earlierRate }
}
