import { type LoadedModel, RNN, RNNModel, Vocab } from 'unrolled/browser'
import { expect, test } from 'vitest'
import { knownTokens } from './inside/states'
import { preparedText } from './prepared'
import { complete } from './write/complete'

const letters = Vocab.count('abcdefghijklmnopqrstuvwxyz ')
const loaded = (training?: LoadedModel['config']['training'], vocab = letters): LoadedModel => ({
  ...{ vocab, config: { training } as LoadedModel['config'] },
  model: new RNNModel(new RNN({ inputSize: vocab.size, hiddenSize: 2 }), vocab.size),
})

test.each([
  ['cleaned', loaded({ clean: true }), 'Olá coração', 'ol cora o'],
  ['cleaned, as its letters alone tell', loaded(), 'Olá, mundo!', 'ol mundo '],
  ['in small letters', loaded({ clean: false, lowercase: true }, Vocab.count('olá ã')), 'Olã', 'olã'],
  ['unchanged', loaded({ clean: false }, Vocab.count('Olá ')), 'Olá', 'Olá'],
])('what is typed is read in both views as the text of the training was: %s', async (_, model, typed, read) => {
  expect(preparedText(model, typed)).toBe(read)
  expect(knownTokens(model, typed).join('')).toBe(read)
  const options = { temperature: 0, topK: 0, samples: 1, length: 1 }
  const { reads } = await complete(model, typed, options, new AbortController().signal)
  expect(reads ?? typed).toBe(read)
})
