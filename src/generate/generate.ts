import { checkNumber, checkWhole } from '../core/check.js'
import { DataError, OptionError } from '../core/errors.js'
import { defaultGenerator, type Generator as RandomGenerator } from '../core/random.js'
import { nextTurn } from '../core/turn.js'
import type { Vocab } from '../data/vocab.js'
import type { RNNModel } from '../nn/model.js'
import type { RecurrentState } from '../nn/recurrent.js'
import { sample } from './sample.js'

export interface GenerateOptions {
  /** The text to go on from. Default 'time traveller'. */
  prefix?: string
  /** Tokens to make after the prefix. Default 50. */
  length?: number
  /** 0 takes the likeliest token each time; higher values draw from softmax(scores / temperature). Default 0. */
  temperature?: number
  /** Source of the draws. Default: the one that `manualSeed` restarts. */
  generator?: RandomGenerator
  signal?: AbortSignal
}

export type PredictOptions = Omit<GenerateOptions, 'prefix' | 'length'>

/** Milliseconds of work between two turns of the event loop. */
const TURN = 40

/**
 * Goes on from a prefix, token by token: the state begins at zero, is warmed up on the prefix, and each token
 * made is the next input (the book's `predict_ch8`).
 * @throws DataError for an empty prefix or one with unknown tokens; OptionError for a bidirectional model
 */
export async function* generate<S extends RecurrentState>(
  model: RNNModel<S>,
  vocab: Vocab,
  options: GenerateOptions = {},
): AsyncGenerator<string, void> {
  const { prefix = 'time traveller', length = 50, signal } = options
  let made = 0
  let turn = performance.now()
  for (const [token] of continuations(model, vocab, [prefix], options)) {
    if (made === length || signal?.aborted) return
    made++
    yield vocab.tokenOf(token)
    if (performance.now() - turn > TURN) {
      await nextTurn()
      turn = performance.now()
    }
  }
}

/** The prefix and `numPreds` tokens after it, as one text. See `generate`. */
export async function predict<S extends RecurrentState>(
  prefix: string,
  numPreds: number,
  model: RNNModel<S>,
  vocab: Vocab,
  options: PredictOptions = {},
): Promise<string> {
  const [text] = await predictAll([prefix], numPreds, model, vocab, options)
  return text
}

/** Like `predict` for several prefixes side by side, which takes less time than one after another. */
export async function predictAll<S extends RecurrentState>(
  prefixes: readonly string[],
  numPreds: number,
  model: RNNModel<S>,
  vocab: Vocab,
  options: PredictOptions = {},
): Promise<string[]> {
  if (prefixes.length === 0) return []
  const texts = prefixes.map((prefix) => vocab.split(prefix))
  const lengths = texts.map((text) => text.length + numPreds)
  let turn = performance.now()
  for (const tokens of continuations(model, vocab, prefixes, { ...options, length: numPreds })) {
    if (texts.every((text, i) => text.length === lengths[i]) || options.signal?.aborted) break
    texts.forEach((text, i) => {
      if (tokens[i] >= 0 && text.length < lengths[i]) text.push(vocab.tokenOf(tokens[i]))
    })
    if (performance.now() - turn > TURN) {
      await nextTurn()
      turn = performance.now()
    }
  }
  return texts.map((text) => vocab.join(text))
}

/** For ever, the next token of each text; −1 while one is still within its prefix and another is not. */
function* continuations<S extends RecurrentState>(
  model: RNNModel<S>,
  vocab: Vocab,
  prefixes: readonly string[],
  options: GenerateOptions,
): Generator<Int32Array, void> {
  const { length = 50, temperature = 0, generator = defaultGenerator() } = options
  checkWhole('generate', 'length', length, 0)
  checkNumber('generate', 'temperature', temperature, 0)
  if (model.vocabSize !== vocab.size) {
    throw new OptionError(`generate: the vocabulary has ${vocab.size} tokens, expected the model's ${model.vocabSize}`)
  }
  const given = prefixes.map((prefix) => encodePrefix(prefix, vocab))
  const shortest = Math.min(...given.map((tokens) => tokens.length))
  const stepper = model.stepper(prefixes.length)
  try {
    const tokens = Int32Array.from(given, (prefix) => prefix[0])
    for (let at = 1; ; at++) {
      const scores = stepper.step(tokens)
      const made = given.map((prefix, row) => {
        if (at < prefix.length) return -1
        return sample(scores.subarray(row * vocab.size, (row + 1) * vocab.size), temperature, generator)
      })
      made.forEach((token, row) => {
        tokens[row] = token < 0 ? given[row][at] : token
      })
      if (at >= shortest) yield Int32Array.from(made)
    }
  } finally {
    stepper.free()
  }
}

function encodePrefix(prefix: string, vocab: Vocab): Int32Array {
  const tokens = vocab.split(prefix)
  const unknown = [...new Set(tokens.filter((token) => !vocab.has(token)))]
  if (tokens.length === 0)
    throw new DataError('generate: the prefix is empty, expected at least one token to go on from')
  if (unknown.length > 0) {
    const some = vocab.tokens.slice(1, 41).map((token) => JSON.stringify(token))
    const more = vocab.size > 41 ? ', …' : ''
    throw new DataError(
      `generate: the prefix has ${unknown.map((token) => JSON.stringify(token)).join(', ')}, which the vocabulary has not; it knows ${some.join(' ')}${more}`,
    )
  }
  return vocab.encode(tokens)
}
