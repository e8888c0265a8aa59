import { checkLoss } from '../core/check.js'
import { checkOptions } from '../core/check-options.js'
import { OptionError } from '../core/errors.js'
import type { Corpus } from '../data/sequences.js'
import { learningOf } from '../kernels/learning.js'
import { checkRNNModel, type RNNModel } from '../nn/model.js'
import { type EvaluateOptions, type Evaluation, evaluateOptions, evaluationOf, scoreCorpus } from './evaluate.js'

/** The result of a calibration. */
export interface Calibration {
  /** The number that the scores were divided by: above 1 if the model was overconfident. */
  temperature: number
  before: Evaluation
  after: Evaluation
}

/** The most steps of Newton's method. */
const MOST_STEPS = 12
/** The search ends at this temperature or its inverse, because a step at most halves or doubles 1 / temperature. */
export const LARGEST_TEMPERATURE = 2 ** MOST_STEPS
/** The search ends at this relative change of 1 / temperature: the next change would be about 1e-6. */
const NONE = 1e-3

/**
 * Temperature scaling (Guo, Pleiss, Sun & Weinberger 2017, "On calibration of modern neural networks"): finds the one
 * number to divide the scores z of all tokens by so that a held-out text becomes the likeliest, and divides the output
 * layer's weight and bias by it. An overfitted model is overconfident; dividing all scores does not change which token
 * is the likeliest.
 *
 * The mean of log Σⱼ exp(β zⱼ) − β z_y is convex in β = 1 / temperature, with the slope E[z] − z_y and the curvature
 * Var[z] under the model. Newton's method finds the minimum from β = 1 on, with a pass over the text for each step,
 * about five in all; `onProgress` begins at 0 for each pass.
 * @throws OptionError for a model with tied weights, DataError for one that diverged, the signal's reason, and the
 *   errors of `evaluateCorpus`; the model is then unchanged
 */
export async function calibrate(model: RNNModel, corpus: Corpus, options: EvaluateOptions = {}): Promise<Calibration> {
  checkOptions('calibrate', options, evaluateOptions)
  checkRNNModel('calibrate', model)
  if (model.tieWeights) {
    throw new OptionError(
      'calibrate: the output has the weight of the embedding, expected a model without tieWeights, because dividing one would change the other',
    )
  }
  let beta = 1
  let now = await measure(model, corpus, options, beta)
  const before = now.evaluation
  checkLoss('calibrate', before.loss)
  // If all scores are equal, the curvature is 0 and all temperatures give the same loss.
  for (let change = 1, steps = 0; change >= NONE && now.curvature > 0 && steps < MOST_STEPS; steps++) {
    // The step is limited, because the search would not end for a text that the model knows by heart.
    const next = Math.min(Math.max(beta - now.slope / now.curvature, beta / 2), beta * 2)
    change = Math.abs(next - beta) / beta
    beta = next
    now = await measure(model, corpus, options, beta)
  }
  for (const { device, storage } of model.linear.parameters()) device.affine(storage, beta, 0, storage)
  return { temperature: 1 / beta, before, after: now.evaluation }
}

/** The mean loss over the text with all scores times β, and its first and second derivative summed over the tokens. */
async function measure(model: RNNModel, corpus: Corpus, options: EvaluateOptions, beta: number) {
  let [loss, slope, curvature, tokens] = [0, 0, 0, 0]
  await scoreCorpus('calibrate', model, corpus, options, async (scores, labels) => {
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
