import { existsSync } from 'node:fs'
import path from 'node:path'
import { DataError, FormatError } from '../core/errors.js'
import { Generator } from '../core/random.js'
import { BOOK_TOKENS } from '../data/load.js'
import { checkSequences } from '../data/sequences.js'
import { buildModel, type ModelConfig, modelOf } from '../formats/model.js'
import { CHECKPOINT } from '../node/checkpoint.js'
import { RunFolder } from '../node/run-folder.js'
import { openSources } from '../node/sources.js'
import {
  checkModelFolder,
  extendVocab,
  kernels,
  type LoadedModel,
  loadModel,
  type RNNModel,
  SequenceData,
  selectKernels,
  Training,
  type Vocab,
} from '../node.js'
import { tensorsUnder } from '../train/state.js'
import { checkEffects, trainingNeeds } from './effects.js'
import { endable } from './interrupt.js'
import { checkMemory } from './memory.js'
import { flagOf, type TrainingOptions, trainingDefaults } from './options.js'
import { quoted } from './output.js'
import {
  changedOptions,
  checkEpochs,
  isOver,
  parseRun,
  type RunRecord,
  recordOf,
  refuseUnfinished,
  resumedOptions,
  withRate,
} from './resume.js'
import { checkAgainst, maxTokensOf, ownTexts, textOf } from './saved-text.js'
import { defaultRates, idleSchedule, makeModel, makeOptimizer, makeSchedule, optionsOf, tunedConfig } from './setup.js'
import { howOf, loadTexts, loadTrainingText, type TrainingText } from './training-text.js'

/** A training that is ready to run. */
export interface Job {
  /** As they are in force: of a training that goes on, mostly the recorded ones. */
  options: TrainingOptions
  text: TrainingText
  model: RNNModel
  vocab: Vocab
  training: Training
  folder: RunFolder
  record: RunRecord
  /** The options of a training that goes on that were other before. */
  changed: RunRecord['options']
  /** The learning rate until now. */
  earlierRate: number
  /** What there is to say about what was loaded. */
  notes: string[]
}

/** A new training: nothing is written before everything was found to be there. */
export async function begin(
  named: string[],
  asked: TrainingOptions,
  said: readonly string[],
  signal: AbortSignal,
): Promise<Job> {
  const saved = asked.initFrom === undefined ? undefined : await savedStart(asked.initFrom, named, asked, said, signal)
  const texts = saved?.texts ?? named
  const isBook = texts.length === 0
  const { maxTokens = isBook ? BOOK_TOKENS : Infinity, clean = isBook, ...given } = { ...asked, ...saved?.options }
  const options = { ...given, maxTokens, clean }
  checkEffects('train', options, said, trainingNeeds, trainingDefaults())
  const out = options.out ?? freshFolder(texts)
  selectKernels(options.kernels, { threads: options.threads })
  await RunFolder.refuseBusy(out)
  await checkModelFolder(out)
  await refuseUnfinished(out)
  const generator = new Generator(options.seed)
  const notes: string[] = []
  const { model, vocab, text } = saved
    ? await startFrom(saved, texts, options, generator, notes, signal)
    : await startFresh(texts, options, generator, signal)
  const record: RunRecord = {
    texts: texts.map((one) => (one === '-' ? one : path.resolve(one))),
    options: optionsInForce(options),
    text: text.fingerprint,
    finished: false,
    historyBytes: 0,
  }
  const training = endable(() => trainingOf(model, text, options, generator, signal))
  signal.throwIfAborted()
  const warning = idleSchedule(options, training.data)
  if (warning) console.error(warning)
  const folder = await RunFolder.enter(out)
  try {
    // Another training may have begun there since, and been stopped.
    await refuseUnfinished(out)
  } catch (error) {
    await folder.leave()
    throw error
  }
  const earlierRate = training.optimizer.lr
  return { options, text, model, vocab, training, folder, record, changed: {}, earlierRate, notes }
}

