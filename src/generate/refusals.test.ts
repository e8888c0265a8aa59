import { afterAll, describe, expect, test } from 'vitest'
import { kernelSets } from '../../test/kernel-sets.js'
import { DataError, OptionError } from '../core/errors.js'
import { Generator } from '../core/random.js'
import { Vocab } from '../data/vocab.js'
import { useKernels, wasmKernels } from '../kernels/index.js'
import { GRU } from '../nn/gru.js'
import { LSTM } from '../nn/lstm.js'
import { RNNModel } from '../nn/model.js'
import { RNN } from '../nn/rnn.js'
import { type BeamSearchOptions, beamSearch } from './beam.js'
import { type GenerateAllOptions, generate, generateAll, generateTokens, predict, predictAll } from './generate.js'

const vocab = Vocab.count('the time traveller')

const modelOf = (Layer: typeof GRU | typeof LSTM | typeof RNN, size = vocab.size) => {
  const generator = new Generator(2)
  const layer = new Layer({ inputSize: size, hiddenSize: 8, generator })
  return new RNNModel(layer as GRU, size, { generator })
}
const model = modelOf(GRU)

type Options = GenerateAllOptions & BeamSearchOptions
const all = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}

/** Every public function that makes texts, called with the same arguments. */
const functions: Record<string, (options?: Options, given?: RNNModel, tokens?: Vocab) => Promise<unknown>> = {
  generate: (options, given = model, tokens = vocab) => all(generate(given, tokens, options)),
  generateTokens: (options, given = model, tokens = vocab) => all(generateTokens(given, tokens, options)),
  generateAll: (options, given = model, tokens = vocab) => generateAll(given, tokens, options),
  beamSearch: (options, given = model, tokens = vocab) => beamSearch(given, tokens, options),
  predict: (options = {}, given = model, tokens = vocab) => {
    const { prefix = 'the', length = 5, ...rest } = options
    return predict(prefix, length, given, tokens, rest)
  },
  predictAll: (options = {}, given = model, tokens = vocab) => {
    const { prefix = 'the', length = 5, ...rest } = options
    return predictAll([prefix], length, given, tokens, rest)
  },
}
const names = Object.keys(functions)
const drawing = names.filter((name) => name !== 'beamSearch')

/** The error of a call, which has to be one. */
async function errorOf(call: Promise<unknown>): Promise<Error> {
  try {
    await call
  } catch (error) {
    return error as Error
  }
  throw new Error('the call was expected to be refused')
}

describe.each(names)('%s names itself and what is wrong', (name) => {
  const call = functions[name]
  const bad = (value: unknown) => value as never

  test.each<[string, () => Promise<unknown>, typeof DataError | typeof OptionError, RegExp]>([
    ['a prefix that is a number', () => call({ prefix: bad(3) }), OptionError, /the number 3, expected a string/],
    ['a prefix that is an array', () => call({ prefix: bad(['the']) }), OptionError, /an array, expected a string/],
    ['a prefix that is null', () => call({ prefix: bad(null) }), OptionError, /null, expected a string/],
    ['an empty prefix', () => call({ prefix: '' }), DataError, /is empty, expected at least one token/],
    ['a prefix of unknown tokens', () => call({ prefix: 'Time?' }), DataError, /contains "T", "\?".* it has "e" "t"/],
    ['a length of NaN', () => call({ length: Number.NaN }), OptionError, /(length|numPreds) is NaN/],
    ['a length that is a string', () => call({ length: bad('3') }), OptionError, /(length|numPreds) is .*3/],
    ['a negative length', () => call({ length: -1 }), OptionError, /(length|numPreds) is -1/],
    ['no model', () => call({}, bad({})), OptionError, /model is an object, expected an RNNModel/],
    ['no model at all', () => call({}, bad(null)), OptionError, /model is null, expected an RNNModel/],
    ['no vocabulary', () => call({}, model, bad('abc')), OptionError, /vocab is the string 'abc', expected the Vocab/],
    [
      'the vocabulary of another model',
      () => call({}, model, Vocab.count('abc')),
      OptionError,
      new RegExp(`has 4 tokens, expected the model's ${vocab.size}`),
    ],
    [
      'a bidirectional model',
      () => {
        const layer = new GRU({ inputSize: vocab.size, hiddenSize: 2, bidirectional: true })
        return call({}, new RNNModel(layer, vocab.size))
      },
      OptionError,
      /the model is bidirectional/,
    ],
    ['a stop string that is empty', () => call({ stop: '' }), OptionError, /stop is/],
    [
      'a signal of another kind',
      () => call({ signal: bad(true) }),
      OptionError,
      /signal is true, expected an AbortSig/,
    ],
  ])('%s', async (_name, refused, kind, message) => {
    const error = await errorOf(refused())
    expect(error).toBeInstanceOf(kind)
    expect(error.message).toMatch(message)
    expect(error.message.split(': ')[0]).toBe(name)
  })
})

