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

/** A unit of a sequence at one time step. */
interface Place {
  z: number
  g: number
  /** The state before the step. */
  last: number
  /** Indices in [batchSize, hiddenSize], in h and in the sums. */
  unit: number
  state: number
  first: number
  /** 1 − σ of the sums at `first` and of those of the next gate. */
  closed: number
  closedNext: number
}

/** Calls `visit` for each place in the order of the walk, or against it, always with the same object. */
function along(
  { cell, numSteps, batchSize, hiddenSize, reverse }: MinimalSizes,
  { sums, h0, h }: MinimalWalk,
  sigmoid: Sigmoid,
  back: boolean,
  visit: (place: Place) => void,
): void {
  const size = batchSize * hiddenSize
  const gates = cells[cell].gates.length
  const width = gates * size
  const logistic = sums.slice(0, width)
  const place: Place = { z: 0, g: 0, last: 0, unit: 0, state: 0, first: 0, closed: 0, closedNext: 0 }
  for (let i = 0; i < numSteps; i++) {
    const t = reverse === back ? i : numSteps - 1 - i
    const before = reverse ? t + 1 : t - 1
    const begins = before < 0 || before === numSteps
    sigmoid(sums.subarray(t * width, (t + 1) * width), logistic)
    for (let unit = 0; unit < size; unit++) {
      const own = unit + (gates - 1) * (unit - (unit % hiddenSize))
      const first = t * width + own
      const candidate = (gates - 1) * hiddenSize
      const [a, b] = [logistic[own], logistic[own + hiddenSize]]
      place.z = cell === 'mingru' ? a : share(a, b, sums[first], sums[first + hiddenSize])
      place.g = sums[first + candidate] >= 0 ? sums[first + candidate] + 0.5 : logistic[own + candidate]
      place.last = !begins ? h[before * size + unit] : h0 ? h0[unit] : 0
      place.unit = unit
      place.state = t * size + unit
      place.first = first
      place.closed = 1 - a
      place.closedNext = 1 - b
      visit(place)
    }
  }
}

/** See `Minimal.forward`. */
export function minimal(sizes: MinimalSizes, walk: MinimalWalk, sigmoid: Sigmoid): void {
  const { h } = walk
  along(sizes, walk, sigmoid, false, ({ z, g, last, state }) => {
    h[state] = last + z * (g - last)
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
  const candidate = (cells[cell].gates.length - 1) * hiddenSize
  /** The gradients of the states that the next step began with. */
  const carried = new Float64Array(batchSize * hiddenSize)
  along(sizes, walk, sigmoid, true, ({ z, g, last, unit, state, first, closed, closedNext }) => {
    const d = carried[unit] + dh[state]
    const slope = d * (g - last) * z * (1 - z)
    if (cell === 'mingru') dsums[first] = slope
    else {
      // z = σ(log i − log f), and the slope of log σ is 1 − σ.
      dsums[first] = -slope * closed
      dsums[first + hiddenSize] = slope * closedNext
    }
    dsums[first + candidate] = d * z * (walk.sums[first + candidate] >= 0 ? 1 : g * (1 - g))
    carried[unit] = d * (1 - z)
  })
  dh0?.set(carried)
}