/** A training that was stopped, from its last checkpoint on. */
export async function goOn(
  texts: string[],
  now: TrainingOptions,
  said: readonly string[],
  signal: AbortSignal,
): Promise<Job> {
  const out = now.resume!
  await RunFolder.refuseBusy(out)
  if (!(await RunFolder.isThere(out))) {
    throw new DataError(
      `${out}: there is no training to go on with, expected a folder with ${CHECKPOINT}; begin one with --out ${out}`,
    )
  }
  const folder = await RunFolder.enter(out)
  try {
    const checkpoint = await folder.last()
    const record = parseRun(checkpoint.run, folder.file(CHECKPOINT))
    const { vocab, tensors, config, progress } = checkpoint
    if (!progress) throw new FormatError(`${folder.file(CHECKPOINT)}: it has no progress of a training`)
    const options = resumedOptions(record, now, said)
    checkEpochs(out, options, progress)
    checkEffects('train', options, said, trainingNeeds, trainingDefaults())
    selectKernels(options.kernels, { threads: options.threads })
    const text = await loadTrainingText(texts.length > 0 ? texts : record.texts, options, signal, checkpoint.vocab)
    if (text.fingerprint !== record.text) {
      throw new DataError(
        `${text.source}: the text is another than the one that the training in ${out} began with; bring it back, or begin another training with --init-from ${out}`,
      )
    }
    signal.throwIfAborted()
    checkMemory(config, options)
    const generator = new Generator()
    const { model, training } = endable(() => {
      const model = buildModel(config, tensorsUnder('model', tensors), folder.file(CHECKPOINT), generator)
      const training = trainingOf(model, text, options, generator, signal)
      training.restore({ tensors, progress: said.includes('lr') ? withRate(progress, options.lr!) : progress })
      return { model, training }
    })
    const changed = changedOptions(record, options, said)
    if (record.finished && training.isOver()) throw isOver(out, training, options)
    const notes = [
      `going on after step ${training.step}`,
      ...Object.entries(changed).map(
        ([name, value]) => `with ${flagOf(name)} ${value}, was ${record.options[name] ?? 'not said'}`,
      ),
    ]
    const earlierRate = Number(record.options.lr ?? defaultRates[options.optimizer])
    Object.assign(record, { options: optionsInForce(options), finished: false })
    return { options, text, model, vocab, training, folder, record, changed, earlierRate, notes }
  } catch (error) {
    await folder.leave()
    throw error
  }
}

function trainingOf(
  model: RNNModel,
  { train, validation }: TrainingText,
  options: TrainingOptions,
  generator: Generator,
  signal: AbortSignal,
): Training {
  const part = (name: string) => (options.test > 0 || validation ? `the ${name} part of the text` : 'the text')
  checkSequences('train', train, options, part('training'))
  if (validation && validation.length < 2) {
    throw new DataError(
      `train: ${part('validation')} has ${validation.length} token, expected at least 2; use a longer text, or a larger validation`,
    )
  }
  const { batchSize, numSteps, sampling, epochs, clip, clipValue, accumulate, patience } = options
  const data = new SequenceData(train, { batchSize, numSteps, sampling, generator: new Generator(options.seed) })
  const optimizer = makeOptimizer(options, model.parameters())
  const held = validation && { corpus: validation, every: options.validateEvery }
  const schedule = makeSchedule(options, optimizer, data)
  const limits = { epochs, clip, clipValue, accumulate, patience }
  const parts = { optimizer, schedule, validation: held, generators: [generator], signal }
  return new Training(model, data, { ...limits, ...parts }, 'train')
}

interface Start {
  model: RNNModel
  vocab: Vocab
  text: TrainingText
}

