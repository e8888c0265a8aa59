import { hasC } from '../../device/cells.js'
import type {
  RecurrentGrads,
  RecurrentInput,
  RecurrentOutput,
  RecurrentOutputGrads,
  RecurrentSizes,
  RecurrentTape,
  RecurrentWeights,
} from '../../device/device.js'
import type { GpuStorage } from './buffers.js'
import { copyOf } from './copy.js'
import { addScaled } from './elementwise.js'
import { keptLength, normalizeGates, normalizeGatesGrad } from './gate-norm.js'
import type { Gpu } from './gpu.js'
import { scoreGradients, scores } from './head.js'
import { backwardShader, backwardStorages, hasBack, hasOwnHidden } from './layer-backward.js'
import { forwardShader, forwardStorages } from './layer-forward.js'
import { type Grid, gateCount, gridOf, groupsOf, stepsAtOnce } from './layer-grid.js'
import { tokenGradients, tokenSums } from './layer-input.js'
import { parameterGrads } from './layer-norm.js'
import { clearPadding, putAtEnd, withoutPadding } from './layer-padding.js'
import { sectionStart, tapeLength } from './layer-tape.js'
import { packed } from './layer-weights.js'
import { matmul } from './matmul.js'
import { sumAxis } from './reduce.js'

type Weights = RecurrentWeights<GpuStorage>
type Named = Readonly<Record<string, GpuStorage | undefined>>

/** The storages with these names. */
const listed = (names: readonly string[], storages: Named): GpuStorage[] => names.map((name) => storages[name]!)

/** Runs one recurrent layer in one direction on a GPU; see `Device.recurrent`. */
export function recurrent(
  gpu: Gpu,
  sizes: RecurrentSizes,
  weights: Weights,
  given: RecurrentInput<GpuStorage>,
  keep: boolean,
): { result: RecurrentOutput<GpuStorage>; tape?: RecurrentTape<GpuStorage> } {
  const { cell, numSteps, batchSize, inputSize, hiddenSize, reverse } = sizes
  const rows = gateCount(cell) * hiddenSize
  const places = numSteps * batchSize
  const grid = gridOf(gpu, gridSizes(sizes, weights), 'forward')
  const lengths = sizes.lengths && gpu.from(Float32Array.from(sizes.lengths))
  const { h0, c0 } = given
  // Padding may be NaN, which times a gradient of zero would not be zero.
  const clean = lengths && !(given.input instanceof Int32Array) && withoutPadding(gpu, given.input, lengths, places)
  const input = { input: clean || given.input, h0, c0 }
  const { sums, keptOfInput } = inputSums(gpu, sizes, weights, input.input, keep)
  if (lengths && keep) clearPadding(gpu, sums, lengths, places)

  const options = { input: 'sums', h0: grid.inside && !!h0, c0: grid.inside && !!c0, keep } as const
  const length = batchSize * hiddenSize
  const state = (first: GpuStorage | undefined) =>
    grid.inside && !lengths ? gpu.empty(length) : copyOf(gpu, first, length)
  // Nothing is written to the places of padding.
  const room = (length: number) => (lengths ? gpu.zeros(length) : gpu.empty(length))
  const h = room(places * hiddenSize)
  const hn = state(h0)
  const cn = hasC(cell) ? state(c0) : undefined
  const tape = keep ? room(tapeLength(grid, places, batchSize)) : undefined
  if (lengths && tape) putAtEnd(gpu, lengths, tape)
  const packedWeights = packed(gpu, weights.weightHh, rows, hiddenSize, weights)
  const products = grid.inside ? undefined : gpu.empty(batchSize * rows)
  const steps = stepsOf(sizes)
  const storages = { weights: packedWeights, h_all: h, hn, cn, sums, products, h0, c0, tape, lengths }
  const run = (first: number, count: number) => {
    // A walk that goes on finds its states where the dispatch before has left them. So does one over sequences with lengths,
    // which would have a storage too many otherwise.
    const goesOn = grid.inside && (first > 0 || lengths !== undefined)
    const now = goesOn ? { ...options, h0: true, c0: true } : options
    gpu.run(
      forwardShader(grid, now),
      listed(forwardStorages(grid, now), goesOn ? { ...storages, h0: hn, c0: cn } : storages),
      [numSteps, batchSize, first, count, Number(reverse), inputSize],
      [groupsOf(grid, batchSize)],
    )
  }
  if (products) {
    for (let step = 0; step < steps; step++) {
      matmul(gpu, hn, weights.weightHh, products, { m: batchSize, n: rows, k: hiddenSize, transposeB: true })
      run(step, 1)
    }
    gpu.free(products)
  } else {
    const most = stepsAtOnce(gpu, grid, batchSize)
    for (let first = 0; first < steps; first += most) {
      // Some drivers measure how long a whole submission takes.
      if (first > 0) gpu.submit()
      run(first, Math.min(most, steps - first))
    }
  }
  gpu.free(packedWeights)

  const { head } = weights
  const result = { output: head ? scores(gpu, head, h, hiddenSize) : h, hn, cn }
  if (lengths && head) clearPadding(gpu, result.output, lengths, places)
  const kept = { sums, keptOfInput, h: head && h, clean: clean || undefined, lengths }
  if (tape) return { result, tape: new GpuTape(gpu, sizes, weights, input, { ...kept, tape }) }
  for (const storage of Object.values(kept)) if (storage) gpu.free(storage)
  return { result }
}