describe.each(drawing)('%s refuses what it cannot draw with', (name) => {
  test.each<[Options, string]>([
    [{ temperature: -1 }, 'temperature is -1'],
    [{ temperature: Infinity }, 'temperature is Infinity'],
    [{ temperature: Number.NaN }, 'temperature is NaN'],
    [{ topK: 0.5 }, 'topK is 0.5'],
    [{ topP: 2 }, 'topP is 2'],
    [{ minP: Number.NaN }, 'minP is NaN'],
    [{ repetitionPenalty: 0 }, 'repetitionPenalty is 0'],
    [{ repetitionWindow: -1 }, 'repetitionWindow is -1'],
    [{ generator: 7 as never }, 'generator is the number 7, expected a Generator'],
  ])('%j', async (options, message) => {
    const error = await errorOf(functions[name](options))
    expect(error).toBeInstanceOf(OptionError)
    expect(error.message).toContain(`${name}: ${message}`)
  })
})

test('options that are no object are refused, not ignored', async () => {
  for (const name of ['generate', 'generateTokens', 'generateAll', 'beamSearch']) {
    for (const options of ['the', null, ['the'], 5]) {
      const error = await errorOf(functions[name](options as never))
      expect(error).toBeInstanceOf(OptionError)
      expect(error.message).toMatch(new RegExp(`^${name}: the options argument is `))
    }
  }
})

test('a text that no string could hold is refused at once', async () => {
  for (const name of names.filter((name) => !['generate', 'generateTokens'].includes(name))) {
    const error = await errorOf(functions[name]({ length: 1e9 }))
    expect(error.message).toMatch(new RegExp(`^${name}: (length|numPreds) is 1000000000`))
  }
  // A stream has no such limit: its reader decides when it ends.
  const stream = generate(model, vocab, { prefix: 'the', length: 1e9 })
  expect(typeof (await stream.next()).value).toBe('string')
  await stream.return()
})

test('predictAll names the prefix that is wrong', async () => {
  const refused = (prefixes: unknown) => errorOf(predictAll(prefixes as string[], 3, model, vocab))
  expect((await refused(['the', undefined])).message).toMatch(/^predictAll: prefixes\[1\] is undefined, expected a str/)
  expect((await refused('the')).message).toMatch(/^predictAll: prefixes is the string 'the', expected an array/)
  expect((await errorOf(predict(undefined as never, 3, model, vocab))).message).toMatch(/^predict: prefix is undefined/)
})

test('a long list of unknown tokens is cut short', async () => {
  const words = Vocab.count(['a', 'b'], { kind: 'word' })
  const prefix = Array.from({ length: 1000 }, (_, i) => `w${i}`).join(' ')
  const { message } = await errorOf(predict(prefix, 3, modelOf(GRU, 3), words))
  expect(message).toMatch(/"w0", "w1",.*"w9", …, which/)
  expect(message.length).toBeLessThan(300)
})

test('bytes that are no character are named as numbers', async () => {
  const bytes = Vocab.count(['a', 'b'], { kind: 'byte' })
  const { message } = await errorOf(predict('aé', 3, modelOf(GRU, 3), bytes))
  expect(message).toContain('contains 0xc3, 0xa9, which')
})