async function startFresh(
  texts: readonly string[],
  options: TrainingOptions,
  generator: Generator,
  signal: AbortSignal,
): Promise<Start> {
  const text = await loadTrainingText(texts, options, signal)
  signal.throwIfAborted()
  return { model: endable(() => makeModel(options, text.vocab.size, generator)), vocab: text.vocab, text }
}

/** A saved model to begin with. */
interface SavedStart {
  saved: LoadedModel
  config: ModelConfig
  /** Those that are named, or else the model's own. */
  texts: readonly string[]
  /** What the model decides of the training. */
  options: Partial<TrainingOptions>
}

/** @throws OptionError for an option that contradicts the model, DataError where its own text is wanted and not there */
async function savedStart(
  from: string,
  named: readonly string[],
  options: TrainingOptions,
  said: readonly string[],
  signal: AbortSignal,
): Promise<SavedStart> {
  const saved = await loadModel(from)
  const config = tunedConfig(saved.config, options, said)
  const text = textOf(saved)
  checkAgainst(
    'train',
    from,
    text,
    Object.fromEntries(said.map((name) => [name, options[name as keyof TrainingOptions]])),
  )
  const fromModel = { ...text, ...optionsOf(config) }
  if (named.length > 0) return { saved, config, texts: named, options: fromModel }
  const { texts, encoding } = await ownTexts('train', from, saved, signal, options.encoding)
  return { saved, config, texts, options: { maxTokens: maxTokensOf(config), encoding, ...fromModel } }
}

/** A saved model on a text: with its own vocabulary, or one that has the text's new tokens, too. */
async function startFrom(
  { saved, config }: SavedStart,
  texts: readonly string[],
  options: TrainingOptions,
  generator: Generator,
  notes: string[],
  signal: AbortSignal,
): Promise<Start> {
  // Read for its own tokens, then with the model's; standard input is there only once.
  const opened = texts.length > 0 ? await openSources(texts, 'train', { signal }) : undefined
  try {
    const own = await loadTexts(opened ?? texts, howOf(options), signal, 'train')
    await own.close()
    const added = own.vocab.tokens.filter((token) => !saved.vocab.has(token))
    const extend = options.extendVocab && added.length > 0
    const become = extend ? 'new rows for' : 'unknown to the model, taken as <unk>:'
    if (added.length > 0) notes.push(`${become} ${some(added)}`)
    else if (options.extendVocab) notes.push('no new rows: the model knows every token of the text')
    // The layer's generator is the training's: its state is what a checkpoint keeps of dropout.
    checkMemory(config, options)
    const copy = endable(() => modelOf(config, generator))
    copy.loadStateDict(saved.model.stateDict())
    const { model, vocab } = extend
      ? extendVocab(copy, saved.vocab, added, generator)
      : { model: copy, vocab: saved.vocab }
    return { model, vocab, text: await loadTrainingText(opened ?? texts, options, signal, vocab) }
  } finally {
    await opened?.close()
  }
}

/** Tokens for people: the first of them, where they are many. */
function some(tokens: readonly string[]): string {
  const shown = tokens.slice(0, 20).map(quoted)
  return `${shown.join(' ')}${tokens.length > shown.length ? ` and ${tokens.length - shown.length} more` : ''}`
}

/** What a checkpoint keeps of the options: with the kernels that were chosen. */
function optionsInForce(options: TrainingOptions): RunRecord['options'] {
  const { name, threads } = kernels()
  const [set] = name.split('-')
  return recordOf({ ...options, kernels: set as TrainingOptions['kernels'], threads })
}

/** A folder in runs/ that is not there yet: no training replaces another's model unasked. */
function freshFolder(texts: readonly string[]): string {
  const given = texts[0] === '-' ? 'stdin' : path.parse(path.resolve(texts[0] ?? 'time-machine')).name
  const name = given.replace(/[*?{}[\]]+/g, '') || 'texts'
  const first = path.join('runs', name)
  let folder = first
  for (let number = 2; existsSync(folder); number++) folder = `${first}-${number}`
  return folder
}
