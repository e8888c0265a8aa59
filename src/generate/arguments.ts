import { describe } from '../core/describe.js'
import { OptionError } from '../core/errors.js'
import { checkOptions } from '../core/options.js'
import { Vocab } from '../data/vocab.js'
import type { RNNModel } from '../nn/model.js'
import type { RecurrentState } from '../nn/state.js'

/**
 * Checks what all functions that make texts are given.
 * @param where the function that the user called
 * @param names the options that it has
 * @throws OptionError where an argument is of another kind, the vocabulary is not the model's, or the model is
 *   bidirectional
 */
export function checkArguments<S extends RecurrentState>(
  where: string,
  model: RNNModel<S>,
  vocab: Vocab,
  options: object,
  names: Parameters<typeof checkOptions>[2],
): void {
  const expect = (isRight: boolean, name: string, value: unknown, expected: string) => {
    if (!isRight) throw new OptionError(`${where}: ${name} is ${describe(value)}, expected ${expected}`)
  }
  expect(typeof model?.stepper === 'function', 'model', model, 'an RNNModel')
  expect(vocab instanceof Vocab, 'vocab', vocab, 'the Vocab that the model was trained with')
  checkOptions(where, options, names)
  if (model.vocabSize !== vocab.size) {
    throw new OptionError(
      `${where}: the vocabulary has ${vocab.size} tokens, expected the model's ${model.vocabSize}; use the vocabulary that the model was trained with`,
    )
  }
  if (model.rnn.bidirectional) {
    throw new OptionError(
      `${where}: the model is bidirectional, expected one direction; its backward layer needs the text that is yet to be made`,
    )
  }
}
