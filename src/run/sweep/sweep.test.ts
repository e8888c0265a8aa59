import { describe, expect, test } from 'vitest'
import { textSource } from '../run-text.js'
import { checkTrials, checkTrialsOn } from './check-trials.js'
import { promoted, rungsOf } from './halving.js'
import { importanceOf } from './importance.js'
import { parsePlan, planned, type SweepPlan, trialsOf } from './plan.js'

const plan = (given: object): SweepPlan => parsePlan({ vary: { cell: ['rnn', 'gru'] }, ...given }, 's.yaml')
const trial = (number: number, options = {}) => ({ number, options })

describe('a plan', () => {
  test('tries all combinations of a grid', () => {
    const trials = trialsOf(plan({ vary: { cell: ['rnn', 'gru'], 'hidden-size': [8, 16, 32] } }))
    expect(trials.map(({ number }) => number)).toEqual([1, 2, 3, 4, 5, 6])
    expect(new Set(trials.map(({ options }) => `${options.cell} ${options.hiddenSize}`))).toEqual(
      new Set(['rnn 8', 'rnn 16', 'rnn 32', 'gru 8', 'gru 16', 'gru 32']),
    )
  })

  test('draws from ranges, whole numbers where the option needs them, and the same for the same seed', () => {
    const vary = { lr: { from: 0.001, to: 1, scale: 'log' }, hiddenSize: { from: 4, to: 64 }, cell: ['rnn', 'gru'] }
    const drawn = (seed: number) => trialsOf(plan({ search: 'random', trials: 300, seed, vary }))
    const trials = drawn(3)
    expect(trials).toHaveLength(300)
    expect(trials).toEqual(drawn(3))
    expect(trials).not.toEqual(drawn(4))
    const values = (name: string) => trials.map(({ options }) => Number(options[name]))
    expect(values('hiddenSize').every((size) => Number.isInteger(size) && size >= 4 && size <= 64)).toBe(true)
    expect(values('lr').every((lr) => lr >= 0.001 && lr <= 1)).toBe(true)
    // A third of the logarithms lies in each decade: 100 of 300, ± 4 standard deviations of 8.2.
    for (const decade of [0.001, 0.01, 0.1]) {
      const count = values('lr').filter((lr) => lr >= decade && lr < 10 * decade).length
      expect(Math.abs(count - 100)).toBeLessThan(33)
    }
  })

  test('has no trial twice, so that a small space has fewer than were asked for', () => {
    expect(trialsOf(plan({ search: 'random', trials: 50 }))).toHaveLength(2)
  })

  test.each([
    [{ vary: {} }, 'vary is empty, expected at least one option'],
    [{ vary: { hiden: [1] } }, 'vary.hiden is not an option'],
    [{ vary: { toString: [1] } }, 'vary.toString is not an option'],
    [{ vary: { cell: [] } }, 'vary.cell is an empty list'],
    [{ vary: { cell: ['rnn', 'rnn'] } }, 'vary.cell has "rnn" twice'],
    [{ vary: { cell: ['rnn', 'sru'] } }, 'vary.cell.1 is "sru", expected'],
    [{ vary: { lr: [Number.NaN] } }, 'vary.lr.0 is NaN, expected number'],
    [{ texts: [] }, 'texts is an empty list, expected at least one text'],
    [{ vary: { cell: 'rnn' } }, 'vary.cell is "rnn", expected a list of values, or a range'],
    [{ vary: { lr: ['a'] } }, 'vary.lr.0 is "a", expected number'],
    [{ vary: { lr: { from: 1, to: 2 } } }, 'vary.lr is a range, which needs search: random'],
    [{ search: 'random', vary: { lr: { from: 2, to: 1 } } }, 'vary.lr: from is 2 and to is 1, expected a larger to'],
    [
      { search: 'random', vary: { lr: { from: 0, to: 1, scale: 'log' } } },
      'vary.lr: from is 0, expected more than 0 on a log scale',
    ],
    [{ search: 'random', vary: { lr: { from: 1, to: 2, base: 2 } } }, 'vary.lr.base is not known'],
    [
      { search: 'random', vary: { 'hidden-size': { from: 0.01, to: 3 } } },
      'vary.hidden-size is 0.01, expected a whole number of 1 or more',
    ],
    [{ vary: { 'num-layers': [1, 0] } }, 'vary.num-layers.1 is 0, expected a whole number of 1 or more'],
    [{ options: { epochs: 1.5 } }, 'options.epochs is 1.5, expected a whole number of 1 or more'],
    [{ vary: { tokens: ['char', 'word'] } }, 'vary.tokens: losses under different values of it cannot be compared'],
    [{ vary: { threads: [1, 2] } }, 'vary.threads: it does not change the model'],
    [{ options: { cell: 'gru' } }, 'cell is both under options and under vary'],
    [{ options: { validation: 0 } }, 'options.validation is 0, expected more than 0'],
    [{ options: { 'init-from': 'a' } }, 'options.init-from is not an option'],
    [{ trials: 3 }, 'trials is given, but a grid tries all combinations'],
    [{ search: 'bayes' }, 'search is "bayes", expected ("grid" | "random")'],
    [{ halving: { first: 500, factor: 3 } }, 'halving.first is 500, expected less than the 500 epochs'],
    [{ halving: { first: 1, factor: 1 } }, 'halving.factor is 1, expected a whole number of 2 or more'],
    [{ halving: { first: 1, factor: 2 }, options: { schedule: 'cosine' } }, 'schedule is cosine'],
    [{ halving: { first: 1, factor: 2 }, vary: { epochs: [1, 2] } }, 'vary.epochs: halving decides'],
    [{ vary: { seed: Array.from({ length: 10_001 }, (_, i) => i) } }, 'it has 10001 trials'],
    [{ tirals: 3 }, 'tirals is not known; a sweep has texts'],
    [null, 'it holds no settings, expected texts, options, vary'],
    ['words', 'it holds no settings, expected texts, options, vary'],
    [{ vary: undefined }, 'vary is missing, expected the options to try'],
  ])('refuses %j', (given, message) => {
    const value = given instanceof Object ? { vary: { cell: ['rnn', 'gru'] }, ...given } : given
    expect(() => parsePlan(value, 's.yaml')).toThrow(`s.yaml: ${message}`)
  })
})

