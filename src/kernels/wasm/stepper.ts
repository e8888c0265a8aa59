import { hasC } from '../../device/cells.js'
import type { FloatArray, RecurrentSizes, Stack, Stepper, StepState } from '../../device/device.js'
import type { HostStorage } from '../host/host.js'
import type { Engine } from './compile.js'
import { planFields } from './from-assembly.js'
import { HeadPass } from './head.js'
import { Layout } from './layout.js'
import type { Allocate } from './linear-memory.js'
import { Normalization } from './normalization.js'
import { layerFields, PLAN_LENGTH, writePlan } from './plan.js'
import { readRow, selectRows, writeRow } from './select.js'
import { LayerWeights } from './weights.js'

/** The places of the fields of a plan that change from token to token. */
const [PARTS, GROUP] = (['parts', 'group'] as const).map((field) => planFields.indexOf(field))

/** Frees the memory of steppers that nobody freed. */
const abandoned = new FinalizationRegistry<() => void>((free) => free())

/** A stack whose weights and states stay in the linear memory from token to token. */
export class WasmStepper implements Stepper {
  readonly #engine: Engine
  /** With the pieces of work of a step, `groups`. */
  readonly #layers: { plan: number; groups: number; layout: Layout; states: readonly number[]; hiddenSize: number }[]
  readonly #batchSize: number
  /** Sequences that advance, as the plans have it. */
  #count: number
  readonly #outFeatures: number
  readonly #tokens: number
  readonly #scores: number
  readonly #free: () => void

  constructor(engine: Engine, stack: Stack<HostStorage>, batchSize: number) {
    const { memory } = engine
    this.#engine = engine
    const { made, free } = memory.keep((allocate) => layOut(engine, stack, batchSize, allocate))
    this.#layers = made.layers
    this.#tokens = made.tokens
    this.#scores = made.scores
    this.#batchSize = batchSize
    this.#count = batchSize
    this.#outFeatures = stack.outFeatures
    this.#free = free
    abandoned.register(this, free)
  }

  step(tokens: Int32Array, count = this.#batchSize): FloatArray {
    const { memory, pool } = this.#engine
    memory.write(this.#tokens, tokens)
    if (count !== this.#count) this.#advance(count)
    for (const { plan, groups } of this.#layers) pool.run('forward', plan, groups)
    return memory.read(this.#scores, count * this.#outFeatures)
  }

  /** Writes into the plans that so many sequences advance. */
  #advance(count: number): void {
    const { ints } = this.#engine.memory
    this.#count = count
    for (const layer of this.#layers) {
      // Whole parts advance: sequences in the same part as one of the first `count` do too, which does no harm.
      const active = Math.ceil(count / layer.layout.rows)
      ints[layer.plan / 4 + PARTS] = active
      ints[layer.plan / 4 + GROUP] = layer.layout.groupOf(active)
      layer.groups = layer.layout.groups(active)
    }
  }

  select(rows: Int32Array): void {
    for (const { layout, states } of this.#layers) {
      for (const address of states) selectRows(this.#engine.memory, layout, address, rows)
    }
  }

  stateOf(row: number): Float32Array[] {
    const { memory } = this.#engine
    return this.#layers.flatMap(({ layout, states, hiddenSize }) =>
      states.map((address) => readRow(memory, layout, address, row, hiddenSize)),
    )
  }

  setState(row: number, state: StepState | undefined): void {
    let i = 0
    for (const { layout, states, hiddenSize } of this.#layers) {
      for (const address of states) {
        const values = state ? (state[i++] as FloatArray) : new Float32Array(hiddenSize)
        writeRow(this.#engine.memory, layout, address, row, values)
      }
    }
  }

  free(): void {
    this.#free()
  }
}

/** Lays out the weights and states of a stack, with the plan of each layer. */
function layOut(
  engine: Engine,
  { layers, weight, bias, outFeatures }: Stack<HostStorage>,
  batchSize: number,
  allocate: Allocate,
) {
  const { memory } = engine
  const zeros = (length: number) => memory.zero(allocate(length), length)
  const tokens = allocate(batchSize)
  let x = tokens
  const made = layers.map(({ weights, ...layer }, i) => {
    const sizes: RecurrentSizes = { ...layer, numSteps: 1, batchSize, reverse: false }
    const layout = new Layout(engine.shape, sizes)
    const operands = new LayerWeights(engine, layout, sizes, true)
    const { blocks, units, features, parts, rows } = layout
    const last = i === layers.length - 1
    const y = allocate(batchSize * (last ? outFeatures : layer.hiddenSize))
    const plan = allocate(PLAN_LENGTH)
    const [h, c] = [zeros(layout.sequence(units)), zeros(layout.sequence(units))]
    const norms = new Normalization(engine, layout, sizes, weights)
    writePlan(memory, plan, {
      ...layerFields(layout, sizes),
      ...(last && new HeadPass(engine, { weight, bias }, layout, sizes, true).forward(allocate)),
      stateStep: 0,
      state: 1,
      tokens: Number(i === 0),
      x,
      y,
      inputs: i === 0 ? 0 : zeros(layout.sequence(features)),
      gates: zeros(blocks.blocks * layout.sequence(units)),
      h,
      c,
      normalC: c,
      ...norms.fields(allocate, zeros(norms.length)),
      bias: operands.bias(allocate, weights),
      peepholes: operands.peepholes(allocate, weights),
      inputWeights:
        i === 0
          ? operands.tokenTable(allocate, weights.weightIh)
          : operands.forward(allocate, weights.weightIh, 'input', rows),
      hiddenWeights: operands.forward(allocate, weights.weightHh, 'hidden', rows),
    })
    x = y
    const states = hasC(layer.cell) ? [h, c] : [h]
    return { plan, groups: layout.groups(parts), layout, states, hiddenSize: layer.hiddenSize }
  })
  return { layers: made, tokens, scores: x }
}
