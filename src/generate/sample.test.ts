import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DataError, OptionError } from '../core/errors.js'
import { Generator } from '../core/random.js'
import { logProbabilities, Sampler, type SamplingOptions, samplingOf } from './sample.js'

const samplerOf = (options: SamplingOptions, size: number, seed = 1) =>
  new Sampler(
    'generate',
    samplingOf('generate', { allowUnknown: true, ...options }),
    { size, unk: 0 },
    new Generator(seed),
  )

/** Scores whose softmax at temperature 1 is as given. */
const scoresOf = (...probabilities: number[]) => probabilities.map(Math.log)

function softmax(scores: number[]): number[] {
  const best = Math.max(...scores)
  const weights = scores.map((score) => Math.exp(score - best))
  const sum = weights.reduce((a, b) => a + b)
  return weights.map((weight) => weight / sum)
}

/** Hugging Face's logits processors and warpers one after another, each a step on scores, as its documentation has them. */
function expectedDistribution(given: number[], seen: number[], options: SamplingOptions): number[] {
  const { temperature = 1, topK, topP, minP, repetitionPenalty = 1, allowUnknown } = options
  let scores = given.map((score, token) => {
    if (!seen.includes(token)) return score
    return score < 0 ? score * repetitionPenalty : score / repetitionPenalty
  })
  if (!allowUnknown) scores[0] = -Infinity
  scores = scores.map((score) => score / temperature)
  if (topK !== undefined) {
    const kth = [...scores].sort((a, b) => b - a)[Math.min(topK, scores.length) - 1]
    scores = scores.map((score) => (score < kth ? -Infinity : score))
  }
  if (topP !== undefined) {
    // From the least likely token up, those whose sum does not exceed 1 − p are left out, but never the likeliest.
    const probabilities = softmax(scores)
    const order = scores.map((_, token) => token).sort((a, b) => scores[a] - scores[b])
    let sum = 0
    for (const token of order.slice(0, -1)) {
      sum += probabilities[token]
      if (sum <= 1 - topP) scores[token] = -Infinity
    }
  }
  if (minP !== undefined) {
    const probabilities = softmax(scores)
    const least = minP * Math.max(...probabilities)
    scores = scores.map((score, token) => (probabilities[token] < least ? -Infinity : score))
  }
  return softmax(scores)
}

const expectClose = (found: ArrayLike<number>, expected: number[]) => {
  expect(found.length).toBe(expected.length)
  expected.forEach((value, i) => {
    expect(found[i]).toBeCloseTo(value, 12)
  })
}

