import { describe, expect, test } from 'vitest'
import { DataError, OptionError } from '../core/errors.js'
import { Generator } from '../core/random.js'
import { Vocab } from '../data/vocab.js'
import { LSTM } from '../nn/lstm.js'
import { RNNModel } from '../nn/model.js'
import { RNN } from '../nn/rnn.js'
import { noGrad } from '../tensor/autograd.js'
import { fromData } from '../tensor/create.js'
import { beamSearch, bestSoFar } from './beam.js'
import { predict } from './generate.js'

const vocab = Vocab.count('aaabbc')
const generator = new Generator(3)
const model = new RNNModel(new LSTM({ inputSize: 4, hiddenSize: 6, numLayers: 2, generator }), 4, { generator })
// Fresh models give all tokens nearly the same probability.
for (const { data } of model.parameters()) for (const [i, value] of data.entries()) data[i] = value * 4

/** Log-probability of the tokens from `from` on, as `forward` gives them for all at once. */
function logProbabilityOf(tokens: number[], from: number): number {
  const { output } = noGrad(() => model.forward(fromData(Int32Array.from(tokens), [1, tokens.length])))
  let sum = 0
  for (let i = from; i < tokens.length; i++) {
    const scores = Array.from(output.select(0, i - 1).data)
    sum += scores[tokens[i]] - Math.log(scores.reduce((all, score) => all + Math.exp(score), 0))
  }
  return sum
}

interface Found {
  text: string
  logProbability: number
  score: number
  stopped?: boolean
}

/** Every text that goes on from a prefix, to its length or to the stop string, best first. */
function allTexts(prefix: string, length: number, lengthPenalty: number, stop?: string): Found[] {
  const first = [...vocab.encode(prefix)]
  const found: Found[] = []
  const visit = (tokens: number[]) => {
    const made = tokens.slice(first.length)
    const text = made.map((token) => vocab.tokenOf(token)).join('')
    const stopped = stop !== undefined && text.includes(stop)
    if (!stopped && made.length < length) {
      for (let token = 0; token < vocab.size; token++) visit([...tokens, token])
      return
    }
    const logProbability = logProbabilityOf(tokens, first.length)
    const shown = stopped ? text.slice(0, text.indexOf(stop)) : text
    found.push({ text: prefix + shown, logProbability, score: logProbability / made.length ** lengthPenalty, stopped })
  }
  visit(first)
  return found.sort((a, b) => b.score - a.score)
}

