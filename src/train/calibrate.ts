import { OptionError } from '../core/errors.js'
import type { Corpus } from '../data/sequences.js'
import type { RNNModel } from '../nn/model.js'
import type { Tensor } from '../tensor/tensor.js'
import { type EvaluateOptions, type Evaluation, evaluateCorpus, readCorpus } from './evaluate.js'

export interface Calibration {
  /** What the scores were divided by: above 1 where the model was too sure of itself. */
  temperature: number
  before: Evaluation
  after: Evaluation
}

/** Passes over the text beyond which an end is not waited for. */
const MOST_PASSES = 12
/** A change of 1 / temperature, relative to it, after which the next would be some 1e-6. */
const NONE = 1e-3

/**
 * Temperature scaling (Guo, Pleiss, Sun & Weinberger 2017, "On calibration of modern neural networks"): finds the one
 * number that the scores z of all tokens are to be divided by, so that a text that was held out becomes the likeliest, and
 * divides the output layer's weight and bias by it. A model that over-fitted is too sure of itself; which token is the
 * likeliest stays as it was.
 *
 * The mean of log Σⱼ exp(β zⱼ) − β z_y is convex in β = 1 / temperature, with the slope E[z] − z_y and the curvature
 * Var[z] under the model: Newton's method, from β = 1 on, a pass over the text each.
 * @throws OptionError for a model of tied weights; and as `evaluateCorpus`
 */
export async function calibrate(model: RNNModel, corpus: Corpus, options: EvaluateOptions = {}): Promise<Calibration> {
  if (model.tieWeights) {
    throw new OptionError(
      'calibrate: the output has the weight of the embedding, expected a model without tieWeights: dividing one would change the other',
    )
  }
  const before = await evaluateCorpus(model, corpus, options)
  let beta = 1
  for (let pass = 0; pass < MOST_PASSES && !options.signal?.aborted; pass++) {
    const { slope, curvature } = await derivatives(model, corpus, options, beta)
    // All scores alike, at any temperature.
    if (!(curvature > 0)) break
    // A text that the model knows by heart would have no end.
    const next = Math.min(Math.max(beta - slope / curvature, beta / 2), beta * 2)
    const change = Math.abs(next - beta) / beta
    beta = next
    if (change < NONE) break
  }
  options.signal?.throwIfAborted()
  for (const { data } of model.linear.parameters()) data.set(data.map((value) => value * beta))
  return { temperature: 1 / beta, before, after: await evaluateCorpus(model, corpus, options) }
}

/** Sums over the text of the loss's first and second derivative. */
async function derivatives(model: RNNModel, corpus: Corpus, options: EvaluateOptions, beta: number) {
  const sums = { slope: 0, curvature: 0 }
  await readCorpus('calibrate', model, corpus, options, (scores, labels) => {
    const columns = scores.shape[1]
    for (let row = 0; row < labels.size; row++) {
      const z = scores.data.subarray(row * columns, (row + 1) * columns)
      const { mean, variance } = momentsOf(z, beta)
      sums.slope += mean - z[labels.data[row]]
      sums.curvature += variance
    }
  })
  return sums
}

/** Mean and variance of scores under softmax(β z). */
function momentsOf(z: Tensor['data'], beta: number): { mean: number; variance: number } {
  let most = -Infinity
  for (const score of z) most = Math.max(most, score)
  let [total, sum, squares] = [0, 0, 0]
  for (const score of z) {
    // From the largest on, where the most weight is, for the sake of the variance's digits.
    const distance = score - most
    const weight = Math.exp(beta * distance)
    total += weight
    sum += weight * distance
    squares += weight * distance * distance
  }
  const mean = sum / total
  return { mean: mean + most, variance: squares / total - mean * mean }
}
