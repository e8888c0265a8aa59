import { checkLoss } from '../core/check.js'
import { checkOptions } from '../core/check-options.js'
import { OptionError } from '../core/errors.js'
import type { Corpus } from '../data/sequences.js'
import { learningOf } from '../kernels/learning.js'
import { checkRNNModel, type RNNModel } from '../nn/model.js'
import { type EvaluateOptions, type Evaluation, evaluateOptions, evaluationOf, readCorpus } from './evaluate.js'

/** What came of a calibration. */
export interface Calibration {
  /** What the scores were divided by: above 1 where the model was too sure of itself. */
  temperature: number
  before: Evaluation
  after: Evaluation
}

/** Steps of Newton's method beyond which an end is not waited for. */
const MOST_STEPS = 12
/** The temperature at which the search gives up: each step halves 1 / temperature at most; or doubles it, at the inverse. */
export const LARGEST_TEMPERATURE = 2 ** MOST_STEPS
/** A change of 1 / temperature, relative to it, after which the next would be some 1e-6. */
const NONE = 1e-3

/**
 * Temperature scaling (Guo, Pleiss, Sun & Weinberger 2017, "On calibration of modern neural networks"): finds the one
 * number that the scores z of all tokens are to be divided by, so that a text that was held out becomes the likeliest, and
 * divides the output layer's weight and bias by it. A model that over-fitted is too sure of itself; which token is the
 * likeliest stays as it was.
 *
 * The mean of log Σⱼ exp(β zⱼ) − β z_y is convex in β = 1 / temperature, with the slope E[z] − z_y and the curvature
 * Var[z] under the model: Newton's method from β = 1 on, with a pass over the text for each step, some five in all;
 * `onProgress` is told of each pass from 0 on.
 * @throws OptionError for a model of tied weights, DataError for one that diverged, the signal's reason, and as
 * `evaluateCorpus`; the model then is as it was
 */
export async function calibrate(model: RNNModel, corpus: Corpus, options: EvaluateOptions = {}): Promise<Calibration> {
  checkOptions('calibrate', options, evaluateOptions)
  checkRNNModel('calibrate', model)
  if (model.tieWeights) {
    throw new OptionError(
      'calibrate: the output has the weight of the embedding, expected a model without tieWeights: dividing one would change the other',
    )
  }
  let beta = 1
  let now = await measure(model, corpus, options, beta)
  const before = now.evaluation
  checkLoss('calibrate', before.loss)
  // Where all scores are alike, so are all temperatures.
  for (let change = 1, steps = 0; change >= NONE && now.curvature > 0 && steps < MOST_STEPS; steps++) {
    // Limited: for a text that the model knows by heart there would be no end.
    const next = Math.min(Math.max(beta - now.slope / now.curvature, beta / 2), beta * 2)
    change = Math.abs(next - beta) / beta
    beta = next
    now = await measure(model, corpus, options, beta)
  }
  for (const { device, storage } of model.linear.parameters()) device.affine(storage, beta, 0, storage)
  return { temperature: 1 / beta, before, after: now.evaluation }
}

/** The loss over the text with all scores times β, and the sums of its first and second derivative. */
async function measure(model: RNNModel, corpus: Corpus, options: EvaluateOptions, beta: number) {
  let [loss, slope, curvature, tokens] = [0, 0, 0, 0]
  await readCorpus('calibrate', model, corpus, options, async (scores, labels) => {
    const { device, storage, shape } = scores
    const [rows, columns] = shape
    const sums = learningOf(device).temperature(storage, labels.data as Int32Array, beta, rows, columns)
    const [cost, first, second] = await device.read(sums)
    loss += cost
    slope += first
    curvature += second
    tokens += labels.size
  })
  return { evaluation: evaluationOf(loss / tokens, tokens), slope, curvature }
}