test('trials whose options have no effect together are told before any begins', () => {
  const given = plan({ vary: { cell: ['rnn', 'mingru'], 'layer-norm': [true] } })
  expect(() => checkTrials(given, trialsOf(given), 's.yaml')).toThrow(/^s\.yaml: trial 2: layerNorm has no effect/)
})

describe('what a trial could not begin with is told before any begins', () => {
  const text = (length: number) => textSource('abcde '.repeat(length / 6), 'abc')

  test.each<[what: string, vary: object, options: object, message: RegExp]>([
    [
      'a batch',
      { 'batch-size': [2, 90] },
      {},
      /^s\.yaml: trial 2: the training part of the text has 540 tokens, expected/,
    ],
    [
      'steps',
      { 'num-steps': [4, 700] },
      {},
      /^s\.yaml: trial 2: the training part of the text has 540 tokens, expected/,
    ],
    [
      'sizes that do not fit',
      { 'embedding-size': [3, 4] },
      { 'tie-weights': true, 'hidden-size': 3 },
      /trial 2: tieWeights with embeddingSize 4/,
    ],
    [
      'a projection',
      { 'proj-size': [4, 16] },
      { cell: 'lstm', 'hidden-size': 16 },
      /trial 2: projSize is 16, expected less/,
    ],
    ['a model that is too large', { 'hidden-size': [8, 1e8] }, {}, /trial 2: .* GB of memory/],
    ['a probability', { 'output-dropout': [0.5, 2] }, {}, /trial 2: outputDropout is 2, expected/],
    ['a learning rate', { lr: [1, -1] }, {}, /trial 2: lr is -1, expected/],
    ['a limit', { clip: [1, -1] }, {}, /trial 2: clip is -1, expected/],
    [
      'a warm-up',
      { warmup: [1, 5000] },
      { schedule: 'cosine', epochs: 3 },
      /trial 2: the training has \d+ steps with epochs 3,/,
    ],
  ])('%s', async (_what, vary, options, message) => {
    const small = Object.entries({ 'batch-size': 4, 'num-steps': 8, 'hidden-size': 4 }).filter(
      ([name]) => !(name in vary),
    )
    const given = plan({ vary, options: { ...Object.fromEntries(small), ...options } })
    const trials = trialsOf(given)
    await expect(checkTrialsOn(text(600), given, trials, 's.yaml')).rejects.toThrow(message)
    await checkTrialsOn(text(600), given, trials.slice(0, 1), 's.yaml')
  })

  test('a held-out part of one token', async () => {
    const given = plan({ options: { 'batch-size': 1, 'num-steps': 3 } })
    await expect(checkTrialsOn(text(18), given, trialsOf(given), 's.yaml')).rejects.toThrow(
      /^s\.yaml: trial 1: the validation part of the text has 1 token, expected at least 2/,
    )
  })
})

