import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DataError, OptionError } from '../core/errors.js'
import { Generator } from '../core/random.js'
import { NgramModel, ngramBaselines } from './ngram.js'

const V = 3
const textsFrom = (minLength: number) => fc.array(fc.integer({ min: 0, max: V - 1 }), { minLength, maxLength: 60 })
const texts = textsFrom(1)

/** The formula exactly as it is defined, computed over lists. */
function wittenBell(train: number[], context: number[], token: number): number {
  const lower = context.length === 0 ? 1 / V : wittenBell(train, context.slice(1), token)
  if (context.length === 0) return smooth(train, token, lower)
  const follows = train.filter(
    (_, i) => i >= context.length && context.every((c, j) => train[i - context.length + j] === c),
  )
  return follows.length === 0 ? lower : smooth(follows, token, lower)
}

function smooth(follows: number[], token: number, lower: number): number {
  const types = new Set(follows).size
  return (follows.filter((one) => one === token).length + types * lower) / (follows.length + types)
}

describe('n-gram baselines', () => {
  test('are the formula of Witten and Bell, at every order', async () => {
    await fc.assert(
      fc.asyncProperty(texts, textsFrom(2), fc.integer({ min: 1, max: 4 }), async (train, held, maxOrder) => {
        const found = await ngramBaselines(Uint8Array.from(train), Uint8Array.from(held), V, { maxOrder })
        expect(found.map(({ order }) => order)).toEqual(Array.from({ length: maxOrder }, (_, n) => n + 1))
        for (const { order, loss, perplexity, bits, counted } of found) {
          // Every token but the first is predicted, as by a recurrent model.
          const losses = held.map(
            (token, i) => -Math.log(wittenBell(train, held.slice(Math.max(0, i - order + 1), i), token)),
          )
          const expected = losses.slice(1).reduce((sum, one) => sum + one, 0) / (held.length - 1)
          expect(loss).toBeCloseTo(expected, 10)
          expect(perplexity).toBeCloseTo(Math.exp(expected), 10)
          expect(bits).toBeCloseTo(expected / Math.log(2), 10)
          expect(counted).toBe(train.length)
        }
      }),
    )
  })

  test('probabilities sum to 1 over the vocabulary, whatever came before', () => {
    fc.assert(
      fc.property(texts, texts, (train, context) => {
        const model = new NgramModel(V, 4)
        model.count(train, 0)
        const sums = new Float64Array(4)
        const probabilities = new Float64Array(4)
        for (let token = 0; token < V; token++) {
          model.probabilities([...context, token], context.length, probabilities)
          for (let n = 0; n < 4; n++) sums[n] += probabilities[n]
        }
        for (const sum of sums) expect(sum).toBeCloseTo(1, 12)
      }),
    )
  })

  test('a long text is read in windows, and none of its n-grams is lost', async () => {
    const size = 67
    const generator = new Generator(1)
    const train = Uint8Array.from({ length: 150_000 }, () => generator.integer(size))
    const found = await ngramBaselines(train, train, size, { maxOrder: 3 })
    expect(found[0].counted).toBe(train.length)
    const counts = new Map<string, number>()
    const contexts = new Map<string, Map<number, number>>()
    for (let i = 0; i < train.length; i++) {
      for (let n = 0; n < 3 && n <= i; n++) {
        const context = train.slice(i - n, i).join(' ')
        const key = `${n}: ${context}`
        counts.set(key, (counts.get(key) ?? 0) + 1)
        const follows = contexts.get(key) ?? new Map()
        contexts.set(key, follows.set(train[i], (follows.get(train[i]) ?? 0) + 1))
      }
    }
    let sum = 0
    for (let i = 1; i < train.length; i++) {
      let p = 1 / size
      for (let n = 0; n < 3 && n <= i; n++) {
        const key = `${n}: ${train.slice(i - n, i).join(' ')}`
        const follows = contexts.get(key)!
        p = (follows.get(train[i])! + follows.size * p) / (counts.get(key)! + follows.size)
      }
      sum -= Math.log(p)
    }
    expect(found[2].loss).toBeCloseTo(sum / (train.length - 1), 8)
  })

  test('memory is bounded: only the beginning of a huge text is counted', async () => {
    const train = Int32Array.from({ length: 600_000 }, (_, i) => Math.imul(i + 1, 0x9e3779b1) >>> 16)
    const test = Uint8Array.of(1, 2, 3)
    const options = { maxOrder: 3, maxMemory: 20_000_000 }
    const [{ counted }] = await ngramBaselines(train, test, 65_536, options)
    expect(counted).toBeLessThan(train.length)
    expect(counted).toBeGreaterThan(60_000)
    const model = new NgramModel(65_536, 3)
    model.count(train.subarray(0, counted), 0)
    expect(model.bytes).toBeLessThanOrEqual(options.maxMemory)
    const alone = await ngramBaselines(train.subarray(0, counted), test, 65_536, options)
    expect(alone).toEqual(await ngramBaselines(train, test, 65_536, options))
  })

  test('ends with the reason of the signal when aborted, and reports its progress', async () => {
    const text = new Uint8Array(200_000)
    const done: number[] = []
    await ngramBaselines(text, text, V, { onProgress: (part) => done.push(part) })
    expect(done).toEqual(done.toSorted((a, b) => a - b))
    expect(done.at(-1)).toBe(1)
    const abort = new AbortController()
    const onProgress = () => abort.abort(new Error('enough'))
    await expect(ngramBaselines(text, text, V, { signal: abort.signal, onProgress })).rejects.toThrow('enough')
  })

  test('the order is limited to n-grams whose numbers are exact', () => {
    expect(new NgramModel(50_000, 6).maxOrder).toBe(3)
    expect(new NgramModel(256, 9).maxOrder).toBe(6)
    expect(new NgramModel(1, 6).maxOrder).toBe(6)
    // Numbers are exact up to 2⁵³, which is 53 digits of two values.
    expect(new NgramModel(2, 60).maxOrder).toBe(53)
  })

  test('refuses what it cannot count', async () => {
    const text = Uint8Array.of(0, 1, 2)
    await expect(ngramBaselines(new Uint8Array(0), text, V)).rejects.toThrow(DataError)
    await expect(ngramBaselines(text, text.subarray(0, 1), V)).rejects.toThrow('3 and 1 tokens')
    await expect(ngramBaselines(text, text, 2)).rejects.toThrow('token 2, expected 0 to 1')
    await expect(ngramBaselines(text, text, V, { maxOrder: 0 })).rejects.toThrow(OptionError)
    await expect(ngramBaselines(text, text, V, { maxMemory: -1 })).rejects.toThrow(OptionError)
  })
})
