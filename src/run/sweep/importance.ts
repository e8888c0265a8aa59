import type { SweepValue, Trial } from './plan.js'

/** From this many different values of a number on, neighbouring values are put together. */
const MOST_GROUPS = 5
const FEW_GROUPS = 3

/**
 * How much of the ranks of losses an option explains by itself, from 0 to 1: η² of the Kruskal–Wallis test,
 * (H − k + 1) / (n − k) for k groups and n trials (Tomczak & Tomczak 2014), not below 0. Ranks, so that a training that
 * exploded counts as the worst and no more. Values of a number that are many are put together in three groups.
 * @returns undefined if there are too few trials to say
 */
export function importanceOf(trials: readonly Trial[], losses: readonly number[], option: string): number | undefined {
  const groups = groupsOf(trials.map(({ options }) => options[option]))
  const [n, k] = [trials.length, new Set(groups).size]
  if (k < 2 || n < k + 2) return undefined
  const { ranks, ties } = ranksOf(losses)
  if (ties === 1) return 0
  const between = [...new Set(groups)].reduce((sum, group) => {
    const own = ranks.filter((_, i) => groups[i] === group)
    return sum + own.reduce((a, b) => a + b, 0) ** 2 / own.length
  }, 0)
  const h = ((12 / (n * (n + 1))) * between - 3 * (n + 1)) / (1 - ties)
  return Math.min(Math.max((h - k + 1) / (n - k), 0), 1)
}

/** Numbers of groups: one for each value, or thirds of the sorted values if they are many numbers. */
function groupsOf(values: readonly SweepValue[]): number[] {
  const different = [...new Set(values)]
  if (different.length <= MOST_GROUPS || !different.every((value) => typeof value === 'number')) {
    return values.map((value) => different.indexOf(value))
  }
  const sorted = (different as number[]).toSorted((a, b) => a - b)
  return values.map((value) => Math.floor((sorted.indexOf(value as number) * FEW_GROUPS) / sorted.length))
}

/**
 * The ranks of numbers, equal ones sharing the mean of theirs.
 * @returns also the correction for ties, Σ(t³ − t) / (n³ − n), which is 1 if all are equal
 */
function ranksOf(values: readonly number[]): { ranks: number[]; ties: number } {
  const sorted = values.toSorted((a, b) => (a === b ? 0 : a - b))
  const n = values.length
  const ranks = values.map((value) => (sorted.indexOf(value) + sorted.lastIndexOf(value)) / 2 + 1)
  const counts = [...new Set(values)].map((value) => values.filter((other) => other === value).length)
  return { ranks, ties: counts.reduce((sum, t) => sum + t ** 3 - t, 0) / (n ** 3 - n) }
}
