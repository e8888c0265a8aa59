import { describe, expect, test } from 'vitest'
import { DataError, OptionError } from '../core/errors.js'
import { Generator } from '../core/random.js'
import { Vocab } from '../data/vocab.js'
import { GRU } from '../nn/gru.js'
import { LSTM } from '../nn/lstm.js'
import { RNNModel } from '../nn/model.js'
import { noGrad } from '../tensor/autograd.js'
import { fromData } from '../tensor/create.js'
import { generate, predict, predictAll } from './generate.js'

const vocab = Vocab.count('the time traveller')
const model = new RNNModel(new GRU({ inputSize: vocab.size, hiddenSize: 8, generator: new Generator(2) }), vocab.size)

describe('predict', () => {
  test('goes on greedily from the prefix', async () => {
    const text = await predict('the time', 6, model, vocab)
    expect(text.slice(0, 8)).toBe('the time')
    // Each token must be the likeliest after all tokens before it, fed in one go.
    const tokens = vocab.encode(text.replaceAll('<unk>', '\0'))
    for (let i = 8; i < tokens.length; i++) {
      const { output } = noGrad(() => model.forward(fromData(tokens.slice(0, i), [1, i])))
      expect(
        await output
          .select(0, i - 1)
          .argmax()
          .item(),
      ).toBe(tokens[i])
    }
  })

  test('makes as many tokens as asked, none too', async () => {
    const made: string[] = []
    for await (const token of generate(model, vocab, { prefix: 'he', length: 5 })) made.push(token)
    expect(made.length).toBe(5)
    expect(await predict('he', 0, model, vocab)).toBe('he')
  })

  test('words are joined by spaces', async () => {
    const words = Vocab.count(['a', 'b'], { kind: 'word' })
    const lstm = new RNNModel(new LSTM({ inputSize: words.size, hiddenSize: 3 }), words.size)
    expect((await predict('a b', 3, lstm, words)).split(' ').length).toBe(5)
  })

  test('the same seed draws the same text, another seed another', async () => {
    const draw = (seed: number) => predict('the', 40, model, vocab, { temperature: 1, generator: new Generator(seed) })
    expect(await draw(1)).toBe(await draw(1))
    expect(await draw(1)).not.toBe(await draw(2))
  })

  test('several prefixes side by side give what each gives alone', async () => {
    const prefixes = ['the time', 't', 'traveller', 'he']
    const alone = await Promise.all(prefixes.map((prefix) => predict(prefix, 12, model, vocab)))
    expect(await predictAll(prefixes, 12, model, vocab)).toEqual(alone)
    expect(await predictAll([], 12, model, vocab)).toEqual([])
  })

  test('ends when told to', async () => {
    const abort = new AbortController()
    const made: string[] = []
    for await (const token of generate(model, vocab, { prefix: 'he', length: 1000, signal: abort.signal })) {
      if (made.push(token) === 3) abort.abort()
    }
    expect(made.length).toBe(3)
  })

  test.each([
    ['unknown characters', DataError, 'Time?', model, {}, '"T", "?"'],
    ['an empty prefix', DataError, '', model, {}, 'empty'],
    ['a negative temperature', OptionError, 'the', model, { temperature: -1 }, 'temperature is -1'],
    [
      'a model of two directions',
      OptionError,
      'the',
      new RNNModel(new GRU({ inputSize: vocab.size, hiddenSize: 2, bidirectional: true }), vocab.size),
      {},
      'yet to be made',
    ],
    [
      'another vocabulary',
      OptionError,
      'the',
      new RNNModel(new GRU({ inputSize: 3, hiddenSize: 2 }), 3),
      {},
      "expected the model's 3",
    ],
  ])('refuses %s', async (_name, error, prefix, given, options, message) => {
    await expect(predict(prefix, 3, given, vocab, options)).rejects.toThrow(error)
    await expect(predict(prefix, 3, given, vocab, options)).rejects.toThrow(message)
  })
})