/** What the grid of a pass depends on. */
const gridSizes = (sizes: RecurrentSizes, { gainHh, weightCh }: Weights) => ({
  ...sizes,
  normalized: gainHh !== undefined,
  peepholes: weightCh !== undefined,
  uneven: sizes.lengths !== undefined,
})

/** The time steps of the longest sequence. */
const stepsOf = ({ lengths, numSteps }: RecurrentSizes): number => (lengths ? Math.max(...lengths) : numSteps)

/** The sums on the input's side for all places, without biases, and what their normalization keeps. */
function inputSums(
  gpu: Gpu,
  sizes: RecurrentSizes,
  { weightIh, gainIh }: Weights,
  input: GpuStorage | Int32Array,
  keep: boolean,
): { sums: GpuStorage; keptOfInput?: GpuStorage } {
  const { cell, numSteps, batchSize, inputSize, hiddenSize } = sizes
  const [places, rows] = [numSteps * batchSize, gateCount(cell) * hiddenSize]
  const sums = gpu.empty(places * rows)
  if (input instanceof Int32Array) tokenSums(gpu, weightIh, input, sums, inputSize)
  else matmul(gpu, input, weightIh, sums, { m: places, n: rows, k: inputSize, transposeB: true })
  if (!gainIh) return { sums }
  const kept = keep ? gpu.empty(keptLength(cell, hiddenSize, places)) : undefined
  normalizeGates(gpu, { cell, hiddenSize, places, sums, gain: gainIh, kept })
  return { sums, keptOfInput: kept }
}

/** What a forward pass keeps. */
interface Kept {
  /** The gates at every step, [numSteps, batchSize, gates × hiddenSize]. */
  sums: GpuStorage
  /** What the normalization of the input's sums has kept. */
  keptOfInput?: GpuStorage
  /** What the steps have kept besides; see layer-tape.ts. */
  tape: GpuStorage
  /** h after every step, for a linear output. */
  h?: GpuStorage
  /** Of sequences that have lengths of their own: these, and the input without padding. */
  lengths?: GpuStorage
  clean?: GpuStorage
}

/** A layer's backward pass, which uses up what the forward pass has kept. */
class GpuTape implements RecurrentTape<GpuStorage> {
  readonly #grid: Grid
  readonly #places: number
  readonly #rows: number

  constructor(
    readonly gpu: Gpu,
    readonly sizes: RecurrentSizes,
    readonly weights: Weights,
    readonly given: RecurrentInput<GpuStorage>,
    readonly kept: Kept,
  ) {
    this.#grid = gridOf(gpu, gridSizes(sizes, weights), 'backward')
    this.#places = sizes.numSteps * sizes.batchSize
    this.#rows = gateCount(sizes.cell) * sizes.hiddenSize
  }

