import { checkMethods } from '../core/check.js'
import { DataError, FormatError, OptionError } from '../core/errors.js'
import { checkOptions } from '../core/options.js'
import { Generator } from '../core/random.js'
import { checkSequences, SequenceData } from '../data/sequences.js'
import type { Vocab } from '../data/vocab.js'
import { buildModel, modelOf } from '../formats/model.js'
import type { LoadedModel } from '../formats/saved-model.js'
import { kernelNames, kernels, selectKernels } from '../kernels/index.js'
import type { RNNModel } from '../nn/model.js'
import { extendVocab } from '../train/extend-vocab.js'
import { tensorsUnder } from '../train/state.js'
import { Training } from '../train/training.js'
import { idleSchedule, makeModel, makeOptimizer, makeSchedule, optionsOf, tunedConfig } from './build.js'
import { type Checkpoint, decodeCheckpoint } from './checkpoint.js'
import { checkEffects } from './effects.js'
import { checkMemory } from './memory.js'
import { checkRunOptions, defaultRates, givenIn, type RunOptions, runDefaults } from './options.js'
import {
  changedOptions,
  checkEpochs,
  isOver,
  parseRecord,
  type RunRecord,
  recordOf,
  resumedOptions,
  withRate,
} from './record.js'
import { Run } from './run.js'
import { savedText } from './saved-text.js'
import { CHECKPOINT, type RunStore } from './store.js'
import { type RunText, readRunText, type TextSource, textHow } from './text.js'

/** What a run begins with beside its options. */
export interface RunSetup {
  /** A saved model to begin with, and its vocabulary. */
  model?: LoadedModel
  /** Stops the run after the step in hand, or its preparation, with the signal's reason. */
  signal?: AbortSignal
  /** Called with the work that gives the event loop no turn, such as making a large model. Default: does it. */
  build?: <T>(work: () => T) => T
}

const setupOptions = { model: 'any', signal: 'signal', build: 'function' } as const

/**
 * A new run: a model as the options say, or a saved one, on a text. Nothing is written before everything was found to
 * be there.
 * @throws OptionError for options that do not go together, DataError for a text that cannot be read or a store that
 *   holds something else, such as a run that is not over
 */
export async function startRun(
  store: RunStore,
  text: TextSource,
  given: Partial<RunOptions> = {},
  setup: RunSetup = {},
): Promise<Run> {
  const where = 'startRun'
  check(where, store, text, given, setup)
  const { model: saved, signal, build = call } = setup
  const config = saved && tunedConfig(where, saved.config, given)
  const ofModel = saved && { initFrom: 'a saved model', ...withoutAbsent(given), ...ofSavedText(where, saved, given) }
  const options: RunOptions = { ...runDefaults, ...withoutAbsent(given), ...ofModel, ...(config && optionsOf(config)) }
  checkEffects(where, options, givenIn(given))
  select(options)
  await store.refuseBusy()
  await store.check()
  await refuseUnfinished(store)
  const generator = new Generator(options.seed)
  const notes: string[] = []
  const start = saved
    ? await fromSaved(where, { ...saved, config: config! }, text, options, generator, notes, setup)
    : await afresh(where, text, options, generator, setup)
  const record: RunRecord = {
    texts: [...text.names],
    options: inForce(options),
    text: start.text.fingerprint,
    finished: false,
    historyBytes: 0,
  }
  try {
    const training = build(() => trainingOf(where, start, options, generator, signal))
    signal?.throwIfAborted()
    const idle = idleSchedule(options, training.data)
    await store.enter()
    try {
      // Another training may have begun there since, and been stopped.
      await refuseUnfinished(store)
    } catch (error) {
      await store.leave()
      throw error
    }
    const earlierRate = training.optimizer.lr
    const warnings = idle === undefined ? [] : [idle]
    return new Run({ options, ...start, training, store, record, changed: {}, earlierRate, notes, warnings })
  } catch (error) {
    await start.text.close?.()
    throw error
  }
}

