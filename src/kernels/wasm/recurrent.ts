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
import { LayerPass, type Wanted } from './layer-pass.js'
import { Layout } from './layout.js'
import type { Allocate } from './linear-memory.js'
import { Normalization } from './normalization.js'
import type { PlanFields } from './plan.js'
import { placed, roomFor } from './resident.js'

/**
 * One recurrent layer in one direction as one operation: lays out what assembly/layer.ts works on.
 * Kept for the backward pass: the gates, the states h (and c), the inputs, and what normalizations need, at all time steps.
 */
export class RecurrentPass extends LayerPass<Part, Place> implements RecurrentTape<HostStorage> {
  readonly #norms: Normalization
  protected override readonly lengths: Record<Part, number>

  constructor(
    engine: Engine,
    sizes: RecurrentSizes,
    weights: RecurrentWeights<HostStorage>,
    input: RecurrentInput<HostStorage>['input'],
  ) {
    const normalized = weights.gainIh ?? weights.gainHh ?? weights.gainC
    super(engine, sizes, weights, input, new Layout(engine.shape, sizes, engine.whole && !normalized))
    this.#norms = new Normalization(engine, this.layout, sizes, weights)
    const { blocks, units, features, steps, parts, rows } = this.layout
    const states = this.layout.sequence(units)
    this.lengths = {
      gates: blocks.blocks * states,
      h: states,
      c: hasC(sizes.cell) ? states : 0,
      inputs: this.tokens ? Math.max(input.length, steps * parts * rows) : this.layout.sequence(features),
      norms: this.#norms.length,
    }
  }

