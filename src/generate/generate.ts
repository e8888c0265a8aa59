import { checkNumber, checkWhole } from '../core/check.js'
import { DataError, OptionError } from '../core/errors.js'
import { defaultGenerator, type Generator } from '../core/random.js'
import { nextTurn } from '../core/turn.js'
import type { Vocab } from '../data/vocab.js'
import type { RNNModel } from '../nn/model.js'
import type { RecurrentState } from '../nn/recurrent.js'
import { noGrad } from '../tensor/autograd.js'
import { fromData } from '../tensor/create.js'
import { sample } from './sample.js'

export interface GenerateOptions {
  /** The text to go on from. Default 'time traveller'. */
  prefix?: string
  /** Tokens to make after the prefix. Default 50. */
  length?: number
  /** 0 takes the likeliest token each time; higher values draw from softmax(scores / temperature). Default 0. */
  temperature?: number
  /** Source of the draws. Default: the one that `manualSeed` restarts. */
  generator?: Generator
  signal?: AbortSignal
}

/** Lets timers and signals in every so many tokens. */
const TOKENS_PER_TURN = 64

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
  const { prefix = 'time traveller', length = 50, temperature = 0, generator = defaultGenerator(), signal } = options
  checkWhole('generate', 'length', length, 0)
  checkNumber('generate', 'temperature', temperature, 0)
  if (model.rnn.bidirectional) {
    throw new OptionError(
      'generate: the model is bidirectional, expected one direction; its backward layer needs the text that is yet to be made',
    )
  }
  if (model.vocabSize !== vocab.size) {
    throw new OptionError(`generate: the vocabulary has ${vocab.size} tokens, expected the model's ${model.vocabSize}`)
  }
  let input = encodePrefix(prefix, vocab)
  let state: S | undefined
  const training = model.training
  for (let made = 0; made < length && !signal?.aborted; made++) {
    model.eval()
    const { output, state: next } = noGrad(() => model.forward(fromData(input, [1, input.length]), state))
    model.train(training)
    state = next
    const scores = (await output.slice(0, input.length - 1).values()) as Float32Array
    const token = sample(scores, temperature, generator)
    yield vocab.tokenOf(token)
    input = Int32Array.of(token)
    if (made % TOKENS_PER_TURN === TOKENS_PER_TURN - 1) await nextTurn()
  }
}

/** The prefix and `numPreds` tokens after it, as one text. See `generate`. */
export async function predict<S extends RecurrentState>(
  prefix: string,
  numPreds: number,
  model: RNNModel<S>,
  vocab: Vocab,
  options: Omit<GenerateOptions, 'prefix' | 'length'> = {},
): Promise<string> {
  const made: string[] = []
  for await (const token of generate(model, vocab, { ...options, prefix, length: numPreds })) made.push(token)
  return vocab.join([...vocab.split(prefix), ...made])
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