test('the word all is no limit', () => {
  expect(planned({ clip: 'all', cell: 'gru' })).toEqual({ clip: Infinity, cell: 'gru' })
})

describe('successive halving', () => {
  test('compares after first · factorᵏ epochs and at the end', () => {
    const rungs = (epochs: number) => rungsOf(plan({ options: { epochs }, halving: { first: 3, factor: 3 } }))
    expect(rungs(27)).toEqual([3, 9, 27])
    expect(rungs(30)).toEqual([3, 9, 27, 30])
    expect(rungsOf(plan({ options: { epochs: 30 } }))).toEqual([30])
  })

  test('lets the best part of the trials go on, the best first, and none that exploded', () => {
    const trials = [1, 2, 3, 4, 5, 6, 7].map((number) => trial(number))
    const losses = [3, undefined, 1, 2, 5, 2, 9]
    const results = losses.map((loss, i) => ({ trial: i + 1, epochs: 3, loss, seconds: 1 }))
    const best = (factor: number) => promoted(trials, results, { first: 3, factor }).map(({ number }) => number)
    expect(best(3)).toEqual([3, 4])
    expect(best(2)).toEqual([3, 4, 6])
    expect(best(100)).toEqual([3])
    expect(promoted(trials, [{ trial: 2, epochs: 3, seconds: 1 }], { first: 3, factor: 2 })).toEqual([])
  })
})

describe('the importance of an option', () => {
  const cells = ['rnn', 'gru', 'lstm'].flatMap((cell, i) =>
    [1, 2, 3, 4].map((j) => trial(4 * i + j, { cell, seed: j })),
  )

  test('is η² of the Kruskal–Wallis test, with H as scipy.stats.kruskal has it', () => {
    // scipy 1.18: kruskal([2.1, 2.3, 2.0, 2.5], [3.1, 2.9, 3.0, 1e9], [2.4, 2.2, 2.3, 2.6]) is 7.883333333333336
    const losses = [2.1, 2.3, 2.0, 2.5, 3.1, 2.9, 3.0, Infinity, 2.4, 2.2, 2.3, 2.6]
    expect(importanceOf(cells, losses, 'cell')).toBeCloseTo((7.883333333333336 - 2) / 9, 12)
  })

  test('puts many numbers together in thirds', () => {
    // scipy 1.18: kruskal([5, 4, 4.5], [3, 3.1, 2.9], [3.3, 3.5, 3.6]) is 7.2
    const trials = [0.1, 0.2, 0.35, 0.5, 0.7, 1, 1.5, 2, 3].map((lr, i) => trial(i + 1, { lr }))
    expect(importanceOf(trials, [5, 4, 4.5, 3, 3.1, 2.9, 3.3, 3.5, 3.6], 'lr')).toBeCloseTo(5.2 / 6, 12)
  })

  test('is 0 where the option makes no difference, and unknown with too few trials', () => {
    expect(importanceOf(cells, Array(12).fill(1), 'cell')).toBe(0)
    expect(importanceOf(cells.slice(0, 3), [1, 2, 3], 'seed')).toBeUndefined()
  })
})
