import { OptionError } from '../core/errors.js'
import { Generator } from '../core/random.js'
import type { Vocab } from '../data/vocab.js'
import { configOf, modelOf } from '../formats/model-of.js'
import type { LoadedModel } from '../formats/saved-model.js'
import type { RNNModel } from '../nn/model.js'
import { extendVocab } from '../train/extend-vocab.js'
import { idleSchedule, newConfig, optionsOf, tunedConfig } from './build.js'
import { checkEffects } from './effects.js'
import { checkMemory } from './memory-need.js'
import {
  call,
  checkRunArguments,
  checkVacant,
  deviceFor,
  enterVacant,
  inForce,
  type RunSetup,
  select,
  trainingOf,
} from './prepare.js'
import type { RunRecord } from './record.js'
import { Run } from './run.js'
import { givenIn, type RunOptions, runDefaults, withoutAbsent } from './run-options.js'
import { type RunText, readRunText, type TextSource, textHow } from './run-text.js'
import { savedText } from './saved-text.js'
import type { RunStore } from './store.js'

/**
 * Prepares a new run that trains a model on a text. The options describe the model, unless a saved one is given. Nothing
 * is written before everything that the run needs has been checked.
 * @throws OptionError for options that contradict each other; DataError for a text that cannot be read, or a store that
 *   holds something else, such as an unfinished run
 */
export async function startRun(
  store: RunStore,
  text: TextSource,
  given: Partial<RunOptions> = {},
  setup: RunSetup = {},
): Promise<Run> {
  const where = 'startRun'
  checkRunArguments(where, store, text, given, setup)
  const { model: saved, signal, build = call } = setup
  const config = saved && tunedConfig(where, saved.config, given)
  const ofModel = saved && { initFrom: 'a saved model', ...withoutAbsent(given), ...ofSavedText(where, saved, given) }
  const options: RunOptions = { ...runDefaults, ...withoutAbsent(given), ...ofModel, ...(config && optionsOf(config)) }
  checkEffects(where, options, givenIn(given))
  const notes: string[] = []
  const found = await select(where, options, notes)
  await checkVacant(store)
  const generator = new Generator(options.seed)
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
    const { training: _, ...sizes } = configOf(start.model)
    const device = await deviceFor(found, sizes, options, store, notes)
    const training = await build(() => {
      start.model.to(device)
      return trainingOf(where, start, options, generator, signal)
    })
    signal?.throwIfAborted()
    const idle = idleSchedule(options, training.data)
    await enterVacant(store)
    const earlierRate = training.optimizer.lr
    const warnings = idle === undefined ? [] : [idle]
    return new Run({ options, ...start, device, training, store, record, changed: {}, earlierRate, notes, warnings })
  } catch (error) {
    await start.text.close?.()
    throw error
  }
}

/** How the saved model's text became tokens, and the run's must, too. @throws OptionError if an option differs */
function ofSavedText(where: string, saved: LoadedModel, given: Partial<RunOptions>): Partial<RunOptions> {
  const text = savedText(saved)
  for (const name of ['tokens', 'clean'] as const) {
    if (given[name] === undefined || given[name] === text[name]) continue
    throw new OptionError(
      `${where}: ${name} is ${given[name]}, expected ${text[name]}, as for the saved model's own text; leave it out`,
      [name],
    )
  }
  return text
}

/** A model, and the text that it will be trained on. */
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
    const config = newConfig(where, options, vocab.size)
    return { model: await build(() => modelOf(config, generator)), vocab, text }
  } catch (error) {
    await text.close?.()
    throw error
  }
}

/** A saved model and a text, with the model's vocabulary, extended by the text's new tokens if asked. */
async function fromSaved(
  where: string,
  saved: LoadedModel,
  source: TextSource,
  options: RunOptions,
  generator: Generator,
  notes: string[],
  { signal, build = call }: RunSetup,
): Promise<Start> {
  // The text is read once to find its own tokens, and again to number it with the model's vocabulary.
  const own = await source.read(textHow(options), undefined, signal)
  await own.close?.()
  const added = own.vocab.tokens.filter((token) => !saved.vocab.has(token))
  const extend = options.extendVocab && added.length > 0
  const become = extend ? 'new rows for' : 'unknown to the model, taken as <unk>:'
  if (added.length > 0) notes.push(`${become} ${some(added)}`)
  else if (options.extendVocab) notes.push('no new rows: the model knows every token of the text')
  const { config } = saved
  checkMemory(where, config, options)
  // The layer and the training share a generator, because a checkpoint stores its state to repeat dropout.
  const copy = await build(() => modelOf(config, generator))
  copy.loadStateDict(saved.model.stateDict())
  const { model, vocab } = extend
    ? extendVocab(copy, saved.vocab, added, generator)
    : { model: copy, vocab: saved.vocab }
  return { model, vocab, text: await readRunText(source, options, vocab, signal) }
}

/** Tokens for people to read; of many, only the first. */
function some(tokens: readonly string[]): string {
  const quoted = (token: string) =>
    JSON.stringify(token).replace(/\p{Cc}/gu, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)
  const shown = tokens.slice(0, 20).map(quoted)
  return `${shown.join(' ')}${tokens.length > shown.length ? ` and ${tokens.length - shown.length} more` : ''}`
}
