import { checkMethods, checkStrings } from '../core/check.js'
import type { Generator } from '../core/random.js'
import { checkVocab, Vocab } from '../data/vocab.js'
import { checkSavable } from '../formats/model-config.js'
import { configOf, modelOf } from '../formats/model-of.js'
import { checkRNNModel, type RNNModel } from '../nn/model.js'
import type { Tensor } from '../tensor/tensor.js'

/**
 * Makes a copy of a model that knows more tokens. They come after the old ones in the vocabulary, and their rows and
 * columns of the parameters get initial values from `generator`; all old values stay.
 * @throws DataError for a model that could not be saved: one with additional parameters, or values that are not finite
 */
export function extendVocab(
  model: RNNModel,
  vocab: Vocab,
  tokens: readonly string[],
  generator: Generator,
): { model: RNNModel; vocab: Vocab } {
  checkRNNModel('extendVocab', model)
  checkVocab('extendVocab', vocab)
  checkStrings('extendVocab', 'tokens', tokens)
  checkMethods('extendVocab', 'generator', generator, ['normal', 'uniform'], 'a Generator')
  const old = model.stateDict()
  checkSavable('extendVocab', configOf(model), vocab, old)
  const extended = Vocab.of([...vocab.tokens, ...tokens], vocab.kind)
  const grown = modelOf({ ...configOf(model), vocabSize: extended.size }, generator)
  for (const [name, parameter] of grown.namedParameters()) copyCorner(old[name], parameter)
  return { model: grown, vocab: extended }
}

/** Copies a vector or matrix into the first rows and columns of a larger one. */
function copyCorner(from: Tensor, to: Tensor): void {
  const [columns, wider] = [from, to].map(({ shape }) => shape.at(-1)!)
  const { device } = to
  const view = (width: number) => ({ offset: 0, strides: [width, 1] })
  device.copy(from.to(device).storage, view(columns), to.storage, view(wider), [from.size / columns, columns])
}
