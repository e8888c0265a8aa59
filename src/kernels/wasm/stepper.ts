import type { FloatArray, RecurrentSizes, Stack, Stepper } from '../kernels.js'
import { Layout, roundUp } from './layout.js'
import type { Engine } from './module.js'
import { layerFields, PLAN_LENGTH, writePlan } from './plan.js'
import { selectRows } from './select.js'
import { LayerWeights } from './weights.js'

/** Gives back the memory of steppers that nobody freed. */
const abandoned = new FinalizationRegistry<() => void>((free) => free())

/** A stack whose weights and states stay in the linear memory from token to token. */
export class WasmStepper implements Stepper {
  readonly #engine: Engine
  readonly #layers: { plan: number; parts: number; layout: Layout; states: readonly number[] }[]
  readonly #at: { tokens: number; x: number; rows: number; weight: number; bias: number; sums: number; scores: number }
  readonly #free: () => void
  readonly #features: number
  readonly #depth: number
  readonly outFeatures: number

  constructor(
    engine: Engine,
    { layers, weight, bias, outFeatures }: Stack,
    readonly batchSize: number,
  ) {
    const { memory, code } = engine
    const addresses: number[] = []
    const allocate = (length: number) => {
      const address = memory.allocate(length)
      addresses.push(address)
      return address
    }
    const zeros = (length: number) => {
      const address = allocate(length)
      memory.zero(address, length)
      return address
    }
    this.#engine = engine
    const tokens = allocate(batchSize)
    let x = tokens
    this.#layers = layers.map(({ weights, ...layer }, i) => {
      const sizes: RecurrentSizes = { ...layer, numSteps: 1, batchSize, reverse: false }
      const layout = new Layout(engine.shape, sizes)
      const operands = new LayerWeights(engine, layout, sizes)
      const { blocks, units, features, parts } = layout
      const y = allocate(batchSize * layer.hiddenSize)
      const plan = allocate(PLAN_LENGTH)
      const [h, c] = [zeros(layout.sequence(units)), zeros(layout.sequence(units))]
      writePlan(memory, plan, {
        ...layerFields(layout, sizes),
        stateStep: 0,
        state: 1,
        tokens: Number(i === 0),
        x,
        y,
        inputs: i === 0 ? 0 : zeros(layout.sequence(features)),
        gates: zeros(blocks.blocks * layout.sequence(units)),
        h,
        c,
        bias: operands.bias(allocate, weights),
        inputWeights:
          i === 0
            ? operands.tokenTable(allocate, weights.weightIh)
            : operands.forward(allocate, weights.weightIh, 'input'),
        hiddenWeights: operands.forward(allocate, weights.weightHh, 'hidden'),
      })
      x = y
      return { plan, parts, layout, states: layer.cell === 'lstm' ? [h, c] : [h] }
    })
    this.#features = weight.length / outFeatures
    this.#depth = roundUp(this.#features, 8)
    const columns = roundUp(outFeatures, 8)
    const rows = this.#rows
    this.#at = {
      tokens,
      x,
      rows: zeros(rows * this.#depth),
      weight: zeros(this.#depth * columns),
      bias: zeros(columns),
      sums: allocate(rows * columns),
      scores: allocate(batchSize * outFeatures),
    }
    memory.scope((scratch) => {
      const raw = scratch(weight.length)
      memory.write(raw, weight)
      code.loadColumns(raw, outFeatures, this.#features, this.#at.weight, this.#depth * 32, 8)
    })
    if (bias) memory.write(this.#at.bias, bias)
    this.outFeatures = outFeatures
    this.#free = () => {
      for (const address of addresses.splice(0)) memory.free(address)
    }
    abandoned.register(this, this.#free)
  }

  step(tokens: Int32Array): FloatArray {
    const { code, memory, pool } = this.#engine
    const { batchSize, outFeatures } = this
    const at = this.#at
    memory.write(at.tokens, tokens)
    for (const { plan, parts } of this.#layers) pool.run('forward', plan, parts)
    const [rows, depth, columns] = [this.#rows, this.#depth, roundUp(outFeatures, 8)]
    code.loadRows(at.x, batchSize, this.#features, at.rows, rows * 32, 8)
    code.fillRows(at.bias, at.sums, rows * 32, rows, columns, 8)
    code.multiply(at.rows, rows * 32, at.weight, at.sums, rows * 32, rows, depth, columns)
    code.storeRows(at.sums, rows * 32, at.scores, batchSize, outFeatures, 8)
    return memory.read(at.scores, batchSize * outFeatures)
  }

  select(rows: Int32Array): void {
    for (const { layout, states } of this.#layers) {
      for (const address of states) selectRows(this.#engine.memory, layout, address, rows)
    }
  }

  free(): void {
    this.#free()
  }

  get #rows(): number {
    return this.batchSize === 1 ? 1 : roundUp(this.batchSize, 4)
  }
}
