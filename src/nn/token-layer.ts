import { checkMethods, checkWhole } from '../core/check.js'
import { OptionError, ShapeError } from '../core/errors.js'
import type { Generator } from '../core/random.js'
import { formatShape } from '../core/shape.js'
import { floatsIn } from '../tensor/placed.js'
import { checkTensor, type Tensor } from '../tensor/tensor.js'
import { dropout, dropTokens } from './dropout.js'
import type { Embedding } from './embedding.js'
import type { Linear } from './linear.js'
import type { RecurrentLayer } from './recurrent.js'
import type { RecurrentState } from './recurrent-state.js'
import { type ForwardOptions, lengthsIn, withoutPadding } from './sequences.js'

// What models share that read tokens with a recurrent layer.

/**
 * Checks that a layer reads the tokens of a vocabulary, or their embedding.
 * @param where the model's name
 * @throws OptionError if its inputSize does not fit, or if it has `batchFirst`
 */
export function checkTokenLayer<S extends RecurrentState>(
  where: string,
  rnn: RecurrentLayer<S>,
  vocabSize: number,
  embeddingSize: number | undefined,
): void {
  checkMethods(where, 'the layer', rnn, ['forward', 'stepper', 'beginState'], 'an RNN, a GRU or an LSTM')
  checkWhole(where, 'vocabSize', vocabSize)
  if (embeddingSize !== undefined) checkWhole(where, 'embeddingSize', embeddingSize)
  if (rnn.inputSize !== (embeddingSize ?? vocabSize)) {
    const expected = embeddingSize ? `embeddingSize ${embeddingSize}` : `the vocabulary's size ${vocabSize}`
    throw new OptionError(`${where}: the layer has inputSize = ${rnn.inputSize}, expected ${expected}`)
  }
  if (rnn.batchFirst) {
    throw new OptionError(
      `${where}: the layer has batchFirst, expected time first; the model transposes its inputs itself`,
    )
  }
}

/**
 * The input of the layer, time first: the tokens themselves, or their embedding; and the lengths, if sequences differ in them.
 * @param where the function that the user called
 * @param inputs tokens, int32 [batch, numSteps]
 * @param model whose `inputDropout` drops features of the embedding in training, or whole tokens if there is none
 */
export function layerInput(
  where: string,
  inputs: Tensor,
  options: ForwardOptions,
  model: TokenModel,
  generator: Generator,
): { x: Tensor; lengths: Int32Array | undefined } {
  checkTensor(where, inputs, 'inputs')
  floatsIn(where, model.linear.weight, 'linear.weight')
  if (inputs.dtype !== 'int32' || inputs.rank !== 2) {
    throw new ShapeError(
      `${where}: inputs are ${inputs.dtype} of the shape ${formatShape(inputs.shape)}, expected int32 tokens [batch, numSteps]`,
    )
  }
  const [batchSize, numSteps] = inputs.shape
  const lengths = lengthsIn(where, options, numSteps, batchSize)
  return { x: features(withoutPadding(inputs.transpose(0, 1), lengths), model, generator), lengths }
}

/** What of a model decides how it reads tokens. */
interface TokenModel {
  rnn: Pick<RecurrentLayer, 'dropoutKind'>
  linear: Linear
  embedding: Embedding | undefined
  inputDropout: number
  training: boolean
}

function features(tokens: Tensor, model: TokenModel, generator: Generator): Tensor {
  const { embedding, inputDropout, training, rnn } = model
  if (!embedding) return training ? dropTokens(tokens, inputDropout, generator) : tokens
  const embedded = embedding.forward(tokens)
  return training ? dropout(embedded, inputDropout, generator, rnn.dropoutKind) : embedded
}