describe('beamSearch', () => {
  test('one beam takes the likeliest token each time', async () => {
    const [only, ...others] = await beamSearch(model, vocab, { prefix: 'abca', length: 20, beams: 1 })
    expect(others).toEqual([])
    expect(only.text).toBe(await predict('abca', 20, model, vocab))
  })

  test.each<[string, number, string | undefined]>([
    ['texts of one length', 1, undefined],
    ['a stop string', 1, 'b'],
    ['a stop string of two, without a length penalty', 0, 'ca'],
    ['a stop string and a high length penalty', 3, 'a'],
  ])('with room for all, it finds what trying all finds: %s', async (_name, lengthPenalty, stop) => {
    const expected = allTexts('ab', 4, lengthPenalty, stop)
    const found = await beamSearch(model, vocab, { prefix: 'ab', length: 4, beams: 256, lengthPenalty, stop })
    // Best first to the last; the sums of float32 scores may swap neighbours.
    expect(found.length).toBe(expected.length)
    found.forEach(({ score }, i) => {
      expect(score).toBeCloseTo(expected[i].score, 5)
    })
    const textsOf = (all: Found[]) =>
      all.map(({ text, logProbability }) => `${text} ${logProbability.toFixed(3)}`).sort()
    expect(textsOf(found)).toEqual(textsOf(expected))
    expect(found.slice(0, 5).map(({ text }) => text)).toEqual(expected.slice(0, 5).map(({ text }) => text))
  })

  test('with few beams, each text has the probability that the model gives it', async () => {
    const found = await beamSearch(model, vocab, { prefix: 'abc', length: 9, beams: 5 })
    expect(found.length).toBe(5)
    expect(new Set(found.map(({ text }) => text)).size).toBe(5)
    for (const { text, tokens, logProbability, score } of found) {
      const numbers = [...vocab.encode('abc'), ...tokens.map(({ token }) => token)]
      expect(logProbability).toBeCloseTo(logProbabilityOf(numbers, 3), 5)
      expect(tokens.reduce((sum, made) => sum + made.logProbability, 0)).toBeCloseTo(logProbability, 10)
      expect(score).toBeCloseTo(logProbability / 9, 10)
      expect(text).toBe(`abc${tokens.map((made) => made.text).join('')}`)
    }
    const scores = found.map(({ score }) => score)
    expect(scores).toEqual([...scores].sort((a, b) => b - a))
  })

  test('ends early where nothing can become better', async () => {
    // Even the likeliest of the texts that continue soon scores less than the 20 that have ended, so none runs to the
    // full length.
    const options = { prefix: 'ab', beams: 20, lengthPenalty: 0, stop: 'a' }
    const found = await beamSearch(model, vocab, { ...options, length: 1_000_000 })
    const expected = allTexts('ab', 6, 0, 'a').filter(({ stopped }) => stopped)
    expect(found.slice(0, 5).map(({ text }) => text)).toEqual(expected.slice(0, 5).map(({ text }) => text))
    for (const { tokens, logProbability } of found) {
      expect(tokens.reduce((sum, made) => sum + made.logProbability, 0)).toBeGreaterThan(logProbability)
    }
  })

  test('a text of two tokens is worth the mean of both, so that one which ended after the first need not win', async () => {
    // With weights of this size the state is the last token alone, so that the output weights are a table of bigrams.
    const letters = Vocab.of(['<unk>', 'a', 'b', 's'])
    const bigrams = new RNNModel(new RNN({ inputSize: 4, hiddenSize: 4, bias: false }), 4)
    const [weightIh, weightHh] = bigrams.rnn.parameters()
    for (let i = 0; i < 4; i++) for (let j = 0; j < 4; j++) weightIh.data[4 * i + j] = i === j ? 100 : 0
    weightHh.data.fill(0)
    bigrams.linear.bias!.data.fill(0)
    bigrams.linear.weight.data.fill(-100)
    const set = (from: string, to: string, probability: number) => {
      bigrams.linear.weight.data[4 * letters.indexOf(to) + letters.indexOf(from)] = Math.log(probability)
    }
    set('a', 's', 0.55)
    set('a', 'b', 0.45)
    set('b', 'b', 1)
    const options = { prefix: 'a', beams: 1, stop: 's' }
    // One token: log 0.55. Two: log 0.45 / 2 is more, but log 0.45 / 1 would be less.
    const two = await beamSearch(bigrams, letters, { ...options, length: 2 })
    expect(two.map(({ text }) => text)).toEqual(['abb'])
    expect(two[0].score).toBeCloseTo(Math.log(0.45) / 2, 6)
    const [one] = await beamSearch(bigrams, letters, { ...options, length: 1 })
    expect([one.text, one.tokens.length]).toEqual(['a', 0])
    expect(one.score).toBeCloseTo(Math.log(0.55), 6)
  })

  test('leaves <unk> out where told to', async () => {
    const found = await beamSearch(model, vocab, { prefix: 'ab', length: 3, beams: 64, allowUnknown: false })
    expect(found.length).toBe(27)
    for (const { text } of found) expect(text).toMatch(/^ab[abc]{3}$/)
  })

  test('throws the reason of its signal, for the command after what there is by then', async () => {
    const endless = { prefix: 'ab', length: 100_000, beams: 2 }
    const aborted = () => {
      const abort = new AbortController()
      setTimeout(() => abort.abort('enough'))
      return abort.signal
    }
    await expect(beamSearch(model, vocab, { ...endless, signal: aborted() })).rejects.toBe('enough')
    await expect(beamSearch(model, vocab, { ...endless, signal: AbortSignal.abort(7) })).rejects.toBe(7)
    const [best] = await bestSoFar(model, vocab, { ...endless, signal: aborted() })
    expect(best.tokens.length).toBeLessThan(100_000)
    expect(best.text.slice(0, 2)).toBe('ab')
    expect(await beamSearch(model, vocab, { prefix: 'ab', length: 0 })).toMatchObject([{ text: 'ab', score: 0 }])
  })

  test.each([
    [{ beams: 0 }, OptionError, 'beams is 0'],
    [{ beams: Number.NaN }, OptionError, 'beams is NaN'],
    [{ length: -1 }, OptionError, 'length is -1'],
    [{ lengthPenalty: -1 }, OptionError, 'lengthPenalty is -1'],
    [{ stop: '' }, OptionError, 'stop is'],
    [{ prefix: 'z' }, DataError, '"z"'],
  ])('refuses %j', async (options, error, message) => {
    await expect(beamSearch(model, vocab, { prefix: 'ab', ...options })).rejects.toThrow(error)
    await expect(beamSearch(model, vocab, { prefix: 'ab', ...options })).rejects.toThrow(message)
  })
})
