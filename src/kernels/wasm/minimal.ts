import type {
  Device,
  LayerSizes,
  RecurrentGrads,
  RecurrentInput,
  RecurrentOutput,
  RecurrentOutputGrads,
  RecurrentWeights,
  RunLayer,
} from '../../device/device.js'
import type { HostStorage } from '../host/host.js'
import type { Engine } from './compile.js'
import { LayerPass, type Wanted } from './layer-pass.js'
import { Layout, type MatrixFormat } from './layout.js'
import type { Allocate } from './linear-memory.js'
import type { PlanFields } from './plan.js'
import { placed, roomFor } from './resident.js'
import { WasmKernels } from './wasm.js'

/** Time steps of a chunk, and from how many parts of the batch on chunks go in order: the same for any number of threads. */
const [CHUNK, ENOUGH] = [32, 4]

/** A chunk of one step would be a product of a single row, for which weights are laid out in another way. */
function chunkSteps(numSteps: number): number {
  let steps = CHUNK
  while (numSteps > steps && numSteps % steps === 1) steps++
  return Math.min(steps, numSteps)
}

/** The layout of a layer whose sequences are cut into chunks of time, each of which is a part of its own. */
class ChunkLayout extends Layout {
  readonly chunks: number
  /** Whether a piece of work takes all chunks of its sequences in order: see assembly/minimal.ts. */
  readonly inOrder: boolean

  constructor(shape: MatrixFormat, sizes: LayerSizes) {
    const steps = chunkSteps(sizes.numSteps)
    super(shape, { ...sizes, numSteps: steps })
    this.chunks = Math.ceil(sizes.numSteps / steps)
    this.inOrder = this.chunks === 1 || this.parts >= ENOUGH
    this.parts *= this.chunks
  }
}

/**
 * One layer in one direction whose gates depend on the input alone, as one operation: lays out what assembly/minimal.ts works
 * on. Kept for the backward pass: the gates, a MinLSTM's z, the states and the inputs at all time steps.
 */
class MinimalPass extends LayerPass<Part, Place, Omit<RecurrentGrads<HostStorage>, 'weightHh'>> {
  declare protected readonly layout: ChunkLayout
  protected override readonly lengths: Record<Part, number>

  constructor(
    engine: Engine,
    sizes: LayerSizes,
    weights: RecurrentWeights<HostStorage>,
    input: HostStorage | Int32Array,
  ) {
    super(engine, sizes, weights, input, new ChunkLayout(engine.shape, sizes))
    const { blocks, units, features } = this.layout
    const states = this.layout.sequence(units)
    this.lengths = {
      gates: blocks.blocks * states,
      h: states,
      c: sizes.cell === 'minlstm' ? states : 0,
      inputs: this.tokens ? input.length : this.layout.sequence(features),
    }
  }

  protected override walkForward(
    at: Record<Part, number>,
    { input, h0 }: RecurrentInput<HostStorage>,
    allocate: Allocate,
  ): RecurrentOutput {
    const { memory, pool } = this.engine
    const { parts, rows, steps, chunks, inOrder, panel } = this.layout
    const { numSteps, batchSize, hiddenSize } = this.sizes
    const x = this.tokens ? at.inputs : placed(memory, allocate, input)
    if (this.tokens) memory.write(x, input as Int32Array)
    const length = numSteps * batchSize * (this.head?.outFeatures ?? hiddenSize)
    const y = allocate(length)
    this.load(h0, { address: at.h, chunk: 0, panel })
    const carried = this.#carried(allocate)
    const plan = this.plan(allocate, {
      ...this.#chunks,
      ...at,
      ...carried,
      ...this.head?.forward(allocate),
      x,
      y,
      bias: this.layerWeights.bias(allocate, this.weights),
      inputWeights: this.tokens
        ? this.layerWeights.tokenTable(allocate, this.weights.weightIh)
        : this.layerWeights.forward(allocate, this.weights.weightIh, 'input', steps * rows),
    })
    pool.run('minimalGates', plan, inOrder ? parts / chunks : parts)
    if (!inOrder) {
      for (let chunk = 1; chunk < chunks; chunk++) this.#handOn(carried, at.h, panel, chunk - 1, chunk)
      pool.run('minimalStates', plan, parts)
    }
    const last = numSteps - (chunks - 1) * steps
    return { output: memory.read(y, length), hn: this.read({ address: at.h, chunk: chunks - 1, step: last, panel }) }
  }