describe('Sampler', () => {
  test('takes the first of the likeliest at temperature 0, <unk> too', () => {
    expect(
      new Sampler('generate', samplingOf('generate', {}), { size: 3, unk: 0 }, new Generator()).sample([5, 5, 1]),
    ).toBe(0)
    expect(samplerOf({}, 3).sample([1, 5, 5])).toBe(1)
  })

  const scores = scoresOf(0.5, 0.25, 0.125, 0.125)
  test.each<[string, SamplingOptions, number[]]>([
    ['temperature 1: the softmax', { temperature: 1 }, [0.5, 0.25, 0.125, 0.125]],
    ['temperature ½: its squares', { temperature: 0.5 }, [16 / 22, 4 / 22, 1 / 22, 1 / 22]],
    ['top-k', { topK: 2 }, [2 / 3, 1 / 3, 0, 0]],
    ['top-k with equals of the last', { topK: 3 }, [0.5, 0.25, 0.125, 0.125]],
    ['top-k beyond the vocabulary', { topK: 9 }, [0.5, 0.25, 0.125, 0.125]],
    ['top-p reached by the first', { topP: 0.5 }, [1, 0, 0, 0]],
    ['top-p just missed by the first', { topP: 0.51 }, [2 / 3, 1 / 3, 0, 0]],
    ['top-p of 0: the likeliest', { topP: 0 }, [1, 0, 0, 0]],
    ['top-p of 1: all', { topP: 1 }, [0.5, 0.25, 0.125, 0.125]],
    ['min-p', { minP: 0.5 }, [2 / 3, 1 / 3, 0, 0]],
    ['min-p of 1: the likeliest', { minP: 1 }, [1, 0, 0, 0]],
    // Of 0.5 and 0.25 the first makes ⅔ of what top-k left.
    ['top-k before top-p', { topK: 2, topP: 0.6 }, [1, 0, 0, 0]],
    // At temperature 2 the shares are √2 · (√2, 1, ½√2, ½√2) / …: the first has 0.37, the first two 0.63.
    [
      'temperature before top-p',
      { temperature: 2, topP: 0.5 },
      [Math.SQRT2 / (Math.SQRT2 + 1), 1 / (Math.SQRT2 + 1), 0, 0],
    ],
    [
      'temperature before min-p',
      { temperature: 2, minP: 0.6 },
      [Math.SQRT2 / (Math.SQRT2 + 1), 1 / (Math.SQRT2 + 1), 0, 0],
    ],
    ['<unk> is left out', { temperature: 1, allowUnknown: false }, [0, 0.5, 0.25, 0.25]],
    ['<unk> is left out before top-k', { topK: 1, allowUnknown: false }, [0, 1, 0, 0]],
  ])('%s', (_name, options, expected) => {
    expectClose(samplerOf(options, 4).distribution(scores), expected)
  })

  test('any combination is what the steps give one after another', () => {
    const share = fc.double({ min: 0.01, max: 0.99, noNaN: true })
    const options = fc.record(
      {
        temperature: fc.double({ min: 0.1, max: 5, noNaN: true }),
        topK: fc.integer({ min: 1, max: 12 }),
        topP: share,
        minP: share,
        repetitionPenalty: fc.double({ min: 0.5, max: 3, noNaN: true }),
        allowUnknown: fc.boolean(),
      },
      { requiredKeys: ['allowUnknown'] },
    )
    const property = fc.property(options, fc.integer({ min: 0 }), fc.array(fc.nat(7)), (given, seed, seen) => {
      const generator = new Generator(seed)
      const scores = Array.from({ length: 8 }, () => generator.normal() * 3)
      const sampler = samplerOf({ temperature: 1, ...given }, 8)
      for (const token of seen) sampler.see(token)
      expectClose(sampler.distribution(scores), expectedDistribution(scores, seen, given))
    })
    fc.assert(property, { numRuns: 500, seed: 1 })
  })

  test('repetition: positive scores are divided, negative ones multiplied, once for each token', () => {
    const sampler = samplerOf({ temperature: 1, repetitionPenalty: 2 }, 4)
    for (const token of [0, 1, 1]) sampler.see(token)
    expectClose(sampler.distribution([2, -1, 0.5, -1]), softmax([1, -2, 0.5, -1]))
    // Tokens that were made count as repeated from then on, also at temperature 0.
    const greedy = samplerOf({ repetitionPenalty: 3 }, 3)
    expect([0, 0, 0].map(() => greedy.sample([6, 5, 4]))).toEqual([0, 1, 2])
  })

  test('repetition: what left the window counts no more', () => {
    const sampler = samplerOf({ temperature: 1, repetitionPenalty: 2, repetitionWindow: 2 }, 3)
    for (const token of [0, 1, 2, 2]) sampler.see(token)
    expectClose(sampler.distribution([1, 1, 1]), softmax([1, 1, 0.5]))
    sampler.see(0)
    expectClose(sampler.distribution([1, 1, 1]), softmax([0.5, 1, 0.5]))
  })

  test.each<SamplingOptions>([
    { temperature: 1 },
    { temperature: 0.5 },
    { temperature: 2, topK: 5 },
    { topP: 0.8 },
    { minP: 0.2 },
    { topK: 6, topP: 0.9, minP: 0.05, temperature: 1.5 },
  ])('draws by its distribution: %j', (options) => {
    const sampler = samplerOf(options, 8)
    const scores = Array.from({ length: 8 }, (_, i) => Math.sin(i * 5) * 1.5)
    const expected = expectedDistribution(scores, [], { ...options, allowUnknown: true })
    const counts = new Array<number>(8).fill(0)
    const draws = 50_000
    for (let i = 0; i < draws; i++) counts[sampler.sample(scores)]++
    let chiSquared = 0
    expected.forEach((probability, token) => {
      if (probability === 0) expect(counts[token]).toBe(0)
      else chiSquared += (counts[token] - draws * probability) ** 2 / (draws * probability)
    })
    // Of at most 7 degrees of freedom, above 29.9 once in 10,000 times.
    expect(chiSquared).toBeLessThan(29.9)
  })

  test('scores of −∞ are never drawn', () => {
    const sampler = samplerOf({ temperature: 1 }, 2)
    for (let i = 0; i < 1000; i++) expect(sampler.sample([0, -Infinity])).toBe(0)
  })

  test('extreme temperatures end in the likeliest, and in equal shares', () => {
    expectClose(samplerOf({ temperature: 1e-300 }, 3).distribution([1, 2, 1]), [0, 1, 0])
    expectClose(samplerOf({ temperature: 1e300 }, 3).distribution([1, 2, 1]), [1 / 3, 1 / 3, 1 / 3])
  })

  test.each([0, 1])('says at temperature %s that a model is broken', (temperature) => {
    for (const scores of [
      [Number.NaN, Number.NaN],
      [0, Infinity],
      [-Infinity, -Infinity],
    ]) {
      expect(() => samplerOf({ temperature }, 2).sample(scores)).toThrow(DataError)
    }
  })
})

describe('samplingOf', () => {
  test('what draws has temperature 1 unless told otherwise', () => {
    expect(samplingOf('generate', {})).toMatchObject({ temperature: 0, allowUnknown: true })
    for (const option of [{ topK: 3 }, { topP: 0.5 }, { minP: 0.1 }]) {
      expect(samplingOf('generate', option)).toMatchObject({ temperature: 1, allowUnknown: false })
      expect(samplingOf('generate', { ...option, temperature: 0 }).temperature).toBe(0)
    }
  })

  test.each([
    [{ temperature: -1 }, 'temperature is -1'],
    [{ temperature: Infinity }, 'temperature is Infinity'],
    [{ topK: 0 }, 'topK is 0'],
    [{ topK: 1.5 }, 'topK is 1.5'],
    [{ topP: Number.NaN }, 'topP is NaN'],
    [{ topP: 1.1 }, 'topP is 1.1'],
    [{ minP: -0.1 }, 'minP is -0.1'],
    [{ repetitionPenalty: 0 }, 'repetitionPenalty is 0'],
    [{ repetitionWindow: 0 }, 'repetitionWindow is 0'],
  ])('refuses %j', (options, message) => {
    expect(() => samplingOf('generate', options)).toThrow(OptionError)
    expect(() => samplingOf('generate', options)).toThrow(message)
  })
})

test('logProbabilities are the logarithms of the softmax', () => {
  const scores = [0.3, -2, 5, 1000]
  softmax(scores).forEach((probability, token) => {
    expect(Math.exp(logProbabilities(scores)(token))).toBeCloseTo(probability, 14)
  })
})

test('large scores lose no digits of the logarithms: two equal ones are a half each', () => {
  const logProbability = logProbabilities([1e17, 1e17])
  expect([logProbability(0), logProbability(1)]).toEqual([-Math.LN2, -Math.LN2])
})
