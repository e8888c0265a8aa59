import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DataError } from '../core/errors.js'
import { NgramModel, ngramBaselines } from './ngram.js'

const V = 3
const texts = fc.array(fc.integer({ min: 0, max: V - 1 }), { minLength: 1, maxLength: 60 })

/** The formula as it stands in its definition, over lists. */
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
      fc.asyncProperty(texts, texts, fc.integer({ min: 1, max: 4 }), async (train, held, maxOrder) => {
        const found = await ngramBaselines(Uint8Array.from(train), Uint8Array.from(held), V, { maxOrder })
        expect(found.map(({ order }) => order)).toEqual(Array.from({ length: maxOrder }, (_, n) => n + 1))
        for (const { order, loss, perplexity } of found) {
          const losses = held.map(
            (token, i) => -Math.log(wittenBell(train, held.slice(Math.max(0, i - order + 1), i), token)),
          )
          const expected = losses.reduce((sum, one) => sum + one, 0) / held.length
          expect(loss).toBeCloseTo(expected, 10)
          expect(perplexity).toBeCloseTo(Math.exp(expected), 10)
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

  test('long texts are read in windows, without losing a context', async () => {
    const text = Uint8Array.from({ length: 200_000 }, (_, i) => (i * i + 3 * i) % 11)
    const [, , third] = await ngramBaselines(text, text, 11, { maxOrder: 3 })
    // Periodic in 11, so that the token before last and the last tell the next but for the first of each text.
    expect(third.perplexity).toBeLessThan(1.01)
  })

  test('orders end where numbers would not be exact; texts must not be empty', async () => {
    expect(new NgramModel(50_000, 6).maxOrder).toBe(3)
    expect(new NgramModel(1, 6).maxOrder).toBe(6)
    await expect(ngramBaselines(new Uint8Array(0), new Uint8Array(3), V)).rejects.toThrow(DataError)
  })
})
