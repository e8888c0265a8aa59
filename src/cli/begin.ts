import { existsSync } from 'node:fs'
import path from 'node:path'
import { DataError, FormatError, OptionError } from '../core/errors.js'
import { Generator } from '../core/random.js'
import { BOOK_TOKENS } from '../data/load.js'
import { checkSequences } from '../data/sequences.js'
import { modelOf } from '../formats/model.js'
import { CHECKPOINT } from '../node/checkpoint.js'
import { RunFolder } from '../node/run-folder.js'
import { openSources } from '../node/sources.js'
import {
  checkModelFolder,
  extendVocab,
  kernels,
  loadModel,
  type RNNModel,
  SequenceData,
  selectKernels,
  Training,
  type Vocab,
} from '../node.js'
import type { TrainingOptions } from './options.js'
import { parseRun, type RunRecord, recordOf, refuseUnfinished, resumedOptions } from './resume.js'
import { makeModel, makeOptimizer, makeSchedule, tunedConfig } from './setup.js'
import { loadTexts, loadTrainingText, type TrainingText } from './training-text.js'

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
  /** What there is to say about what was loaded. */
  notes: string[]
}

/** A new training: nothing is written before everything was found to be there. */
export async function begin(
  texts: string[],
  asked: TrainingOptions,
  said: readonly string[],
  signal: AbortSignal,
): Promise<Job> {
  const isBook = texts.length === 0
  const { maxTokens = isBook ? BOOK_TOKENS : Infinity, clean = isBook } = asked
  const options = { ...asked, maxTokens, clean }
  const out = options.out ?? freshFolder(texts)
  selectKernels(options.kernels, { threads: options.threads })
  await checkModelFolder(out)
  await refuseUnfinished(out)
  const generator = new Generator(options.seed)
  const notes: string[] = []
  const { model, vocab, text } = options.initFrom
    ? await startFrom(options.initFrom, texts, options, said, generator, notes, signal)
    : await startFresh(texts, options, generator, signal)
  const record: RunRecord = {
    texts: texts.map((one) => (one === '-' ? one : path.resolve(one))),
    options: recordOf({ ...options, kernels: kernelsInUse(), threads: kernels().threads }),
    text: text.fingerprint,
    finished: false,
    historyBytes: 0,
  }
  const training = trainingOf(model, text, options, generator, signal)
  const folder = await RunFolder.enter(out)
  return { options, text, model, vocab, training, folder, record, notes }
}

/** A training that was stopped, from its last checkpoint on. */
export async function goOn(
  texts: string[],
  now: TrainingOptions,
  said: readonly string[],
  signal: AbortSignal,
): Promise<Job> {
  const out = now.resume!
  if (!(await RunFolder.isThere(out))) {
    throw new DataError(`${out}: there is no training to go on with, expected a folder with ${CHECKPOINT}`)
  }
  const folder = await RunFolder.enter(out)
  try {
    const checkpoint = await folder.last()
    const record = parseRun(checkpoint.run, folder.file(CHECKPOINT))
    if (!checkpoint.progress) throw new FormatError(`${folder.file(CHECKPOINT)}: it has no progress of a training`)
    const options = resumedOptions(record, now, said)
    selectKernels(options.kernels, { threads: options.threads })
    const text = await loadTrainingText(texts.length > 0 ? texts : record.texts, options, signal, checkpoint.vocab)
    if (text.fingerprint !== record.text) {
      throw new DataError(
        `${text.source}: the text is another than the one that the training in ${out} began with; bring it back, or begin another training with --init-from ${out}`,
      )
    }
    const { vocab, tensors, progress } = checkpoint
    const generator = new Generator()
    const model = modelOf(checkpoint.config, generator)
    const training = trainingOf(model, text, options, generator, signal)
    training.restore({ tensors, progress })
    if (record.finished && training.isOver()) {
      throw new OptionError(
        `train: the training in ${out} is over, after epoch ${training.epoch - 1}; go on with --epochs and a larger number than ${options.epochs}, or a larger --patience`,
      )
    }
    return { options, text, model, vocab, training, folder, record, notes: [`going on after step ${training.step}`] }
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
  texts: string[],
  options: TrainingOptions,
  generator: Generator,
  signal: AbortSignal,
): Promise<Start> {
  if (options.extendVocab) {
    throw new OptionError('train: extendVocab goes with a model to begin with, expected --init-from')
  }
  const text = await loadTrainingText(texts, options, signal)
  return { model: makeModel(options, text.vocab.size, generator), vocab: text.vocab, text }
}

/** A saved model on another text: with its own vocabulary, or one that has the text's new tokens, too. */
async function startFrom(
  from: string,
  texts: string[],
  options: TrainingOptions,
  said: readonly string[],
  generator: Generator,
  notes: string[],
  signal: AbortSignal,
): Promise<Start> {
  const saved = await loadModel(from)
  const config = tunedConfig(saved.config, options, said)
  const kind = { ...options, tokens: saved.vocab.kind }
  // Read for its own tokens, then with the model's; standard input is there only once.
  const opened = texts.length > 0 ? await openSources(texts, 'train', { signal }) : undefined
  try {
    const { tokens, clean, maxTokens, encoding } = kind
    const own = await loadTexts(opened ?? texts, { tokens, clean, maxTokens, encoding }, signal, 'train')
    await own.close()
    const added = own.vocab.tokens.filter((token) => !saved.vocab.has(token))
    const extend = options.extendVocab && added.length > 0
    const become = extend ? 'new rows for' : 'unknown to the model, taken as <unk>:'
    if (added.length > 0) notes.push(`${become} ${some(added)}`)
    // The layer's generator is the training's: its state is what a checkpoint keeps of dropout.
    const copy = modelOf(config, generator)
    copy.loadStateDict(saved.model.stateDict())
    const { model, vocab } = extend
      ? extendVocab(copy, saved.vocab, added, generator)
      : { model: copy, vocab: saved.vocab }
    return { model, vocab, text: await loadTrainingText(opened ?? texts, kind, signal, vocab) }
  } finally {
    await opened?.close()
  }
}

/** Tokens for people: the first of them, where they are many. */
function some(tokens: readonly string[]): string {
  const shown = tokens.slice(0, 20).map((token) => JSON.stringify(token))
  return `${shown.join(' ')}${tokens.length > shown.length ? ` and ${tokens.length - shown.length} more` : ''}`
}

const kernelsInUse = (): TrainingOptions['kernels'] => {
  const [set] = kernels().name.split('-')
  return set as TrainingOptions['kernels']
}

/** A folder in runs/ that is not there yet: no training replaces another's model unasked. */
function freshFolder(texts: string[]): string {
  const given = texts[0] === '-' ? 'stdin' : path.parse(path.resolve(texts[0] ?? 'time-machine')).name
  const name = given.replace(/[*?{}[\]]+/g, '') || 'texts'
  const first = path.join('runs', name)
  let folder = first
  for (let number = 2; existsSync(folder); number++) folder = `${first}-${number}`
  return folder
}
