import { checkNumber, checkWhole } from '../core/check.js'
import type { OptionKinds } from '../core/check-options.js'
import { Turns } from '../core/turn.js'
import type { Vocab } from '../data/vocab.js'
import { checkGenerationArguments } from './check-arguments.js'
import { type GenerateOptions, MOST_TOKENS } from './continuations.js'
import type { MadeToken } from './continued-text.js'
import { type Prefix, prefixOf, streamAfter } from './prefix.js'
import { checkScores, logProbabilities, onlyUnknown } from './sample.js'
import { StopFilter, stopIn, stopsOf } from './stop-strings.js'
import type { TokenModel } from './token-model.js'

/** The options of a beam search. */
export interface BeamSearchOptions extends Pick<GenerateOptions, 'prefix' | 'length' | 'stop' | 'signal'> {
  /** Texts kept at each step, and at the end. Default 4; 1 takes the likeliest token each time. */
  beams?: number
  /**
   * Texts of different lengths, which stop strings make, are compared by log-probability / length ** lengthPenalty:
   * 0 favours short ones, higher values longer ones. Default 1, the mean of a token.
   */
  lengthPenalty?: number
  /** Whether `<unk>` may be made. Default true, as for sampling at temperature 0. */
  allowUnknown?: boolean
}

const beamOptions: OptionKinds<BeamSearchOptions> = {
  prefix: 'any',
  length: 'any',
  stop: 'any',
  signal: 'signal',
  beams: 'any',
  lengthPenalty: 'any',
  allowUnknown: 'boolean',
}

/** A text that beam search found. */
export interface Hypothesis {
  /** The text with its prefix, without the stop string. */
  text: string
  /** The tokens of the text after the prefix. */
  tokens: MadeToken[]
  /** Natural logarithm of the probability of all tokens after the prefix, including those of the stop string. */
  logProbability: number
  /** The value by which texts are ranked: see `lengthPenalty`. */
  score: number
}

/** The last token of a text, linked to the token before it; the prefix comes first, with a length of 0. */
interface BeamStep {
  before?: BeamStep
  token: number
  /** Log-probability of all tokens so far. */
  total: number
  length: number
}

const MOST_BEAMS = 4096

/**
 * Searches for the likeliest texts that begin with a prefix. At each step every text is extended by every token, and
 * the `beams` likeliest results are kept. A text ends when it contains a stop string. The search ends when no text that
 * is still extended can become better than `beams` of those that have ended. It may miss the likeliest text of all.
 * @returns at most `beams` texts, best first
 * @throws DataError and OptionError as `generate` does, and the signal's reason
 */
export async function beamSearch(
  model: TokenModel,
  vocab: Vocab,
  options: BeamSearchOptions = {},
): Promise<Hypothesis[]> {
  const found = await bestSoFar(model, vocab, options)
  options.signal?.throwIfAborted()
  return found
}

/** `beamSearch`, except that it returns the texts that it has found when `signal` ends the search. */
export async function bestSoFar(model: TokenModel, vocab: Vocab, options: BeamSearchOptions): Promise<Hypothesis[]> {
  checkGenerationArguments('beamSearch', model, vocab, options, beamOptions)
  const { length = 50, beams = 4, lengthPenalty = 1, signal } = options
  checkWhole('beamSearch', 'length', length, 0, MOST_TOKENS)
  checkWhole('beamSearch', 'beams', beams, 1, MOST_BEAMS)
  checkNumber('beamSearch', 'lengthPenalty', lengthPenalty, 0, 100)
  const stops = stopsOf('beamSearch', options.stop)
  const prefix = prefixOf('beamSearch', vocab, options.prefix)
  const search = new Search(vocab, stops, options.allowUnknown, beams, prefix)
  const stepper = model.stepper(beams)
  const pace = new Turns()
  try {
    // All rows are the same while the model reads the prefix, and the search begins with the first of them.
    for (const token of prefix.tokens.subarray(0, -1)) {
      if (signal?.aborted) break
      await stepper.step(new Int32Array(beams).fill(token))
      await pace.take()
    }
    for (let made = 0; made < length && !signal?.aborted; made++) {
      const tokens = Int32Array.from({ length: beams }, (_, row) => search.live[row]?.token ?? 0)
      stepper.select(search.extend(await stepper.step(tokens)))
      if (search.settled(length, lengthPenalty)) break
      await pace.take()
    }
  } finally {
    stepper.free()
  }
  return search.best(lengthPenalty).map((step, rank) => hypothesisOf(step, rank, vocab, prefix, stops, lengthPenalty))
}

