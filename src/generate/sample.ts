import { checkNumber, checkWhole } from '../core/check.js'
import type { OptionKinds } from '../core/check-options.js'
import { DataError } from '../core/errors.js'
import type { Generator } from '../core/random.js'
import type { Vocab } from '../data/vocab.js'

/**
 * How the next token is chosen by its score. The steps apply in the order of Hugging Face's logits processors and
 * warpers, each to the result of the one before it: repetition penalty, `<unk>`, temperature, top-k, top-p, min-p.
 */
export interface SamplingOptions {
  /**
   * 0 takes the likeliest token each time; higher values draw from softmax(scores / temperature). Default 0, or 1 if
   * `topK`, `topP` or `minP` is given or several samples are made.
   */
  temperature?: number
  /** Draw among this many of the likeliest tokens (and those as likely as the last of them). */
  topK?: number
  /**
   * Draw among as few of the likeliest tokens as have probabilities that add up to this or more (and those as likely
   * as the last of them), 0 to 1 (nucleus sampling, Holtzman et al. 2020).
   */
  topP?: number
  /** Draw among the tokens whose probability is at least this share of the likeliest one's, 0 to 1 (Nguyen et al. 2024). */
  minP?: number
  /**
   * For every token that is already in the text or its prefix, a positive score is divided by this and a negative one
   * multiplied (Keskar et al. 2019); from 0.01 to 100. Default 1, which changes nothing.
   */
  repetitionPenalty?: number
  /** Only this many of the last tokens count as repeated. Default: all. */
  repetitionWindow?: number
  /** Whether `<unk>` may be made. Default: only at temperature 0, where the book's `predict` takes it too. */
  allowUnknown?: boolean
}

export const samplingOptions: OptionKinds<SamplingOptions> = {
  temperature: 'any',
  topK: 'any',
  topP: 'any',
  minP: 'any',
  repetitionPenalty: 'any',
  repetitionWindow: 'any',
  allowUnknown: 'boolean',
}

export type ResolvedSampling = Required<SamplingOptions>

/** The temperature, or its default. */
export function temperatureOf({ temperature, topK, topP, minP }: SamplingOptions, samples = 1): number {
  return temperature ?? ((topK ?? topP ?? minP) === undefined && samples === 1 ? 0 : 1)
}

/** Options with their defaults. @throws OptionError for one out of range */
export function samplingOf(where: string, options: SamplingOptions): ResolvedSampling {
  const { topK = Infinity, topP = 1, minP = 0, repetitionPenalty = 1, repetitionWindow = Infinity } = options
  const temperature = temperatureOf(options)
  checkNumber(where, 'temperature', temperature, 0)
  if (topK !== Infinity) checkWhole(where, 'topK', topK)
  checkNumber(where, 'topP', topP, 0, 1)
  checkNumber(where, 'minP', minP, 0, 1)
  checkNumber(where, 'repetitionPenalty', repetitionPenalty, 0.01, 100)
  if (repetitionWindow !== Infinity) checkWhole(where, 'repetitionWindow', repetitionWindow)
  const { allowUnknown = temperature === 0 } = options
  return { temperature, topK, topP, minP, repetitionPenalty, repetitionWindow, allowUnknown }
}

/** Chooses the tokens of one text. */
export class Sampler {
  readonly #where: string
  readonly #options: ResolvedSampling
  readonly #size: number
  /** The token that must not be made. */
  readonly #banned: number | undefined
  readonly #generator: Generator
  /** How often each token counts as repeated, and the tokens in the window, oldest first. */
  readonly #counts: Int32Array | undefined
  readonly #window: number[] = []
  #made = 0

  /** @param where the function that the user called */
  constructor(
    where: string,
    options: ResolvedSampling,
    { size, unk }: Pick<Vocab, 'size' | 'unk'>,
    generator: Generator,
  ) {
    this.#where = where
    this.#options = options
    this.#size = size
    this.#banned = options.allowUnknown || size === 1 ? undefined : unk
    this.#generator = generator
    if (options.repetitionPenalty !== 1) this.#counts = new Int32Array(size)
  }

