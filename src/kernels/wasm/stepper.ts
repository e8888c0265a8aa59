import type { FloatArray, Stack, Stepper } from '../kernels.js'
import { PackedCell } from './cell.js'
import { roundUp } from './layout.js'
import type { Engine } from './module.js'
import { LayerPanels } from './panels.js'
import { type Operand, PanelProducts } from './products.js'

interface Layer {
  cell: PackedCell
  gates: number
  h: number
  c: number
}

/** Gives back the memory of steppers that nobody freed. */
const abandoned = new FinalizationRegistry<() => void>((free) => free())

/** A stack whose weights and states stay in the linear memory from token to token. */
export class WasmStepper implements Stepper {
  readonly #engine: Engine
  readonly #products: PanelProducts
  readonly #layers: Layer[]
  readonly #weight: Operand
  readonly #at: { tokens: number; bias: number; sums: number; scores: number }
  readonly #free: () => void
  readonly outFeatures: number

  constructor(
    engine: Engine,
    { layers, weight, bias, outFeatures }: Stack,
    readonly batchSize: number,
  ) {
    const { memory } = engine
    const addresses: number[] = []
    const allocate = (length: number) => {
      const address = memory.allocate(length)
      addresses.push(address)
      return address
    }
    this.#engine = engine
    this.#products = new PanelProducts(engine)
    this.#layers = layers.map(({ weights, ...layer }, i) => {
      const sizes = { ...layer, numSteps: 1, batchSize, reverse: false }
      const panels = new LayerPanels(engine, this.#products, sizes, false)
      const { block, blocks } = panels
      const [h, c] = [allocate(block), allocate(block)]
      memory.zero(h, block)
      memory.zero(c, block)
      return { cell: new PackedCell(panels, allocate, weights, i === 0), gates: allocate(blocks.blocks * block), h, c }
    })
    const columns = roundUp(outFeatures, 8)
    this.#weight = memory.scope((scratch) => {
      const raw = scratch(weight.length)
      memory.write(raw, weight)
      return this.#products.pack(allocate, raw, outFeatures, weight.length / outFeatures, 'forward')
    })
    this.#at = {
      tokens: allocate(batchSize),
      bias: allocate(columns),
      sums: allocate(this.#products.rows(batchSize, false) * columns),
      scores: allocate(batchSize * outFeatures),
    }
    memory.zero(this.#at.bias, columns)
    if (bias) memory.write(this.#at.bias, bias)
    this.outFeatures = outFeatures
    this.#free = () => {
      for (const address of addresses.splice(0)) memory.free(address)
    }
    abandoned.register(this, this.#free)
  }

  step(tokens: Int32Array): FloatArray {
    const { code, memory } = this.#engine
    const { batchSize, outFeatures } = this
    const at = this.#at
    memory.write(at.tokens, tokens)
    let x = at.tokens
    for (const { cell, gates, h, c } of this.#layers) {
      cell.advance(x, gates, cell.panels.block * 4, h, h, c, c)
      x = h
    }
    const rows = this.#products.rows(batchSize, false)
    code.fillRows(at.bias, at.sums, rows, this.#weight.units, 8)
    this.#products.forward(x, this.#weight, at.sums, rows)
    code.unpack(at.sums, at.scores, batchSize, outFeatures, rows, 8)
    return memory.read(at.scores, batchSize * outFeatures)
  }

  free(): void {
    this.#free()
  }
}
