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
import type { HostStorage } from '../host/host.js'
import type { Engine } from './compile.js'
import { HeadPass } from './head.js'
import { Layout } from './layout.js'
import type { Allocate } from './linear-memory.js'
import { Normalization } from './normalization.js'
import { layerFields, PLAN_LENGTH, type PlanFields, writePlan } from './plan.js'
import { arrayIn, placed, roomFor } from './resident.js'
import type { Kept, Tapes } from './tapes.js'
import { LayerWeights } from './weights.js'

/**
 * One recurrent layer in one direction as one operation: lays out what assembly/layer.ts works on.
 * Kept for the backward pass: the gates, the states h (and c), the inputs, and what normalizations need, at all time steps.
 */
export class RecurrentPass implements RecurrentTape<HostStorage> {
  readonly #layout: Layout
  readonly #weights: LayerWeights
  readonly #norms: Normalization
  readonly #head: HeadPass | undefined
  readonly #tokens: boolean
  /** Lengths of the kept parts. */
  readonly #lengths: Lengths
  #kept: Kept | undefined

  constructor(
    readonly engine: Engine,
    readonly sizes: RecurrentSizes,
    readonly weights: RecurrentWeights<HostStorage>,
    input: RecurrentInput<HostStorage>['input'],
  ) {
    this.#layout = new Layout(engine.shape, sizes)
    this.#weights = new LayerWeights(engine, this.#layout, sizes)
    this.#norms = new Normalization(engine, this.#layout, sizes, weights)
    this.#head = weights.head && new HeadPass(engine, weights.head, this.#layout, sizes)
    this.#tokens = input instanceof Int32Array
    const { blocks, units, features, steps, parts, rows } = this.#layout
    const states = this.#layout.sequence(units)
    this.#lengths = {
      gates: blocks.blocks * states,
      h: states,
      c: hasC(sizes.cell) ? states : 0,
      inputs: this.#tokens ? Math.max(input.length, steps * parts * rows) : this.#layout.sequence(features),
      norms: this.#norms.length,
    }
  }

  forward(input: RecurrentInput<HostStorage>, tapes: Tapes | undefined): RecurrentOutput {
    const { memory } = this.engine
    const length = Object.values(this.#lengths).reduce((sum, part) => sum + part)
    const base = memory.allocate(length)
    const { padded, features } = this.#layout
    if (padded || (!this.#tokens && features !== this.sizes.inputSize)) memory.zero(base, length)
    try {
      const result = memory.scope((allocate) => this.#forward(base, input, allocate))
      if (tapes) this.#kept = tapes.keep(base, length)
      return result
    } finally {
      if (!this.#kept) memory.free(base)
    }
  }

  backward(
    grads: RecurrentOutputGrads<HostStorage>,
    wanted: { input: boolean; state: boolean },
  ): RecurrentGrads<HostStorage> {
    const kept = this.#kept!
    try {
      return this.engine.memory.scope((allocate) => this.#backward(kept.take(), grads, wanted, allocate))
    } finally {
      kept.free()
    }
  }

  #forward(base: number, { input, h0, c0 }: RecurrentInput<HostStorage>, allocate: Allocate): RecurrentOutput {
    const { memory, pool } = this.engine
    const { parts, rows, steps, sequences } = this.#layout
    const { numSteps, batchSize, hiddenSize, cell } = this.sizes
    const { norms, ...at } = this.#addresses(base)
    const x = this.#tokens ? at.inputs : placed(memory, allocate, input)
    const length = numSteps * batchSize * (this.#head?.outFeatures ?? hiddenSize)
    const y = allocate(length)
    if (sequences) memory.zero(y, length)
    if (this.#tokens) memory.write(x, this.#tokensInOrder(input as Int32Array))
    this.#loadState(h0, at.h, 'first')
    if (hasC(cell)) this.#loadState(c0, at.c, 'first')

    const plan = this.#plan(allocate, {
      ...at,
      normalC: at.c,
      ...this.#norms.fields(allocate, norms),
      ...this.#head?.forward(allocate),
      state: Number(h0 !== undefined),
      x,
      y,
      bias: this.#weights.bias(allocate, this.weights),
      peepholes: this.#weights.peepholes(allocate, this.weights),
      inputWeights: this.#tokens
        ? this.#weights.tokenTable(allocate, this.weights.weightIh)
        : this.#weights.forward(allocate, this.weights.weightIh, 'input', steps * rows),
      hiddenWeights: this.#weights.forward(allocate, this.weights.weightHh, 'hidden', rows),
    })
    pool.run('forward', plan, this.#layout.groups(parts))
    return {
      output: memory.read(y, length),
      hn: this.#readState(at.h, 'last'),
      cn: hasC(cell) ? this.#readState(at.c, 'last') : undefined,
    }
  }

  #backward(
    base: number,
    grads: RecurrentOutputGrads<HostStorage>,
    wanted: { input: boolean; state: boolean },
    allocate: Allocate,
  ): RecurrentGrads<HostStorage> {
    const { memory, pool, residents } = this.engine
    const { blocks, units, rows, parts, steps, slices, sequences } = this.#layout
    const { numSteps, batchSize, inputSize, cell } = this.sizes
    const { norms, ...at } = this.#addresses(base)
    const weights = this.#weights
    const states = parts * rows * units
    const [dh, dc] = [allocate(states), allocate(states)]
    memory.zero(dh, states)
    memory.zero(dc, states)
    if (!sequences) {
      this.#loadState(grads.hn, dh, 'step')
      this.#loadState(grads.cn, dc, 'step')
    }
    const last = (grad: HostStorage | undefined) => (sequences && grad ? placed(memory, allocate, grad) : 0)
    const dy = grads.output ? placed(memory, allocate, grads.output) : 0
    const dx = wanted.input ? allocate(numSteps * batchSize * inputSize) : 0
    if (sequences && wanted.input) memory.zero(dx, numSteps * batchSize * inputSize)
    const room = (parameter: HostStorage) => roomFor(residents, allocate, parameter)
    const { weightIh, weightHh, biasIh, biasHh, weightCh } = this.weights
    const [ofInput, ofHidden] = [room(weightIh), room(weightHh)]
    const [ofInputBias, ofHiddenBias] = [biasIh && room(biasIh), biasHh && room(biasHh)]
    const dPeepholes = weightCh ? allocate(3 * states) : 0
    if (weightCh) memory.zero(dPeepholes, 3 * states)
    const ofHead = grads.output && this.#head?.room(allocate)
    const head = ofHead && this.#head?.backward(allocate, ofHead)
    const norm = this.#norms.backward(allocate, norms)

    const plan = this.#plan(allocate, {
      ...at,
      normalC: at.c,
      dNormalC: dc,
      ...norm.fields,
      ...head,
      state: Number(wanted.state),
      x: at.inputs,
      dx,
      dy,
      dh,
      dc,
      dhn: last(grads.hn),
      dcn: last(grads.cn),
      dbias: allocate(blocks.blocks * units),
      dInputWeights: weights.sums(allocate, 'input', this.#tokens),
      dHiddenWeights: weights.sums(allocate, 'hidden', false),
      inputGrad: ofInput.address,
      hiddenGrad: ofHidden.address,
      inputBiasGrad: ofInputBias?.address,
      hiddenBiasGrad: ofHiddenBias?.address,
      peepholes: weights.peepholes(allocate, this.weights),
      dPeepholes,
      inputWeightsBack: wanted.input ? weights.backward(allocate, weightIh, 'input', steps * rows) : 0,
      hiddenWeightsBack: weights.backward(allocate, weightHh, 'hidden', rows),
    })
    pool.run('backward', plan, this.#layout.groups(parts))
    pool.run('gradients', plan, slices + (head ? this.#layout.slicesOf(head.outputs) : 0))
    if (wanted.input) pool.run('inputGradients', plan, parts)
    return {
      weightIh: ofInput.values(),
      weightHh: ofHidden.values(),
      biasIh: ofInputBias?.values(),
      biasHh: ofHiddenBias?.values(),
      weightCh: weightCh && weights.peepholeGradient(dPeepholes),
      ...norm.gradients(),
      head: ofHead && { weight: ofHead.weight.values(), bias: ofHead.bias?.values() },
      input: wanted.input ? memory.read(dx, numSteps * batchSize * inputSize) : undefined,
      h0: wanted.state ? this.#readState(dh, 'step') : undefined,
      c0: wanted.state && hasC(cell) ? this.#readState(dc, 'step') : undefined,
    }
  }

  /** Writes a state [batchSize, hiddenSize], or zeros if it is absent, to the beginning of the sequences or to a single step. */
  #loadState(state: HostStorage | undefined, address: number, place: Place): void {
    if (!state && place === 'step') return
    const { code, memory } = this.engine
    const { batchSize, hiddenSize } = this.sizes
    memory.scope((allocate) => {
      const raw = allocate(batchSize * hiddenSize)
      if (state) memory.write(raw, arrayIn(memory, state))
      else memory.zero(raw, batchSize * hiddenSize)
      this.#eachRows(raw, address, place, (rows, count, panels, panel) => {
        code.loadRows(rows, count, hiddenSize, panels, panel, this.#layout.width)
      })
    })
  }

  #readState(address: number, place: Place): Float32Array {
    const { code, memory } = this.engine
    const { batchSize, hiddenSize } = this.sizes
    return memory.scope((allocate) => {
      const raw = allocate(batchSize * hiddenSize)
      this.#eachRows(raw, address, place, (rows, count, panels, panel) => {
        code.storeRows(panels, panel, rows, count, hiddenSize, this.#layout.width)
      })
      return memory.read(raw, batchSize * hiddenSize)
    })
  }

  /**
   * For each part of the batch, or each sequence where they have lengths of their own: where its rows lie in `raw`, how many,
   * where its panels lie, and how far apart.
   */
  #eachRows(
    raw: number,
    address: number,
    place: Place,
    body: (rows: number, count: number, panels: number, panel: number) => void,
  ): void {
    const { rows, parts, width, units, steps, sequences } = this.#layout
    const { batchSize, hiddenSize } = this.sizes
    const panel = (place === 'step' ? rows * width : this.#layout.panel) * 4
    const step = (count: number) => (place === 'last' ? count * rows * width * 4 : 0)
    for (let part = 0; part < parts; part++) {
      const first = part * rows
      const panels = address + part * (units / width) * panel
      if (!sequences) {
        body(raw + first * hiddenSize * 4, Math.min(rows, batchSize - first), panels + step(steps), panel)
        continue
      }
      for (let row = 0; row < rows; row++) {
        const [sequence, length] = [sequences.order[first + row], sequences.lengths[first + row]]
        if (length > 0) body(raw + sequence * hiddenSize * 4, 1, panels + row * width * 4 + step(length), panel)
      }
    }
  }

  /** The tokens of all steps, in the order of the kernels' rows where that is not the batch's. */
  #tokensInOrder(tokens: Int32Array): Int32Array {
    const { sequences, steps } = this.#layout
    if (!sequences || !this.#apart) return tokens
    const { batchSize, reverse } = this.sizes
    const { order, lengths } = sequences
    const ordered = new Int32Array(steps * order.length)
    for (const [row, sequence] of order.entries()) {
      for (let s = 0; s < lengths[row]; s++) {
        ordered[s * order.length + row] = tokens[(reverse ? lengths[row] - 1 - s : s) * batchSize + sequence]
      }
    }
    return ordered
  }

  /** Whether sequences are in another order than the batch's, or read another time in the same step. */
  get #apart(): boolean {
    const { sequences } = this.#layout
    return sequences !== undefined && (this.sizes.reverse || !sequences.sorted)
  }

  #plan(allocate: Allocate, addresses: PlanFields): number {
    const plan = allocate(PLAN_LENGTH)
    const { sequences } = this.#layout
    const numbers = (values: Int32Array) => placed(this.engine.memory, allocate, values)
    writePlan(this.engine.memory, plan, {
      ...layerFields(this.#layout, this.sizes),
      tokens: Number(this.#tokens),
      lengths: sequences && numbers(sequences.lengths),
      order: sequences && this.#apart ? numbers(sequences.order) : 0,
      ...addresses,
    })
    return plan
  }

  /** The address of each kept part, counted from `base`. */
  #addresses(base: number): Lengths {
    let end = base
    const places = Object.entries(this.#lengths).map(([part, length]) => {
      end += length * 4
      return [part, end - length * 4]
    })
    return Object.fromEntries(places) as Lengths
  }
}

/** A number for each part of what is kept. */
type Lengths = Record<'gates' | 'h' | 'c' | 'inputs' | 'norms', number>

/** Panels of one time step, or those of whole sequences, before their first step or after their last one. */
type Place = 'step' | 'first' | 'last'