  protected override walkForward(
    { norms, ...at }: Record<Part, number>,
    { input, h0, c0 }: RecurrentInput<HostStorage>,
    allocate: Allocate,
  ): RecurrentOutput {
    const { memory } = this.engine
    const { rows, steps, sequences } = this.layout
    const { numSteps, batchSize, hiddenSize, cell } = this.sizes
    const x = this.tokens ? at.inputs : placed(memory, allocate, input)
    const length = numSteps * batchSize * (this.head?.outFeatures ?? hiddenSize)
    const y = allocate(length)
    if (sequences) memory.zero(y, length)
    if (this.tokens) memory.write(x, this.#tokensInOrder(input as Int32Array))
    this.load(h0, { address: at.h, at: 'first' })
    if (hasC(cell)) this.load(c0, { address: at.c, at: 'first' })

    const team = this.#team(allocate)
    const plan = this.plan(allocate, {
      ...this.#ofSequences(allocate),
      ...at,
      team,
      normalC: at.c,
      ...this.#norms.fields(allocate, norms),
      ...this.head?.forward(allocate),
      state: Number(h0 !== undefined),
      x,
      y,
      bias: this.layerWeights.bias(allocate, this.weights),
      peepholes: this.layerWeights.peepholes(allocate, this.weights),
      inputWeights: this.tokens
        ? this.layerWeights.tokenTable(allocate, this.weights.weightIh)
        : this.layerWeights.forward(allocate, this.weights.weightIh, 'input', steps * rows),
      hiddenWeights: this.layerWeights.forward(allocate, this.weights.weightHh, 'hidden', rows),
    })
    this.#walk('forward', plan, team)
    return {
      output: memory.read(y, length),
      hn: this.read({ address: at.h, at: 'last' }),
      cn: hasC(cell) ? this.read({ address: at.c, at: 'last' }) : undefined,
    }
  }

  protected override walkBackward(
    { norms, ...at }: Record<Part, number>,
    grads: RecurrentOutputGrads<HostStorage>,
    wanted: Wanted,
    allocate: Allocate,
  ): RecurrentGrads<HostStorage> {
    const { memory, pool, residents } = this.engine
    const { blocks, units, rows, parts, steps, slices, sequences, shares } = this.layout
    const { numSteps, batchSize, inputSize, hiddenSize, cell } = this.sizes
    const weights = this.layerWeights
    const states = parts * rows * units
    const zeros = (length: number) => memory.zero(allocate(length), length)
    const [dh, dc] = [zeros(states), zeros(states)]
    // Sequences of one length have those of their last states in place; of unequal lengths, each begins with its own.
    const last = (grad: HostStorage | undefined, address: number) => {
      if (sequences) return grad ? placed(memory, allocate, grad) : zeros(batchSize * hiddenSize)
      if (grad) this.load(grad, { address, at: 'step' })
    }
    const dy = grads.output ? placed(memory, allocate, grads.output) : 0
    const dx = wanted.input ? (sequences ? zeros : allocate)(numSteps * batchSize * inputSize) : 0
    const room = (parameter: HostStorage) => roomFor(residents, allocate, parameter)
    const { weightIh, weightHh, biasIh, biasHh, weightCh } = this.weights
    const [ofInput, ofHidden] = [room(weightIh), room(weightHh)]
    const [ofInputBias, ofHiddenBias] = [biasIh && room(biasIh), biasHh && room(biasHh)]
    const dPeepholes = weightCh ? zeros(3 * states) : 0
    const ofHead = grads.output && this.head?.room(allocate)
    const head = ofHead && this.head?.backward(allocate, ofHead)
    const norm = this.#norms.backward(allocate, norms)

    const team = this.#team(allocate)
    const plan = this.plan(allocate, {
      ...this.#ofSequences(allocate),
      ...at,
      team,
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
      dhn: last(grads.hn, dh),
      dcn: last(grads.cn, dc),
      dbias: allocate(blocks.blocks * units),
      dInputWeights: weights.sums(allocate, 'input', this.tokens),
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
    this.#walk('backward', plan, team)
    pool.run('gradients', plan, slices + (head ? this.layout.slicesOf(head.outputs) : 0))
    if (wanted.input) pool.run('inputGradients', plan, parts * shares)
    return {
      weightIh: ofInput.values(),
      weightHh: ofHidden.values(),
      biasIh: ofInputBias?.values(),
      biasHh: ofHiddenBias?.values(),
      weightCh: weightCh && weights.peepholeGradient(dPeepholes),
      ...norm.gradients(),
      head: ofHead && { weight: ofHead.weight.values(), bias: ofHead.bias?.values() },
      input: wanted.input ? memory.read(dx, numSteps * batchSize * inputSize) : undefined,
      h0: wanted.state ? this.read({ address: dh, at: 'step' }) : undefined,
      c0: wanted.state && hasC(cell) ? this.read({ address: dc, at: 'step' }) : undefined,
    }
  }

  /** The address of the threads that share the units of a single part; 0 where they share nothing or whole parts. */
  #team(allocate: Allocate): number {
    const { shares } = this.layout
    return shares > 1 ? this.engine.teams.make(allocate, shares) : 0
  }

  /** All time steps, in either direction. */
  #walk(direction: 'forward' | 'backward', plan: number, team: number): void {
    const { pool, teams } = this.engine
    const { parts, shares } = this.layout
    if (team) teams.run(`${direction}Together`, plan, team, shares)
    else pool.run(direction, plan, this.layout.groups(parts))
  }

  /**
   * For each part of the batch, or each sequence where they have lengths of their own: where its rows lie in `raw`, how many,
   * where its panels lie, and how far apart.
   */
  protected override eachRows(
    raw: number,
    { address, at }: Place,
    body: (rows: number, count: number, panels: number, panel: number) => void,
  ): void {
    const { rows, parts, width, units, steps, sequences } = this.layout
    const { batchSize, hiddenSize } = this.sizes
    const panel = (at === 'step' ? rows * width : this.layout.panel) * 4
    const step = (count: number) => (at === 'last' ? count * rows * width * 4 : 0)
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
    const { sequences, steps } = this.layout
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
    const { sequences } = this.layout
    return sequences !== undefined && (this.sizes.reverse || !sequences.sorted)
  }

  /** Where sequences lie that have lengths of their own. */
  #ofSequences(allocate: Allocate): PlanFields {
    const { sequences } = this.layout
    const numbers = (values: Int32Array) => placed(this.engine.memory, allocate, values)
    return {
      lengths: sequences && numbers(sequences.lengths),
      order: sequences && this.#apart ? numbers(sequences.order) : 0,
    }
  }
}

/** What is kept for the backward pass: `norms` is what normalizations need. */
type Part = 'gates' | 'h' | 'c' | 'inputs' | 'norms'

/** Panels of one time step, or those of whole sequences, before their first step or after their last one. */
interface Place {
  address: number
  at: 'step' | 'first' | 'last'
}
