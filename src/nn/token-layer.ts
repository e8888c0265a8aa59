import { checkMethods, checkWhole } from '../core/check.js'
import { OptionError } from '../core/errors.js'
import type { Generator } from '../core/random.js'
import type { Tensor } from '../tensor/tensor.js'
import { dropout, dropTokens } from './dropout.js'
import type { Embedding } from './embedding.js'
import type { RecurrentLayer } from './recurrent.js'
import type { RecurrentState } from './recurrent-state.js'

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
 * The input of the layer: the tokens themselves, or their embedding.
 * @param tokens int32 [numSteps, batch]
 * @param model whose `inputDropout` drops features of the embedding in training, or whole tokens if there is none
 */
export function layerInput(
  tokens: Tensor,
  model: {
    rnn: Pick<RecurrentLayer, 'dropoutKind'>
    embedding: Embedding | undefined
    inputDropout: number
    training: boolean
  },
  generator: Generator,
): Tensor {
  const { embedding, inputDropout, training, rnn } = model
  if (!embedding) return training ? dropTokens(tokens, inputDropout, generator) : tokens
  const features = embedding.forward(tokens)
  return training ? dropout(features, inputDropout, generator, rnn.dropoutKind) : features
}