  protected override walkBackward(
    at: Record<Part, number>,
    grads: RecurrentOutputGrads<HostStorage>,
    wanted: Wanted,
    allocate: Allocate,
  ): Omit<RecurrentGrads<HostStorage>, 'weightHh'> {
    const { memory, pool, residents } = this.engine
    const { blocks, units, rows, parts, steps, chunks, inOrder, slices, width, padded } = this.layout
    const { numSteps, batchSize, inputSize } = this.sizes
    const weights = this.layerWeights
    const { weightIh, biasIh } = this.weights
    const allRows = steps * rows
    const dh = memory.zero(allocate(parts * rows * units), parts * rows * units)
    const step = rows * width
    this.load(grads.hn, { address: dh, chunk: chunks - 1, panel: step })
    const dx = wanted.input ? allocate(numSteps * batchSize * inputSize) : 0
    const ofInput = roomFor(residents, allocate, weightIh)
    const ofBias = biasIh && roomFor(residents, allocate, biasIh)
    const ofHead = grads.output && this.head?.room(allocate)
    const head = ofHead && this.head?.backward(allocate, ofHead, allRows)
    const states = this.layout.sequence(units) / (inOrder ? chunks : 1)
    const dhs = allocate(states)
    if (!head && (padded || !grads.output)) memory.zero(dhs, states)
    const carried = this.#carried(allocate)
    const plan = this.plan(allocate, {
      ...this.#chunks,
      ...at,
      ...carried,
      ...head,
      x: at.inputs,
      dx,
      dy: grads.output ? placed(memory, allocate, grads.output) : 0,
      dh,
      dhs,
      dbias: allocate(blocks.blocks * units),
      dInputWeights: weights.sums(allocate, 'input', this.tokens),
      inputGrad: ofInput.address,
      inputBiasGrad: ofBias?.address,
      inputWeightsBack: wanted.input ? weights.backward(allocate, weightIh, 'input', allRows) : 0,
    })
    pool.run('minimalBackward', plan, inOrder ? parts / chunks : parts)
    if (!inOrder) {
      for (let chunk = chunks - 1; chunk > 0; chunk--) this.#handOn(carried, dh, step, chunk, chunk - 1)
      pool.run('minimalGradients', plan, parts)
    }
    pool.run('gradients', plan, slices + (head ? this.layout.slicesOf(head.outputs) : 0))
    if (wanted.input) pool.run('inputGradients', plan, parts)
    return {
      weightIh: ofInput.values(),
      biasIh: ofBias?.values(),
      head: ofHead && { weight: ofHead.weight.values(), bias: ofHead.bias?.values() },
      input: wanted.input ? memory.read(dx, numSteps * batchSize * inputSize) : undefined,
      h0: wanted.state ? this.read({ address: dh, chunk: 0, panel: step }) : undefined,
    }
  }

  /** What a chunk begins with, from what the chunk `from` has begun with: the states, or going back their gradients. */
  #handOn({ carried, kept }: Carried, states: number, panel: number, from: number, to: number): void {
    const { rows, parts, chunks, units, width } = this.layout
    const { floats } = this.engine.memory
    const step = rows * width
    for (let first = 0; first < parts; first += chunks) {
      for (let p = 0; p < units / width; p++) {
        const [a, b] = [first + from, first + to].map((part) => states / 4 + (part * (units / width) + p) * panel)
        const own = ((first + from) * (units / width) + p) * step
        for (let i = 0; i < step; i++) {
          floats[b + i] = floats[carried / 4 + own + i] + floats[kept / 4 + own + i] * floats[a + i]
        }
      }
    }
  }

  /** Room for what chunks hand on. */
  #carried(allocate: Allocate): Carried {
    const { parts, rows, units } = this.layout
    return { carried: allocate(parts * rows * units), kept: allocate(parts * rows * units) }
  }

  /** For the rows of each part of the batch: where they lie in `raw`, how many, and where their panels lie. */
  protected override eachRows(
    raw: number,
    { address, chunk, step = 0, panel }: Place,
    body: (rows: number, count: number, panels: number, panel: number) => void,
  ): void {
    const { rows, parts, chunks, width, units } = this.layout
    const { batchSize, hiddenSize } = this.sizes
    for (let part = 0; part < parts / chunks; part++) {
      const panels = address + ((part * chunks + chunk) * (units / width) * panel + step * rows * width) * 4
      body(raw + part * rows * hiddenSize * 4, Math.min(rows, batchSize - part * rows), panels, panel * 4)
    }
  }

  /** How the sequences are cut into chunks. */
  get #chunks(): PlanFields {
    const { chunks, inOrder } = this.layout
    return { chunks, allSteps: this.sizes.numSteps, inOrder: Number(inOrder) }
  }
}

/** What is kept for the backward pass. */
type Part = 'gates' | 'h' | 'c' | 'inputs'

/** Addresses of what chunks hand on, and of the factors of what they got: [parts, rows × units] in panels. */
type Carried = Record<'carried' | 'kept', number>

/** A step of a chunk in panels that are so many values apart. */
interface Place {
  address: number
  chunk: number
  step?: number
  panel: number
}

/**
 * The operation of a device that runs a whole layer of such cells with its products and its linear output, as
 * `Device.recurrent` those of others; undefined if it has none. The sizes have no `lengths`.
 */
export function minimalLayerOf(device: Device): RunLayer | undefined {
  if (!(device instanceof WasmKernels && device.engine.whole)) return undefined
  const { engine, tapes } = device
  const run = (
    sizes: LayerSizes,
    weights: RecurrentWeights<HostStorage>,
    input: RecurrentInput<HostStorage>,
    keep: boolean,
  ) => {
    const pass = new MinimalPass(engine, sizes, weights, input.input)
    return { result: pass.forward(input, keep ? tapes : undefined), tape: keep ? pass : undefined }
  }
  return run as unknown as RunLayer
}
