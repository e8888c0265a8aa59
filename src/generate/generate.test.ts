import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DataError, OptionError } from '../core/errors.js'
import { Generator } from '../core/random.js'
import { Vocab } from '../data/vocab.js'
import { GRU } from '../nn/gru.js'
import { LSTM } from '../nn/lstm.js'
import { RNNModel } from '../nn/model.js'
import { noGrad } from '../tensor/autograd.js'
import { fromData } from '../tensor/create.js'
import { generate, generateAll, generateTokens, predict, predictAll } from './generate.js'

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

  test('throws the reason of its signal after the token in hand', async () => {
    const abort = new AbortController()
    const made: string[] = []
    const all = async (length: number) => {
      for await (const token of generate(model, vocab, { prefix: 'he', length, signal: abort.signal })) {
        if (made.push(token) === 3) abort.abort('enough')
      }
    }
    await expect(all(1000)).rejects.toBe('enough')
    expect(made.length).toBe(3)
    await expect(all(1000)).rejects.toBe('enough')
    expect(made.length).toBe(3)
    const { signal } = abort
    await expect(predict('he', 3, model, vocab, { signal })).rejects.toBe('enough')
    await expect(predictAll(['he'], 0, model, vocab, { signal })).rejects.toBe('enough')
    await expect(generateAll(model, vocab, { signal })).rejects.toBe('enough')
    await expect(generateTokens(model, vocab, { signal }).next()).rejects.toBe('enough')
  })

  test('a signal that is aborted once the text is whole changes nothing', async () => {
    const abort = new AbortController()
    const made: string[] = []
    for await (const token of generate(model, vocab, { prefix: 'he', length: 3, signal: abort.signal })) {
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
      'not generated yet',
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

const collect = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

/** log softmax of the scores after a row of tokens, fed in one go. */
function logProbabilitiesAfter(tokens: Int32Array): number[] {
  const { output } = noGrad(() => model.forward(fromData(tokens, [1, tokens.length])))
  const scores = Array.from(output.select(0, tokens.length - 1).data)
  const sum = scores.reduce((all, score) => all + Math.exp(score), 0)
  return scores.map((score) => score - Math.log(sum))
}

describe('generateTokens', () => {
  test.each([
    ['greedily', {}],
    ['drawn and truncated', { temperature: 2, topK: 3, repetitionPenalty: 1.5, generator: new Generator(3) }],
  ])('gives the probabilities of the model, %s', async (_name, options) => {
    const made = await collect(generateTokens(model, vocab, { prefix: 'the', length: 12, ...options }))
    expect(made.map(({ index }) => index)).toEqual(Array.from({ length: 12 }, (_, i) => i))
    const tokens = [...vocab.encode('the')]
    for (const { token, text, probability, logProbability, sample } of made) {
      const expected = logProbabilitiesAfter(Int32Array.from(tokens))[token]
      expect(logProbability).toBeCloseTo(expected, 5)
      expect(probability).toBeCloseTo(Math.exp(expected), 6)
      expect([text, sample]).toEqual([vocab.tokenOf(token), 0])
      tokens.push(token)
    }
  })

  test('its texts are those of generate', async () => {
    const options = () => ({ prefix: 'the', length: 30, temperature: 1, generator: new Generator(5) })
    const made = await collect(generateTokens(model, vocab, options()))
    expect(made.map(({ text }) => text)).toEqual(await collect(generate(model, vocab, options())))
  })

  test('words come with the space before them', async () => {
    const words = Vocab.count(['a', 'b'], { kind: 'word' })
    const lstm = new RNNModel(new LSTM({ inputSize: words.size, hiddenSize: 3 }), words.size)
    const made = await collect(generate(lstm, words, { prefix: 'a b', length: 3 }))
    expect(`a b${made.join('')}`).toBe(await predict('a b', 3, lstm, words))
  })
})

describe('several samples', () => {
  const draw = (samples: number, seed = 1) =>
    generateAll(model, vocab, { samples, prefix: 'the', length: 40, generator: new Generator(seed) })

  test('differ, and are the same for the same seed', async () => {
    const texts = await draw(5)
    expect(new Set(texts).size).toBe(5)
    for (const text of texts) expect(text).toMatch(/^the.{40}$/)
    expect(await draw(5)).toEqual(texts)
    expect(await draw(5, 2)).not.toEqual(texts)
  })

  test('are the same however many there are', async () => {
    const texts = await draw(9)
    for (const samples of [1, 2, 4]) {
      const temperature = 1
      const fewer = { samples, temperature, prefix: 'the', length: 40, generator: new Generator(1) }
      expect(await generateAll(model, vocab, fewer)).toEqual(texts.slice(0, samples))
    }
  })

  test('come token by token, and each may stop on its own', async () => {
    const options = () => ({ samples: 6, prefix: 'the', length: 20, generator: new Generator(7) })
    const whole = await generateAll(model, vocab, options())
    const texts = Array<string>(6).fill('the')
    for await (const { text, sample } of generateTokens(model, vocab, { ...options(), stop: 'e' }))
      texts[sample] += text
    expect(texts).toEqual(whole.map((text) => `the${text.slice(3).split('e')[0]}`))
  })

  test('have to be drawn', async () => {
    await expect(generateAll(model, vocab, { samples: 2, temperature: 0 })).rejects.toThrow('all samples are the same')
    await expect(generateAll(model, vocab, { samples: 0 })).rejects.toThrow('samples is 0')
    await expect(generateAll(model, vocab, { samples: Number.NaN })).rejects.toThrow('samples is NaN')
  })

  test('greedy texts draw nothing', async () => {
    const generator = new Generator(4)
    await predict('the', 5, model, vocab, { generator })
    expect(generator.bits()).toBe(new Generator(4).bits())
  })
})

test('the repetition penalty counts the prefix', async () => {
  const [first] = await collect(generate(model, vocab, { prefix: 'the', length: 1 }))
  const prefix = `${first}the`
  const [again] = await collect(generateTokens(model, vocab, { prefix, length: 1 }))
  const options = { prefix, length: 1, repetitionPenalty: 100, allowUnknown: false }
  const [made] = await collect(generate(model, vocab, options))
  expect(prefix).not.toContain(made)
  expect(vocab.has(again.text)).toBe(true)
})

describe('stop strings', () => {
  test('the text ends before the first that is made', async () => {
    const options = { prefix: 'the', length: 60, temperature: 1 }
    for (let seed = 0; seed < 30; seed++) {
      const made = (stop: string[]) =>
        collect(generate(model, vocab, { ...options, stop, generator: new Generator(seed) })).then((all) =>
          all.join(''),
        )
      const whole = await made([])
      const stops = ['er', 't', 'rrl', 'never']
      const ends = stops.map((stop) => whole.indexOf(stop)).filter((at) => at >= 0)
      expect(await made(stops)).toBe(whole.slice(0, Math.min(...ends, whole.length)))
    }
  })

  test('what waited for the rest of one comes out when the text ends', async () => {
    const whole = await predict('the', 10, model, vocab)
    const stop = `${whole.slice(5)}#`
    expect(await predict('the', 10, model, vocab, { stop })).toBe(whole)
    // The same where it is ended from outside, before a step.
    let asked = 0
    const abort = new AbortController()
    const signal = new Proxy(abort.signal, {
      get(real, name) {
        if (name === 'aborted' && asked++ === 6) abort.abort('enough')
        const value = Reflect.get(real, name, real)
        return typeof value === 'function' ? value.bind(real) : value
      },
    })
    const made: string[] = []
    const all = async () => {
      for await (const token of generate(model, vocab, { prefix: 'he', length: 10, stop, signal })) made.push(token)
    }
    await expect(all()).rejects.toBe('enough')
    expect(made.length).toBe(5)
  })

  test.each([[''], [['e', '']], [[3]], [{}]])('refuses %j', async (stop) => {
    await expect(predict('the', 3, model, vocab, { stop: stop as string })).rejects.toThrow(OptionError)
  })
})

describe('a long prefix', () => {
  const prefix = 'the time traveller '.repeat(20_000)

  test('lets the event loop turn: a timer can end it', async () => {
    const abort = new AbortController()
    setTimeout(() => abort.abort('enough'))
    const made = generate(model, vocab, { prefix, length: 5, signal: abort.signal })
    await expect(made.next()).rejects.toBe('enough')
  })

  test('is read to its end', async () => {
    const text = await predict(prefix.slice(0, 5000), 3, model, vocab)
    const likeliest = logProbabilitiesAfter(vocab.encode(prefix.slice(0, 5000)))
    expect(text[5000]).toBe(vocab.tokenOf(likeliest.indexOf(Math.max(...likeliest))))
  })
})

test('<unk> is drawn only where it may be', async () => {
  // A model that knows nothing but <unk>.
  const blank = new RNNModel(new GRU({ inputSize: vocab.size, hiddenSize: 2 }), vocab.size)
  blank.linear.bias!.data[0] = 50
  const make = (options: object) => predict('the', 4, blank, vocab, { generator: new Generator(1), ...options })
  expect(await make({})).toBe('the<unk><unk><unk><unk>')
  expect(await make({ temperature: 1, allowUnknown: true })).toBe('the<unk><unk><unk><unk>')
  expect(await make({ temperature: 1 })).not.toContain('<unk>')
  expect(await make({ allowUnknown: false })).not.toContain('<unk>')
})

test('any options give tokens of the vocabulary, or an error that says why not', async () => {
  const number = fc.oneof(fc.integer({ min: -2, max: 12 }), fc.double({ min: -0.5, max: 2 }), fc.constant(Number.NaN))
  const options = fc.record(
    {
      prefix: fc.oneof(fc.constantFrom('the', 't', ''), fc.string({ maxLength: 3 })),
      length: fc.oneof(fc.integer({ min: 0, max: 12 }), number),
      temperature: number,
      topK: number,
      topP: number,
      minP: number,
      repetitionPenalty: number,
      repetitionWindow: number,
      allowUnknown: fc.boolean(),
      samples: fc.oneof(fc.integer({ min: 1, max: 5 }), number),
      stop: fc.oneof(fc.constantFrom('e', 'tr', '', 'e t'), fc.array(fc.string({ maxLength: 2 }), { maxLength: 2 })),
    },
    { requiredKeys: ['prefix'] },
  )
  const property = fc.asyncProperty(options, fc.nat(), async (given, seed) => {
    try {
      const made = await collect(generateTokens(model, vocab, { length: 8, ...given, generator: new Generator(seed) }))
      expect(made.length).toBeLessThanOrEqual((given.length ?? 8) * (given.samples ?? 1))
      for (const { token, text, probability } of made) {
        expect(text).toBe(vocab.tokenOf(token))
        expect(probability > 0 && probability <= 1).toBe(true)
      }
    } catch (error) {
      if (!(error instanceof OptionError) && !(error instanceof DataError)) throw error
    }
  })
  await fc.assert(property, { numRuns: 300, seed: 1 })
})