  backward(
    grads: RecurrentOutputGrads<GpuStorage>,
    wanted: { input: boolean; state: boolean },
  ): RecurrentGrads<GpuStorage> {
    const { gpu, sizes, weights, kept } = this
    const { head } = weights
    const { lengths } = kept
    const places = this.#places
    const ofScores = head && grads.output && lengths && withoutPadding(gpu, grads.output, lengths, places)
    const withHead =
      head && grads.output ? scoreGradients(gpu, head, kept.h!, ofScores ?? grads.output, sizes.hiddenSize) : undefined
    const dy = head ? withHead?.dh : grads.output
    const { dIn, dHidden, dh0, dc0 } = this.#throughTime({ ...grads, output: dy })
    const normalization = weights.gainHh && this.#normalizationGradients(dIn)
    const products = this.#products(dIn, dHidden, wanted.input)
    const vectors = normalization ?? this.#biasGradients(dIn, dHidden, products.weightIh)
    const weightCh = weights.weightCh && this.#peepholeGradients()
    const used = [...Object.values(kept), ofScores, withHead?.dh, dHidden === dIn ? undefined : dHidden]
    const unwanted = wanted.state ? [] : [dh0, dc0]
    for (const storage of [...used, ...unwanted]) if (storage) gpu.free(storage)
    return { ...products, ...vectors, weightCh, head: withHead?.grads, ...(wanted.state && { h0: dh0, c0: dc0 }) }
  }

