import type { LoadedLabels } from '../data/labels/labelled-texts.js'
import type { LabelModel } from '../nn/label-model.js'
import { type CosineTrainingOptions, cosineTraining } from './cosine-training.js'
import type { Labeller } from './labeller.js'
import { labelling } from './labelling.js'

/** A training on labelled texts by AdamW, whose rate rises over a twentieth of the steps and then falls to 0 along a cosine. */
export function labelTraining(
  model: LabelModel,
  data: Pick<LoadedLabels, 'train' | 'validation'>,
  options: CosineTrainingOptions = {},
) {
  const { train, validation } = Object(data) as typeof data
  return cosineTraining('trainLabels', labelling, model, train, validation, options)
}

/**
 * Trains a SequenceClassifier or a SequenceTagger on the training part of labelled texts; the loss of the validation part is
 * measured after each epoch. The loss is the mean cross entropy.
 * @throws DivergenceError if the loss is not finite
 */
export async function trainLabels<M extends LabelModel>(
  model: M,
  data: LoadedLabels,
  options: CosineTrainingOptions = {},
): Promise<Labeller<M>> {
  for await (const event of labelTraining(model, data, options).run()) options.report?.(event)
  return { model, vocab: data.vocab, spec: data.spec }
}