describe('scores of a model that has diverged', () => {
  afterAll(() => useKernels(wasmKernels()))

  const broken: [string, (model: RNNModel) => void][] = [
    ['NaN in an output weight', ({ linear }) => linear.weight.data.fill(Number.NaN, 8, 9)],
    ['NaN in the last output bias', ({ linear }) => linear.bias!.data.fill(Number.NaN, -1)],
    ['NaN in the bias of <unk>', ({ linear }) => linear.bias!.data.fill(Number.NaN, 0, 1)],
    ['an infinite output bias', ({ linear }) => linear.bias!.data.fill(Infinity, 2, 3)],
    ['no finite score', ({ linear }) => linear.bias!.data.fill(-Infinity)],
    ['NaN in a recurrent weight', ({ rnn }) => rnn.parameters()[1].data.fill(Number.NaN, 3, 4)],
  ]
  describe.each(kernelSets)('on $name', (kernels) => {
    test.each(broken)('%s', async (_name, damage) => {
      useKernels(kernels)
      for (const Layer of [RNN, GRU, LSTM]) {
        const damaged = modelOf(Layer)
        damage(damaged)
        for (const name of names) {
          const settings: Options[] = [{ prefix: 'the' }]
          if (name !== 'beamSearch') settings.push({ prefix: 'the', temperature: 1 })
          for (const options of settings) {
            const error = await errorOf(functions[name](options, damaged))
            expect(error).toBeInstanceOf(DataError)
            expect(error.message).toMatch(new RegExp(`^${name}: .*token 1 after the prefix is (NaN|-?Infinity)`))
            expect(error.message).toMatch(/parameters or its state have diverged/)
          }
        }
      }
    })

    test('tokens with a score of −∞ are never made, and the others are', async () => {
      useKernels(kernels)
      const only = modelOf(GRU)
      const kept = vocab.indexOf('t')
      only.linear.bias!.data.fill(-Infinity)
      only.linear.bias!.data[kept] = 0
      const expected = 'thettttt'
      expect(await predict('the', 5, only, vocab)).toBe(expected)
      expect(await predict('the', 5, only, vocab, { temperature: 1 })).toBe(expected)
      expect(await beamSearch(only, vocab, { prefix: 'the', length: 5 })).toMatchObject([{ text: expected }])
    })
  })

  test('the message says at which token', async () => {
    // The state of a ReLU grows 1e20-fold with every token, until the products of the next layer overflow.
    const layer = new RNN({ inputSize: vocab.size, hiddenSize: 1, nonlinearity: 'relu' })
    const growing = new RNNModel(layer, vocab.size)
    for (const { data } of growing.parameters()) data.fill(0)
    layer.parameters()[0].data.fill(1)
    layer.parameters()[1].data.fill(1e20)
    growing.linear.weight.data[1] = 1
    const { message } = await errorOf(predict('t', 9, growing, vocab))
    // The states are 1, 1e20 and, as the largest 32-bit float is 3.4e38, infinite.
    expect(message).toMatch(/^predict: .* token 3 after the prefix is (NaN|Infinity)/)
  })

  test('a model that gives a finite score to <unk> alone, which is not allowed, is refused', async () => {
    const blank = modelOf(GRU)
    blank.linear.bias!.data.fill(-Infinity, 1)
    for (const name of names) {
      const { message } = await errorOf(functions[name]({ prefix: 'the', allowUnknown: false }, blank))
      expect(message).toMatch(new RegExp(`^${name}: .*<unk> alone.*allowUnknown`))
    }
  })
})

describe('without a prefix', () => {
  const bytesOf = (text: string) => Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte))
  test.each<[string, Vocab, string]>([
    ['the most frequent character', Vocab.count('abbbcc'), 'b'],
    ['the most frequent word', Vocab.count(['on', 'the', 'the'], { kind: 'word' }), 'the'],
    ['the most frequent byte that is a character', Vocab.count(bytesOf('юю ю'), { kind: 'byte' }), ' '],
    ['no text where no byte is a character', Vocab.count(bytesOf('юю'), { kind: 'byte' }), ''],
    ['no text where <unk> is all there is', Vocab.of(['<unk>']), ''],
    ['no reserved token that characters do not spell', Vocab.count('aa', { reservedTokens: ['<pad>'] }), 'a'],
  ])('a text begins with %s', async (_name, tokens, begin) => {
    const fresh = modelOf(GRU, tokens.size)
    const [text] = await generateAll(fresh, tokens, { length: 0 })
    expect(text).toBe(begin)
    for (const name of ['generate', 'generateTokens', 'generateAll', 'beamSearch']) {
      expect(await functions[name]({ length: 3 }, fresh, tokens)).not.toEqual([])
    }
    const [whole] = await generateAll(fresh, tokens, { length: 3 })
    const pieces = await all(generate(fresh, tokens, { length: 3 }))
    expect(pieces.length).toBe(3)
    expect(begin + pieces.join('')).toBe(whole)
    if (begin !== '') expect(await predict(begin, 3, fresh, tokens)).toBe(whole)
  })

  test('a character that the first byte began is completed', async () => {
    // The two bytes of ю; the model always makes the second.
    const tokens = Vocab.of(['<unk>', '\xd1', '\x8e'], 'byte')
    const fresh = modelOf(GRU, 3)
    fresh.linear.bias!.data[2] = 50
    expect(await all(generate(fresh, tokens, { length: 1 }))).toEqual(['ю'])
    expect(await beamSearch(fresh, tokens, { length: 1, beams: 1 })).toMatchObject([{ text: 'ю' }])
    expect(await beamSearch(fresh, tokens, { length: 2, beams: 1, stop: 'ю' })).toMatchObject([{ text: '' }])
  })
})
