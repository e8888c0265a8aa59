import { checkArgument } from '../core/check.js'
import { DataError, OptionError, UnrolledError } from '../core/errors.js'
import { type LabelledBatch, LabelledData } from '../data/labels/labelled-data.js'
import { LabelModel } from '../nn/label-model.js'
import { SequenceTagger } from '../nn/sequence-tagger.js'
import { noGrad } from '../tensor/autograd.js'
import { crossEntropy } from '../tensor/losses.js'
import type { Tensor } from '../tensor/tensor.js'
import type { Objective } from './objective.js'

/** The type of `labelling`: the held-out data are labelled sequences, too. */
export type Labelling = Objective<LabelModel, LabelledBatch, LabelledData, LabelledData, never>

/** The most sequences that are evaluated side by side. */
const SIDE_BY_SIDE = 256

/** The most numbers that a layer makes of them, unless a single sequence needs more: 128 MB. */
const MOST_NUMBERS = 2 ** 25

/**
 * Predicts the labels of sequences, or of their tokens; the loss is the mean cross entropy, in nats, over the labels of a
 * batch. That of the held-out data is the mean over all their labels.
 */
export const labelling: Labelling = {
  check(where, model, data, validation) {
    const expected = 'a SequenceClassifier or a SequenceTagger'
    checkArgument(where, 'model', model, model instanceof LabelModel, expected)
    checkLabelled(where, 'data', model, data)
    if (validation) checkLabelled(where, 'validation', model, validation.corpus)
  },

  loss(model, batch, _carried, data) {
    return { loss: lossOf(model, batch), items: data.batchSize }
  },

  async validate(model, heldOut, _data, signal) {
    let [sum, count] = [0, 0]
    for (const batch of heldOut.inOrder(...sideBySide(model))) {
      signal?.throwIfAborted()
      const labels = labelsIn(batch)
      sum += (await model.inEval(() => noGrad(() => lossOf(model, batch))).item()) * labels
      count += labels
    }
    return sum / count
  },
}

/**
 * Checks that data are labelled as a model labels them.
 * @throws OptionError for other data, DataError for labels of another kind or number, and for tokens that the model lacks
 */
export function checkLabelled(where: string, name: string, model: LabelModel, data: unknown): void {
  const made = 'a LabelledData, as labelledTexts and readLabels make it'
  checkArgument(where, name, data, data instanceof LabelledData, made)
  const { numLabels, perToken, sequences } = data as LabelledData
  if (numLabels !== model.numLabels) {
    throw new DataError(`${where}: ${name} has ${numLabels} labels, expected ${model.numLabels}, as many as the model`)
  }
  const tags = model instanceof SequenceTagger
  if (perToken !== tags) {
    const [one, each] = ['one label for each sequence', 'a label for each token']
    throw new DataError(
      `${where}: ${name} has ${perToken ? each : one}, expected ${tags ? each : one}, for a ${tags ? 'SequenceTagger' : 'SequenceClassifier'}`,
    )
  }
  for (const [i, { tokens }] of sequences.entries()) {
    for (let at = 0; at < tokens.length; at++) {
      if (Number.isInteger(tokens[at]) && tokens[at] >= 0 && tokens[at] < model.vocabSize) continue
      throw new OptionError(
        `${where}: ${name}: sequence ${i} has the token ${tokens[at]}, expected 0 to ${model.vocabSize - 1}, as many as the model has`,
      )
    }
  }
}

/** How many sequences, and how many tokens with the padding, go through a model at once where nothing is kept for a gradient. */
export function sideBySide({ rnn, embedding }: LabelModel): [sequences: number, tokens: number] {
  // Of each token there are its embedding, up to four gates, c, and the output.
  const perToken = (embedding ? rnn.inputSize : 0) + 6 * rnn.hiddenSize * rnn.numDirections
  return [SIDE_BY_SIDE, MOST_NUMBERS / perToken]
}

/** How many labels a batch has. */
const labelsIn = ({ y, lengths }: LabelledBatch): number =>
  y.rank === 1 ? lengths.length : lengths.reduce((sum, length) => sum + length, 0)

/**
 * The scores of a batch, a row for each label and, among them, for each place of padding.
 * @throws UnrolledError that names the longest sequence where the memory is too small for the batch
 */
export function scoresOf(model: LabelModel, { x, lengths, place = 'a sequence' }: Omit<LabelledBatch, 'y'>): Tensor {
  try {
    return model.forward(x.to(model.linear.weight.device), { lengths }).reshape(-1, model.numLabels)
  } catch (error) {
    if (!(error instanceof UnrolledError && error.code === 'no-memory')) throw error
    throw new UnrolledError(
      `${place} has ${x.shape[1]} tokens, for which the memory is too small (${error.message}); shorten it, or train with a smaller maxTokens`,
      ['maxTokens'],
      'no-memory',
    )
  }
}

/** The number of the likeliest label in each of these rows. */
export const bestOf = (model: LabelModel, batch: Omit<LabelledBatch, 'y'>): Tensor =>
  model.inEval(() => noGrad(() => scoresOf(model, batch).argmax()))

function lossOf(model: LabelModel, batch: LabelledBatch): Tensor {
  return crossEntropy(scoresOf(model, batch), batch.y.reshape(-1).to(model.linear.weight.device))
}
