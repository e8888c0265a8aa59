import { cells } from '../../device/cells.js'
import type { FloatArray, MinimalSizes } from '../../device/device.js'

// The walks of layers whose gates depend on the input alone; nn/minimal.ts has their equations.

/** The arrays of a walk; `logistic` is σ of all sums. */
interface Walk {
  sums: FloatArray
  logistic: FloatArray
  h0: FloatArray | undefined
  h: FloatArray
}

/** Below this sum of two logistic functions, their digits may be lost, and both are exponential functions. */
const TINY = 1e-20

/** i / (f + i) of the gates at two places of the sums. */
function share({ sums, logistic }: Walk, f: number, i: number): number {
  const both = logistic[f] + logistic[i]
  return both > TINY ? logistic[i] / both : 1 / (1 + Math.exp(sums[f] - sums[i]))
}

/** Calls `visit` for each unit of each sequence at each step, in the order of the walk or against it. */
function along(
  { cell, numSteps, batchSize, hiddenSize, reverse }: MinimalSizes,
  back: boolean,
  visit: (unit: number, at: number, first: number, candidate: number, before: number) => void,
): void {
  const size = batchSize * hiddenSize
  const gates = cells[cell].gates.length
  for (let i = 0; i < numSteps; i++) {
    const t = reverse === back ? i : numSteps - 1 - i
    const before = reverse ? t + 1 : t - 1
    const from = before < 0 || before === numSteps ? -1 : before * size
    for (let row = 0; row < batchSize; row++) {
      const first = (t * batchSize + row) * gates * hiddenSize
      for (let j = 0; j < hiddenSize; j++) {
        const unit = row * hiddenSize + j
        const candidate = first + (gates - 1) * hiddenSize + j
        visit(unit, t * size + unit, first + j, candidate, from < 0 ? -1 : from + unit)
      }
    }
  }
}

/** See `Device.minimal`. */
export function minimal(sizes: MinimalSizes, walk: Walk): void {
  const { sums, logistic, h0, h } = walk
  const { cell, hiddenSize } = sizes
  along(sizes, false, (unit, at, first, candidate, before) => {
    const last = before < 0 ? (h0?.[unit] ?? 0) : h[before]
    const z = cell === 'mingru' ? logistic[first] : share(walk, first, first + hiddenSize)
    const g = sums[candidate] >= 0 ? sums[candidate] + 0.5 : logistic[candidate]
    h[at] = last + z * (g - last)
  })
}

/** See `Device.minimalGrad`. */
export function minimalGrad(
  sizes: MinimalSizes,
  walk: Walk,
  dh: FloatArray,
  dsums: FloatArray,
  dh0: FloatArray | undefined,
): void {
  const { sums, logistic, h0, h } = walk
  const { cell, batchSize, hiddenSize } = sizes
  /** The gradients of the states that the next step began with. */
  const carried = new Float64Array(batchSize * hiddenSize)
  along(sizes, true, (unit, at, first, candidate, before) => {
    const last = before < 0 ? (h0?.[unit] ?? 0) : h[before]
    const second = first + hiddenSize
    const z = cell === 'mingru' ? logistic[first] : share(walk, first, second)
    const positive = sums[candidate] >= 0
    const g = positive ? sums[candidate] + 0.5 : logistic[candidate]
    const d = carried[unit] + dh[at]
    const slope = d * (g - last) * z * (1 - z)
    if (cell === 'mingru') dsums[first] = slope
    else {
      // z = σ(log i − log f), and the slope of log σ is 1 − σ.
      dsums[first] = -slope * (1 - logistic[first])
      dsums[second] = slope * (1 - logistic[second])
    }
    dsums[candidate] = d * z * (positive ? 1 : g * (1 - g))
    carried[unit] = d * (1 - z)
  })
  dh0?.set(carried)
}