  /** The gradients of the sums on the side of the input and on that of the hidden state, and of the first state. */
  #throughTime({ output: dy, hn: dhn, cn: dcn }: RecurrentOutputGrads<GpuStorage>) {
    const { gpu, sizes, weights, kept } = this
    const grid = this.#grid
    const { cell, numSteps, batchSize, hiddenSize, reverse } = sizes
    const options = { dy: !!dy, last: !!(dhn || dcn) }
    const length = batchSize * hiddenSize
    const state = (last: GpuStorage | undefined) =>
      grid.inside && !options.last ? gpu.empty(length) : copyOf(gpu, last, length)
    const { sums, tape } = kept
    const room = (length: number) => (grid.uneven ? gpu.zeros(length) : gpu.empty(length))
    const hidden = hasOwnHidden(grid) ? room(sums.length) : undefined
    const dh0 = state(dhn)
    const dc0 = hasC(cell) ? state(dcn) : undefined
    const product = grid.inside ? undefined : room(batchSize * this.#rows)
    const steps = stepsOf(sizes)
    const back = grid.inside ? undefined : gpu.zeros(length)
    const weight = weights.weightHh
    const vectors = grid.normalized || grid.peepholes ? packed(gpu, weight, this.#rows, 0, weights) : undefined
    const storages = { sums, tape, dh0, dc0, hidden, weight, product, back, vectors, dy }
    const run = (end: number, count: number) => {
      const now = grid.inside && end < steps ? { ...options, last: true } : options
      gpu.run(
        backwardShader(grid, now),
        listed(backwardStorages(grid, now), storages),
        [numSteps, batchSize, end, count, Number(reverse)],
        [groupsOf(grid, batchSize)],
      )
    }
    if (product && back) {
      for (let step = steps; step > 0; step--) {
        run(step, 1)
        matmul(gpu, product, weight, back, { m: batchSize, n: hiddenSize, k: this.#rows })
        if (step === 1 || !hasBack(grid)) addScaled(gpu, 1, back, dh0)
      }
    } else {
      const most = stepsAtOnce(gpu, grid, batchSize)
      for (let end = steps; end > 0; end -= most) {
        if (end < steps) gpu.submit()
        run(end, Math.min(most, end))
      }
    }
    for (const storage of [product, back, vectors]) if (storage) gpu.free(storage)
    return { dIn: sums, dHidden: hidden ?? sums, dh0, dc0 }
  }

  #biasGradients(dIn: GpuStorage, dHidden: GpuStorage, weightIh: GpuStorage) {
    const { gpu, weights, given, sizes } = this
    if (!weights.biasIh) return {}
    const sumOver = (x: GpuStorage, outer: number, length: number, inner: number) => {
      const y = gpu.empty(this.#rows)
      sumAxis(gpu, x, y, outer, length, inner)
      return y
    }
    const overPlaces = (x: GpuStorage) => sumOver(x, 1, this.#places, this.#rows)
    // Each place has one token, so that what its tokens have added up is less to read.
    const fewTokens = given.input instanceof Int32Array && sizes.inputSize < this.#places
    const biasIh = fewTokens ? sumOver(weightIh, this.#rows, sizes.inputSize, 1) : overPlaces(dIn)
    return { biasIh, biasHh: dHidden === dIn ? copyOf(gpu, biasIh, this.#rows) : overPlaces(dHidden) }
  }

  /** Those of the peepholes at each step are on the tape. */
  #peepholeGradients(): GpuStorage {
    const { gpu, sizes, kept } = this
    const [unused, sums] = [gpu.empty(3 * sizes.hiddenSize), gpu.empty(3 * sizes.hiddenSize)]
    const start = this.#places * sectionStart(this.#grid, 'peepholes')
    parameterGrads(gpu, [kept.tape, kept.tape, unused, sums], this.#places, { startDy: start, startValues: start })
    gpu.free(unused)
    return sums
  }

  /** The gradients of gains and biases; the gradients of the normalized sums become those of the sums. */
  #normalizationGradients(dIn: GpuStorage) {
    const { gpu, weights, kept, sizes } = this
    const { cell, hiddenSize } = sizes
    const places = this.#places
    const grads = (dy: GpuStorage, values: GpuStorage, length: number, starts = {}) => {
      const [gain, bias] = [gpu.empty(length), gpu.empty(length)]
      parameterGrads(gpu, [dy, values, gain, bias], places, starts)
      if (!weights.biasIh) gpu.free(bias)
      return { gain, bias: weights.biasIh && bias }
    }
    const onTape = (dy: 'gradient' | 'gradientC', values: 'normal' | 'normalC', length: number) => {
      const [startDy, startValues] = [dy, values].map((section) => places * sectionStart(this.#grid, section))
      return grads(kept.tape, kept.tape, length, { startDy, startValues })
    }
    const ofInput = grads(dIn, kept.keptOfInput!, this.#rows)
    const ofHidden = onTape('gradient', 'normal', this.#rows)
    const ofC = weights.gainC && onTape('gradientC', 'normalC', hiddenSize)
    normalizeGatesGrad(gpu, { cell, hiddenSize, places, sums: dIn, gain: weights.gainIh!, kept: kept.keptOfInput! })
    return {
      gainIh: ofInput.gain,
      biasIh: ofInput.bias,
      gainHh: ofHidden.gain,
      biasHh: ofHidden.bias,
      gainC: ofC?.gain,
      biasC: ofC?.bias,
    }
  }

  /** The gradients of weights and input: one product each, over all time steps. */
  #products(dIn: GpuStorage, dHidden: GpuStorage, wantInput: boolean) {
    const { gpu, sizes, weights, given, kept } = this
    const { inputSize, hiddenSize } = sizes
    const [places, rows] = [this.#places, this.#rows]
    const weightHh = gpu.empty(rows * hiddenSize)
    matmul(gpu, dHidden, kept.tape, weightHh, { m: rows, n: hiddenSize, k: places, transposeA: true })
    const { input } = given
    if (input instanceof Int32Array) {
      const weightIh = gpu.zeros(rows * inputSize)
      tokenGradients(gpu, dIn, input, weightIh, inputSize)
      return { weightIh, weightHh }
    }
    const weightIh = gpu.empty(rows * inputSize)
    matmul(gpu, dIn, input, weightIh, { m: rows, n: inputSize, k: places, transposeA: true })
    const dInput = wantInput ? gpu.empty(places * inputSize) : undefined
    if (dInput) matmul(gpu, dIn, weights.weightIh, dInput, { m: places, n: inputSize, k: rows })
    return { weightIh, weightHh, input: dInput }
  }
}
