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
import { cellCode } from './cell-code.js'
import { copyOf } from './copy.js'
import { addScaled } from './elementwise.js'
import type { Gpu } from './gpu.js'
import { scoreGradients, scores } from './head.js'
import { backwardShader, backwardStorages, hasOwnHidden } from './layer-backward.js'
import { forwardShader, forwardStorages } from './layer-forward.js'
import { gateCount, gridOf, groupsOf } from './layer-grid.js'
import { tokenGradients, tokenSums } from './layer-input.js'
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
  input: RecurrentInput<GpuStorage>,
  keep: boolean,
): { result: RecurrentOutput<GpuStorage>; tape?: RecurrentTape<GpuStorage> } {
  const { cell, numSteps, batchSize, inputSize, hiddenSize, reverse } = sizes
  const rows = gateCount(cell) * hiddenSize
  const places = numSteps * batchSize
  const sums = gpu.empty(places * rows)
  if (input.input instanceof Int32Array) tokenSums(gpu, weights.weightIh, input.input, sums, inputSize)
  else matmul(gpu, input.input, weights.weightIh, sums, { m: places, n: rows, k: inputSize, transposeB: true })

  const grid = gridOf(gpu, sizes, 'forward')
  const options = { input: 'sums', h0: grid.inside && !!input.h0, c0: grid.inside && !!input.c0, keep } as const
  const state = () => gpu.empty(batchSize * hiddenSize)
  const h = gpu.empty(places * hiddenSize)
  const hn = grid.inside ? state() : copyOf(gpu, input.h0, batchSize * hiddenSize)
  const cn = hasC(cell) ? (grid.inside ? state() : copyOf(gpu, input.c0, batchSize * hiddenSize)) : undefined
  const tape = keep ? gpu.empty((cellCode[cell].extra ? 2 : 1) * places * hiddenSize) : undefined
  const weightsAndBiases = packed(gpu, weights.weightHh, rows, hiddenSize, weights)
  const products = grid.inside ? undefined : gpu.empty(batchSize * rows)
  const { h0, c0 } = input
  const storages = { weights: weightsAndBiases, h_all: h, hn, cn, sums, products, h0, c0, tape }
  const run = (first: number, count: number) =>
    gpu.run(
      forwardShader(grid, options),
      listed(forwardStorages(grid, options), storages),
      [numSteps, batchSize, first, count, Number(reverse), inputSize],
      [groupsOf(grid, batchSize)],
    )
  if (products) {
    for (let step = 0; step < numSteps; step++) {
      matmul(gpu, hn, weights.weightHh, products, { m: batchSize, n: rows, k: hiddenSize, transposeB: true })
      run(step, 1)
    }
    gpu.free(products)
  } else run(0, numSteps)
  gpu.free(weightsAndBiases)

  const { head } = weights
  const result = { output: head ? scores(gpu, head, h, hiddenSize) : h, hn, cn }
  if (tape) return { result, tape: new GpuTape(gpu, sizes, weights, input, { sums, tape, h: head && h }) }
  gpu.free(sums)
  if (head) gpu.free(h)
  return { result }
}

/** What a forward pass keeps. */
interface Kept {
  /** The gates at every step, [numSteps, batchSize, gates × hiddenSize]. */
  sums: GpuStorage
  /** h before every step, [numSteps, batchSize, hiddenSize], and then the values that a cell has besides. */
  tape: GpuStorage
  /** h after every step, for a linear output. */
  h?: GpuStorage
}

/** A layer's backward pass, which uses up what the forward pass has kept. */
class GpuTape implements RecurrentTape<GpuStorage> {
  constructor(
    readonly gpu: Gpu,
    readonly sizes: RecurrentSizes,
    readonly weights: Weights,
    readonly given: RecurrentInput<GpuStorage>,
    readonly kept: Kept,
  ) {}

