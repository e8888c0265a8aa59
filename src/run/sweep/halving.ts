import { isExploded, limitOf } from '../explosion.js'
import type { RecordedOptions } from '../record.js'
import { epochsOf, type Halving, type SweepPlan, type Trial } from './plan.js'

/** What a trial has reached after some epochs. */
export interface TrialResult {
  trial: number
  epochs: number
  /** The lowest loss of the held-out text until then, in nats per token; undefined if the training exploded. */
  loss?: number
  /** Seconds of training until then; 0 if it exploded. */
  seconds: number
}

/**
 * The numbers of epochs after which trials are compared, the last being that of a whole trial: first · factorᵏ, as in
 * successive halving (Jamieson & Talwalkar 2016). Without halving every trial is trained as long as it says itself.
 */
export function rungsOf({ options, halving }: Pick<SweepPlan, 'options' | 'halving'>): number[] {
  const epochs = epochsOf(options)
  if (!halving) return [epochs]
  const rungs = []
  for (let rung = halving.first; rung < epochs; rung *= halving.factor) rungs.push(rung)
  return [...rungs, epochs]
}

/** The epochs that a trial trains until a rung: a trial may have a number of its own, if there is no halving. */
export const epochsUntil = (rung: number, { epochs }: RecordedOptions): number => Number(epochs ?? rung)

/**
 * The loss of a trial whose text is held out.
 * @param losses of its validations, one or more
 * @returns the lowest; undefined if even that is worth nothing, however the training ended or was stopped in between
 */
export function trialLoss(losses: readonly number[], vocabSize: number): number | undefined {
  const lowest = Math.min(...losses)
  return isExploded(lowest, limitOf(vocabSize, 'token')) ? undefined : lowest
}

/** The best 1/factor of the trials at a rung, at least one, the best first; trials that exploded never go on. */
export function promoted(trials: readonly Trial[], results: readonly TrialResult[], { factor }: Halving): Trial[] {
  const ranked = ranking(results.filter(({ loss }) => loss !== undefined))
  const most = Math.max(1, Math.floor(trials.length / factor))
  return ranked.slice(0, most).map(({ trial }) => trials.find(({ number }) => number === trial)!)
}

/** Results from the lowest loss to the highest; of equal ones the earlier trial comes first. */
export const ranking = (results: readonly TrialResult[]): TrialResult[] =>
  results.toSorted((a, b) => (a.loss ?? Infinity) - (b.loss ?? Infinity) || a.trial - b.trial)