  /** Takes note of a token of the text, for the repetition penalty. */
  see(token: number): void {
    const { repetitionWindow } = this.#options
    if (!this.#counts) return
    this.#counts[token]++
    if (repetitionWindow === Infinity) return
    if (this.#window.push(token) > repetitionWindow) this.#counts[this.#window.shift()!]--
  }

  /** The next token of the text, by the model's scores of each. @throws DataError as `checkScores` does */
  sample(scores: ArrayLike<number>): number {
    checkScores(this.#where, scores, ++this.#made)
    const token =
      this.#options.temperature === 0
        ? likeliest(this.#adjusted(scores))
        : draw(this.distribution(scores), this.#generator)
    this.see(token)
    return token
  }

  /** The probability that each token is drawn with, at a temperature above 0. */
  distribution(scores: ArrayLike<number>): Float64Array {
    const adjusted = this.#adjusted(scores)
    const best = adjusted[likeliest(adjusted)]
    // Weights rise with the scores, so that every truncation amounts to a lowest weight that is kept.
    const { temperature } = this.#options
    const weights = new Float64Array(this.#size)
    for (let i = 0; i < weights.length; i++) weights[i] = Math.exp((adjusted[i] - best) / temperature)
    const least = this.#leastWeight(weights)
    let sum = 0
    for (let i = 0; i < weights.length; i++) {
      if (weights[i] < least) weights[i] = 0
      sum += weights[i]
    }
    for (let i = 0; i < weights.length; i++) weights[i] /= sum
    return weights
  }

  /** The scores after the repetition penalty and without `<unk>`. */
  #adjusted(scores: ArrayLike<number>): ArrayLike<number> {
    if (!this.#counts && this.#banned === undefined) return scores
    const adjusted = new Float64Array(scores)
    if (this.#counts) {
      const { repetitionPenalty } = this.#options
      for (let i = 0; i < this.#size; i++) {
        if (this.#counts[i] > 0) adjusted[i] *= adjusted[i] < 0 ? repetitionPenalty : 1 / repetitionPenalty
      }
    }
    if (this.#banned !== undefined) {
      adjusted[this.#banned] = -Infinity
      if (adjusted.every((score) => score === -Infinity)) throw onlyUnknown(this.#where)
    }
    return adjusted
  }

  /** The lowest weight that top-k, top-p and min-p keep, if the weight of the likeliest token is 1. */
  #leastWeight(weights: Float64Array): number {
    const { topK, topP, minP } = this.#options
    if (topK >= this.#size && topP === 1) return minP
    const sorted = weights.slice().sort().reverse()
    let least = sorted[Math.min(topK, this.#size) - 1]
    if (topP < 1) {
      const total = sorted.reduce((sum, weight) => (weight >= least ? sum + weight : sum), 0)
      let last = 0
      for (let sum = sorted[0]; sum < topP * total && sorted[last + 1] >= least; sum += sorted[last]) last++
      least = sorted[last]
    }
    return Math.max(least, minP)
  }
}

/**
 * Throws a DataError unless a token can be taken by these scores: a score is a finite number, or −∞ for a token that
 * is never made, and not all of them are −∞.
 * @param place which token after the prefix the scores are for, from 1
 */
export function checkScores(where: string, scores: ArrayLike<number>, place: number): void {
  let highest = -Infinity
  for (let i = 0; i < scores.length && highest < Infinity; i++) {
    // NaN is neither greater nor less than anything.
    if (!(scores[i] <= highest)) highest = scores[i]
  }
  if (Number.isFinite(highest)) return
  throw new DataError(
    `${where}: the model's highest score for token ${place} after the prefix is ${highest}, expected a finite number; the model's parameters or its state have diverged: train it again with a smaller learning rate, or load an earlier checkpoint`,
  )
}

/** The error for a model that can make nothing but `<unk>`, although it may not make it. */
export function onlyUnknown(where: string): DataError {
  return new DataError(
    `${where}: the model gives a finite score to <unk> alone, which it may not make, expected one for another token; set allowUnknown to true`,
  )
}

/** The first of the tokens with the highest score. */
function likeliest(scores: ArrayLike<number>): number {
  let best = 0
  for (let i = 1; i < scores.length; i++) if (scores[i] > scores[best]) best = i
  return best
}

function draw(probabilities: Float64Array, generator: Generator): number {
  let rest = generator.uniform()
  let last = 0
  for (let i = 0; i < probabilities.length; i++) {
    if (probabilities[i] === 0) continue
    last = i
    rest -= probabilities[i]
    if (rest < 0) break
  }
  return last
}

/** The logarithms of all tokens' probabilities, by token: softmax of the scores as they are, in double precision. */
export function logProbabilities(scores: ArrayLike<number>): (token: number) => number {
  const best = scores[likeliest(scores)]
  let sum = 0
  for (let i = 0; i < scores.length; i++) sum += Math.exp(scores[i] - best)
  const logSum = Math.log(sum)
  // The subtraction comes first, because adding the logarithm to a score of 10¹⁷ would lose it in rounding.
  return (token) => scores[token] - best - logSum
}