  backward(
    grads: RecurrentOutputGrads<GpuStorage>,
    wanted: { input: boolean; state: boolean },
  ): RecurrentGrads<GpuStorage> {
    const { gpu, sizes, weights, kept } = this
    const { head } = weights
    const withHead =
      head && grads.output ? scoreGradients(gpu, head, kept.h!, grads.output, sizes.hiddenSize) : undefined
    const dy = head ? withHead?.dh : grads.output
    const { dIn, dHidden, dh0, dc0 } = this.#throughTime({ ...grads, output: dy })
    if (withHead) gpu.free(withHead.dh)
    const products = this.#weightGradients(dIn, dHidden, wanted.input)
    for (const storage of [dIn, kept.tape, ...(dHidden === dIn ? [] : [dHidden]), ...(kept.h ? [kept.h] : [])]) {
      gpu.free(storage)
    }
    if (!wanted.state) for (const state of [dh0, dc0]) if (state) gpu.free(state)
    return { ...products, head: withHead?.grads, ...(wanted.state && { h0: dh0, c0: dc0 }) }
  }

  /** The gradients of the sums on the side of the input and on that of the hidden state, and of the first state. */
  #throughTime(grads: RecurrentOutputGrads<GpuStorage>) {
    const { gpu, sizes, weights, kept } = this
    const { cell, numSteps, batchSize, hiddenSize, reverse } = sizes
    const grid = gridOf(gpu, sizes, 'backward')
    const { output: dy, hn: dhn, cn: dcn } = grads
    const options = { dy: !!dy, dhn: grid.inside && !!dhn, dcn: grid.inside && !!dcn }
    const length = batchSize * hiddenSize
    const { sums, tape } = kept
    const hidden = hasOwnHidden(grid) ? gpu.empty(sums.length) : undefined
    const dh0 = grid.inside ? gpu.empty(length) : copyOf(gpu, dhn, length)
    const dc0 = hasC(cell) ? (grid.inside ? gpu.empty(length) : copyOf(gpu, dcn, length)) : undefined
    const rows = gateCount(cell) * hiddenSize
    const product = grid.inside ? undefined : gpu.empty(batchSize * rows)
    const back = grid.inside ? undefined : gpu.zeros(length)
    const weight = weights.weightHh
    const storages = { sums, tape, dh0, dc0, hidden, weight, product, back, dy, dhn, dcn }
    const run = (end: number, count: number) =>
      gpu.run(
        backwardShader(grid, options),
        listed(backwardStorages(grid, options), storages),
        [numSteps, batchSize, end, count, Number(reverse)],
        [groupsOf(grid, batchSize)],
      )
    if (product && back) {
      for (let step = numSteps; step > 0; step--) {
        run(step, 1)
        matmul(gpu, product, weight, back, { m: batchSize, n: hiddenSize, k: rows })
      }
      addScaled(gpu, 1, back, dh0)
      gpu.free(product)
      gpu.free(back)
    } else run(numSteps, numSteps)
    return { dIn: sums, dHidden: hidden ?? sums, dh0, dc0 }
  }

  /** The gradients of weights, biases and input: one product or sum each, over all time steps. */
  #weightGradients(dIn: GpuStorage, dHidden: GpuStorage, wantInput: boolean) {
    const { gpu, sizes, weights, given, kept } = this
    const { cell, numSteps, batchSize, inputSize, hiddenSize } = sizes
    const rows = gateCount(cell) * hiddenSize
    const places = numSteps * batchSize
    const weightHh = gpu.empty(rows * hiddenSize)
    matmul(gpu, dHidden, kept.tape, weightHh, { m: rows, n: hiddenSize, k: places, transposeA: true })
    const { input } = given
    const weightIh = input instanceof Int32Array ? gpu.zeros(rows * inputSize) : gpu.empty(rows * inputSize)
    if (input instanceof Int32Array) tokenGradients(gpu, dIn, input, weightIh, inputSize)
    else matmul(gpu, dIn, input, weightIh, { m: rows, n: inputSize, k: places, transposeA: true })
    const biasIh = weights.biasIh && gpu.empty(rows)
    if (biasIh) sumAxis(gpu, dIn, biasIh, 1, places, rows)
    const biasHh = biasIh && (dHidden === dIn ? copyOf(gpu, biasIh, rows) : gpu.empty(rows))
    if (biasHh && dHidden !== dIn) sumAxis(gpu, dHidden, biasHh, 1, places, rows)
    const wanted = wantInput && !(input instanceof Int32Array)
    const dInput = wanted ? gpu.empty(places * inputSize) : undefined
    if (dInput) matmul(gpu, dIn, weights.weightIh, dInput, { m: places, n: inputSize, k: rows })
    return { weightIh, weightHh, biasIh, biasHh, input: dInput }
  }
}