/**
 * A run that was stopped, from its last checkpoint on.
 * @param text that of the run; a function is given the names under which it was recorded
 * @param given the options that change: the number of epochs, the learning rate, …
 * @throws OptionError for an option that would make it another training, DataError where there is no run, or the text is
 *   another, FormatError for a damaged checkpoint
 */
export async function resumeRun(
  store: RunStore,
  text: TextSource | ((names: readonly string[]) => TextSource),
  given: Partial<RunOptions> = {},
  setup: Omit<RunSetup, 'model'> = {},
): Promise<Run> {
  const where = 'resumeRun'
  check(where, store, text, given, setup)
  const { signal, build = call } = setup
  await store.refuseBusy()
  if (!(await store.names()).includes(CHECKPOINT)) {
    throw new DataError(`${store.name}: there is no training to go on with, expected ${CHECKPOINT}; begin one first`)
  }
  await store.enter()
  let read: RunText | undefined
  try {
    const file = `${store.name}/${CHECKPOINT}`
    const checkpoint = await lastCheckpoint(store)
    const record = parseRecord(checkpoint.run, file)
    const { vocab, tensors, config, progress } = checkpoint
    if (!progress) throw new FormatError(`${file}: it has no progress of a training`)
    const options = resumedOptions(where, record, given)
    checkEpochs(where, store.name, options, progress)
    checkEffects(where, options, givenIn(given))
    select(options)
    read = await readRunText(typeof text === 'function' ? text(record.texts) : text, options, vocab, signal)
    if (read.fingerprint !== record.text) {
      throw new DataError(
        `${read.source}: the text is another than the one that the training in ${store.name} began with; bring it back, or begin another training with this model`,
      )
    }
    signal?.throwIfAborted()
    checkMemory(where, config, options)
    const generator = new Generator()
    const { model, training } = build(() => {
      const model = buildModel(config, tensorsUnder('model', tensors), file, generator)
      const training = trainingOf(where, { model, text: read! }, options, generator, signal)
      training.restore({ tensors, progress: given.lr === undefined ? progress : withRate(progress, given.lr) })
      return { model, training }
    })
    const changed = changedOptions(record, given)
    if (record.finished && training.isOver()) throw isOver(where, store.name, training, options)
    const before = record.options
    const notes = [
      `going on after step ${training.step}`,
      ...Object.entries(changed).map(([name, value]) => `with ${name} ${value}, was ${before[name] ?? 'not given'}`),
    ]
    const earlierRate = Number(before.lr ?? defaultRates[options.optimizer])
    Object.assign(record, { options: inForce(options), finished: false })
    return new Run({
      ...{ options, text: read, model, vocab, training, store, record, changed, earlierRate, notes, warnings: [] },
    })
  } catch (error) {
    await read?.close?.()
    await store.leave()
    throw error
  }
}

/** @throws DataError where a training lies that could go on */
export async function refuseUnfinished(store: RunStore): Promise<void> {
  if (!(await store.names()).includes(CHECKPOINT)) return
  const { run } = await lastCheckpoint(store)
  if (parseRecord(run, `${store.name}/${CHECKPOINT}`).finished) return
  throw new DataError(
    `${store.name}: a training that is not over lies there; go on with it (resumeRun), or choose another folder`,
  )
}

async function lastCheckpoint(store: RunStore): Promise<Checkpoint> {
  const where = `${store.name}/${CHECKPOINT}`
  const read = await store.read(CHECKPOINT, (file) => decodeCheckpoint(file, where))
  if (!read) throw new DataError(`${where}: there is no such file, expected the checkpoint of a training`)
  return read
}

function check(where: string, store: RunStore, text: unknown, given: Partial<RunOptions>, setup: RunSetup): void {
  checkMethods(where, 'store', store, ['enter', 'leave', 'read', 'write'], 'a RunStore such as MemoryStore')
  if (typeof text !== 'function') checkMethods(where, 'text', text, ['read'], 'a TextSource, as textSource makes it')
  checkRunOptions(where, given)
  checkOptions(where, setup, setupOptions)
}

const call = <T>(work: () => T): T => work()

const withoutAbsent = (given: Partial<RunOptions>): Partial<RunOptions> =>
  Object.fromEntries(givenIn(given).map((name) => [name, given[name]]))

