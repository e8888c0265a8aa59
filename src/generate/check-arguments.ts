import { checkOptions } from '../core/check-options.js'
import { OptionError } from '../core/errors.js'
import { checkVocab, type Vocab } from '../data/vocab.js'
import { checkOneDirection } from '../nn/stack-stepper.js'
import { checkTokenModel, type TokenModel } from './token-model.js'

/**
 * Checks the arguments that all functions that make texts have in common.
 * @param where the function that the user called
 * @param names the options that it has
 * @throws OptionError if an argument is of another kind, the vocabulary is not the model's, or the model is
 *   bidirectional
 */
export function checkGenerationArguments(
  where: string,
  model: TokenModel,
  vocab: Vocab,
  options: object,
  names: Parameters<typeof checkOptions>[2],
): void {
  checkTokenModel(where, model)
  checkVocab(where, vocab)
  checkOptions(where, options, names)
  if (model.vocabSize !== vocab.size) {
    throw new OptionError(
      `${where}: the vocabulary has ${vocab.size} tokens, expected the model's ${model.vocabSize}; use the vocabulary that the model was trained with`,
    )
  }
  checkOneDirection(where, 'model', model.bidirectional)
}
