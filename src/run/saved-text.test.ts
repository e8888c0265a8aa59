import { expect, test } from 'vitest'
import { Vocab } from '../data/vocab.js'
import type { ModelConfig } from '../formats/model-config.js'
import { savedText } from './saved-text.js'

const config = { cell: 'rnn' } as ModelConfig

test('a model that does not say how its text was treated is judged by its vocabulary', () => {
  expect(savedText({ config, vocab: Vocab.count('the time traveller') })).toEqual({ tokens: 'char', clean: true })
  expect(savedText({ config, vocab: Vocab.count('The Time Traveller!') })).toEqual({ tokens: 'char', clean: false })
})

test('a model that says it is believed', () => {
  const vocab = Vocab.count('the time traveller')
  expect(savedText({ config: { ...config, training: { clean: false } }, vocab }).clean).toBe(false)
})