function select({ kernels: name, threads }: RunOptions): void {
  if (name !== undefined || threads !== undefined) selectKernels(name ?? 'auto', { threads })
}

/** What a saved model says of its text, and so of the run's. @throws OptionError where an option contradicts it */
function ofSavedText(where: string, saved: LoadedModel, given: Partial<RunOptions>): Partial<RunOptions> {
  const text = savedText(saved)
  for (const name of ['tokens', 'clean'] as const) {
    if (given[name] === undefined || given[name] === text[name]) continue
    throw new OptionError(
      `${where}: ${name} is ${given[name]}, expected ${text[name]}, as the saved model's text was taken; leave it out`,
      [name],
    )
  }
  return text
}

/** A model and what it is to be trained on. */
interface Start {
  model: RNNModel
  vocab: Vocab
  text: RunText
}

async function afresh(
  where: string,
  source: TextSource,
  options: RunOptions,
  generator: Generator,
  { signal, build = call }: RunSetup,
): Promise<Start> {
  const text = await readRunText(source, options, undefined, signal)
  try {
    signal?.throwIfAborted()
    const { vocab } = text
    return { model: build(() => makeModel(where, options, vocab.size, generator)), vocab, text }
  } catch (error) {
    await text.close?.()
    throw error
  }
}

/** A saved model on a text: with its own vocabulary, or one that has the text's new tokens, too. */
async function fromSaved(
  where: string,
  saved: LoadedModel,
  source: TextSource,
  options: RunOptions,
  generator: Generator,
  notes: string[],
  { signal, build = call }: RunSetup,
): Promise<Start> {
  // Read for its own tokens, then with the model's.
  const own = await source.read(textHow(options), undefined, signal)
  await own.close?.()
  const added = own.vocab.tokens.filter((token) => !saved.vocab.has(token))
  const extend = options.extendVocab && added.length > 0
  const become = extend ? 'new rows for' : 'unknown to the model, taken as <unk>:'
  if (added.length > 0) notes.push(`${become} ${some(added)}`)
  else if (options.extendVocab) notes.push('no new rows: the model knows every token of the text')
  const { config } = saved
  checkMemory(where, config, options)
  // The layer's generator is the training's: its state is what a checkpoint keeps of dropout.
  const copy = build(() => modelOf(config, generator))
  copy.loadStateDict(saved.model.stateDict())
  const { model, vocab } = extend
    ? extendVocab(copy, saved.vocab, added, generator)
    : { model: copy, vocab: saved.vocab }
  return { model, vocab, text: await readRunText(source, options, vocab, signal) }
}

/** Tokens for people: the first of them, where they are many. */
function some(tokens: readonly string[]): string {
  const quoted = (token: string) =>
    JSON.stringify(token).replace(/\p{Cc}/gu, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)
  const shown = tokens.slice(0, 20).map(quoted)
  return `${shown.join(' ')}${tokens.length > shown.length ? ` and ${tokens.length - shown.length} more` : ''}`
}

function trainingOf(
  where: string,
  { model, text }: Pick<Start, 'model' | 'text'>,
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
    )
  }
  const { batchSize, numSteps, sampling, epochs, clip, clipValue, accumulate, patience } = options
  const data = new SequenceData(train, { batchSize, numSteps, sampling, generator: new Generator(options.seed) })
  const optimizer = makeOptimizer(options, model.parameters())
  const held = validation && { corpus: validation, every: options.validateEvery }
  const schedule = makeSchedule(where, options, optimizer, data)
  const limits = { epochs, clip, clipValue, accumulate, patience }
  const parts = { optimizer, schedule, validation: held, generators: [generator], signal }
  return new Training(model, data, { ...limits, ...parts }, where)
}

/** What a checkpoint keeps of the options: with the kernels that were chosen. */
function inForce(options: RunOptions): RunRecord['options'] {
  const { name, threads } = kernels()
  const set = kernelNames.find((word) => word === name.split('-')[0])
  return recordOf({ ...options, kernels: set, threads })
}
