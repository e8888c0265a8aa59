import { describe } from '../core/describe.js'
import { OptionError } from '../core/errors.js'
import { Vocab } from '../data/vocab.js'
import type { RNNModel } from '../nn/model.js'
import type { RecurrentState } from '../nn/state.js'
import type { GenerateOptions } from './continuations.js'

/**
 * Checks what all functions that make texts are given.
 * @param where the function that the user called
 * @throws OptionError where an argument is of another kind, the vocabulary is not the model's, or the model is
 *   bidirectional
 */
export function checkArguments<S extends RecurrentState>(
  where: string,
  model: RNNModel<S>,
  vocab: Vocab,
  options: Pick<GenerateOptions, 'generator' | 'signal'>,
): void {
  const expect = (isRight: boolean, name: string, value: unknown, expected: string) => {
    if (!isRight) throw new OptionError(`${where}: ${name} is ${describe(value)}, expected ${expected}`)
  }
  expect(typeof model?.stepper === 'function', 'model', model, 'an RNNModel')
  expect(vocab instanceof Vocab, 'vocab', vocab, 'the Vocab that the model was trained with')
  const isObject = typeof options === 'object' && options !== null && !Array.isArray(options)
  expect(isObject, 'the options argument', options, 'an object, such as { temperature: 0.8 }')
  const { generator, signal } = options
  expect(generator === undefined || typeof generator?.bits === 'function', 'generator', generator, 'a Generator')
  expect(
    signal === undefined || (typeof signal === 'object' && signal !== null && 'aborted' in signal),
    'signal',
    signal,
    'an AbortSignal',
  )
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
