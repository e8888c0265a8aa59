import type { Generator } from '../core/random.js'

/**
 * The number of a token: the likeliest at temperature 0 (the first of equals), else one drawn from
 * softmax(scores / temperature).
 */
export function sample(scores: ArrayLike<number>, temperature: number, generator: Generator): number {
  let best = 0
  for (let i = 1; i < scores.length; i++) if (scores[i] > scores[best]) best = i
  if (temperature === 0) return best
  const weights = Array.from(scores, (score) => Math.exp((score - scores[best]) / temperature))
  let rest = generator.uniform() * weights.reduce((sum, weight) => sum + weight, 0)
  const drawn = weights.findIndex((weight) => {
    rest -= weight
    return rest < 0
  })
  return drawn === -1 ? best : drawn
}