/** The texts that a beam search has found so far. */
class Search {
  /** Texts that are still extended. The model's state after text i is in row i. */
  live: BeamStep[]
  readonly #ended: BeamStep[] = []
  readonly #banned: number | undefined

  constructor(
    readonly vocab: Vocab,
    readonly stops: readonly string[],
    allowUnknown = true,
    readonly beams: number,
    readonly prefix: Prefix,
  ) {
    this.live = [{ token: prefix.tokens[prefix.tokens.length - 1], total: 0, length: 0 }]
    this.#banned = allowUnknown || vocab.size === 1 ? undefined : vocab.unk
  }

  /** Extends each text by a token and keeps the likeliest results. Returns the row of the text that each extends. */
  extend(scores: ArrayLike<number> & { subarray(from: number, to: number): ArrayLike<number> }): Int32Array {
    const { size } = this.vocab
    const before = this.live
    const totals = new Float64Array(before.length * size)
    for (const [row, step] of before.entries()) {
      const own = scores.subarray(row * size, (row + 1) * size)
      checkScores('beamSearch', own, step.length + 1)
      const logProbability = logProbabilities(own)
      for (let token = 0; token < size; token++) totals[row * size + token] = step.total + logProbability(token)
      if (this.#banned !== undefined) totals[row * size + this.#banned] = -Infinity
    }
    const from = new Int32Array(this.beams)
    this.live = []
    while (this.live.length < this.beams) {
      const best = highest(totals)
      if (totals[best] === -Infinity) break
      const row = Math.floor(best / size)
      const step = { before: before[row], token: best % size, total: totals[best], length: before[row].length + 1 }
      totals[best] = -Infinity
      if (this.#stopped(step)) this.#ended.push(step)
      else from[this.live.push(step) - 1] = row
    }
    if (this.live.length === 0 && this.#ended.length === 0) throw onlyUnknown('beamSearch')
    return from
  }

  /** Whether no text that is still extended, up to `length` tokens, can become better than those that have ended. */
  settled(length: number, lengthPenalty: number): boolean {
    if (this.live.length === 0) return true
    if (this.#ended.length < this.beams) return false
    // More tokens can only lower the log-probability of a text. At best it stays, divided by the greatest length.
    const hope = this.live[0].total / length ** lengthPenalty
    return this.#ended.filter((step) => rankingScore(step, lengthPenalty) >= hope).length >= this.beams
  }

  best(lengthPenalty: number): BeamStep[] {
    const score = (step: BeamStep) => rankingScore(step, lengthPenalty)
    return [...this.#ended, ...this.live].sort((a, b) => score(b) - score(a)).slice(0, this.beams)
  }

  #stopped(step: BeamStep): boolean {
    if (this.stops.length === 0) return false
    const stream = streamAfter(this.vocab, this.prefix)
    const pieces = pathTo(step).map(({ token }) => stream.push(this.vocab.tokenOf(token)))
    return stopIn(pieces.join('') + stream.flush(), this.stops) >= 0
  }
}

const rankingScore = ({ total, length }: BeamStep, lengthPenalty: number): number =>
  length === 0 ? 0 : total / length ** lengthPenalty

/** The steps of a text in order. */
function pathTo(last: BeamStep): BeamStep[] {
  const path: BeamStep[] = []
  for (let step = last; step.before; step = step.before) path.push(step)
  return path.reverse()
}

function highest(values: Float64Array): number {
  let best = 0
  for (let i = 1; i < values.length; i++) if (values[i] > values[best]) best = i
  return best
}

function hypothesisOf(
  last: BeamStep,
  sample: number,
  vocab: Vocab,
  prefix: Prefix,
  stops: readonly string[],
  lengthPenalty: number,
): Hypothesis {
  const stream = streamAfter(vocab, prefix)
  const filter = new StopFilter<MadeToken>(stops)
  const path = pathTo(last)
  const tokens = path.flatMap(({ before, token, total }, index) => {
    const text = stream.push(vocab.tokenOf(token)) + (index === path.length - 1 ? stream.flush() : '')
    const logProbability = total - before!.total
    return filter.push({ token, text, probability: Math.exp(logProbability), logProbability, index, sample })
  })
  tokens.push(...filter.flush())
  const text = prefix.text + tokens.map((made) => made.text).join('')
  return { text, tokens, logProbability: last.total, score: rankingScore(last, lengthPenalty) }
}
