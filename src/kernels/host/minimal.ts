import { cells } from '../../device/cells.js'
import type { FloatArray, MinimalSizes, MinimalWalk } from '../../device/device.js'

// The walks of layers whose gates depend on the input alone; nn/minimal.ts has their equations. Each step takes σ of its
// own sums, which stay in the processor's cache.

/** y = σ(x) */
type Sigmoid = (x: FloatArray, y: FloatArray) => void

/** Below this sum of two logistic functions, their digits may be lost, and both are exponential functions. */
const TINY = 1e-20

/** i / (f + i) from logistic functions and their arguments. */
function share(f: number, i: number, sumF: number, sumI: number): number {
  return f + i > TINY ? i / (f + i) : 1 / (1 + Math.exp(sumF - sumI))
}

/** The arrays of one time step; `last` is the state before it. */
interface Step {
  sums: FloatArray
  logistic: FloatArray
  last: FloatArray
  h: FloatArray
  /** The number of the step. */
  t: number
}

/** Calls `visit` for each step in the order of the walk, or against it. */
function along(
  { cell, numSteps, batchSize, hiddenSize, reverse }: MinimalSizes,
  { sums, h0, h }: MinimalWalk,
  sigmoid: Sigmoid,
  back: boolean,
  visit: (step: Step) => void,
): void {
  const size = batchSize * hiddenSize
  const width = cells[cell].gates.length * size
  const part = (values: FloatArray, t: number, length: number) => values.subarray(t * length, (t + 1) * length)
  const logistic = sums.slice(0, width)
  const start = h0 ?? new Float32Array(size)
  for (let i = 0; i < numSteps; i++) {
    const t = reverse === back ? i : numSteps - 1 - i
    const before = reverse ? t + 1 : t - 1
    const own = part(sums, t, width)
    sigmoid(own, logistic)
    const last = before < 0 || before === numSteps ? start : part(h, before, size)
    visit({ sums: own, logistic, last, h: part(h, t, size), t })
  }
}

/** See `Minimal.forward`. */
export function minimal(sizes: MinimalSizes, walk: MinimalWalk, sigmoid: Sigmoid): void {
  const { cell, batchSize, hiddenSize } = sizes
  const width = cells[cell].gates.length * hiddenSize
  along(sizes, walk, sigmoid, false, ({ sums, logistic, last, h }) => {
    for (let row = 0; row < batchSize; row++) {
      for (let j = 0; j < hiddenSize; j++) {
        const first = row * width + j
        const second = first + hiddenSize
        const candidate = first + width - hiddenSize
        const z =
          cell === 'mingru' ? logistic[first] : share(logistic[first], logistic[second], sums[first], sums[second])
        const g = sums[candidate] >= 0 ? sums[candidate] + 0.5 : logistic[candidate]
        const at = row * hiddenSize + j
        h[at] = last[at] + z * (g - last[at])
      }
    }
  })
}

/** See `Minimal.backward`. */
export function minimalGrad(
  sizes: MinimalSizes,
  walk: MinimalWalk,
  dh: FloatArray,
  dsums: FloatArray,
  dh0: FloatArray | undefined,
  sigmoid: Sigmoid,
): void {
  const { cell, batchSize, hiddenSize } = sizes
  const width = cells[cell].gates.length * hiddenSize
  const size = batchSize * hiddenSize
  /** The gradients of the states that the next step began with. */
  const carried = new Float64Array(size)
  along(sizes, walk, sigmoid, true, ({ sums, logistic, last, t }) => {
    for (let row = 0; row < batchSize; row++) {
      for (let j = 0; j < hiddenSize; j++) {
        const first = row * width + j
        const second = first + hiddenSize
        const candidate = first + width - hiddenSize
        const z =
          cell === 'mingru' ? logistic[first] : share(logistic[first], logistic[second], sums[first], sums[second])
        const positive = sums[candidate] >= 0
        const g = positive ? sums[candidate] + 0.5 : logistic[candidate]
        const at = row * hiddenSize + j
        const d = carried[at] + dh[t * size + at]
        const slope = d * (g - last[at]) * z * (1 - z)
        const from = t * batchSize * width
        if (cell === 'mingru') dsums[from + first] = slope
        else {
          // z = σ(log i − log f), and the slope of log σ is 1 − σ.
          dsums[from + first] = -slope * (1 - logistic[first])
          dsums[from + second] = slope * (1 - logistic[second])
        }
        dsums[from + candidate] = d * z * (positive ? 1 : g * (1 - g))
        carried[at] = d * (1 - z)
      }
    }
  })
  dh0?.set(carried)
}
