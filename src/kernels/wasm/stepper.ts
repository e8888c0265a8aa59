import type { FloatArray, Stack, Stepper } from '../kernels.js'
import { PackedCell } from './cell.js'
import { panelBytes, roundUp } from './layout.js'
import type { Engine } from './module.js'
import { LayerPanels } from './panels.js'

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
  readonly #layers: Layer[]
  readonly #size: { batchSize: number; rows: number; units: number; outFeatures: number; columns: number }
  readonly #at: { tokens: number; weight: number; bias: number; sums: number; scores: number }
  readonly #free: () => void

  constructor(engine: Engine, { layers, weight, bias, outFeatures }: Stack, batchSize: number) {
    const { code, memory } = engine
    const blocks: number[] = []
    const allocate = (length: number) => {
      const address = memory.allocate(length)
      blocks.push(address)
      return address
    }
    this.#engine = engine
    this.#layers = layers.map(({ weights, ...layer }, i) => {
      const panels = new LayerPanels(engine, { ...layer, numSteps: 1, batchSize, reverse: false }, false)
      const { gates, block } = panels.size
      const cell = new PackedCell(panels, allocate, weights, i === 0)
      const [h, c] = [allocate(block), allocate(block)]
      memory.zero(h, block)
      memory.zero(c, block)
      return { cell, gates: allocate(gates), h, c }
    })
    const { rows, units } = this.#layers[this.#layers.length - 1].cell.panels.size
    const columns = roundUp(outFeatures, 8)
    this.#size = { batchSize, rows, units, outFeatures, columns }
    this.#at = {
      tokens: allocate(batchSize),
      weight: allocate(units * columns),
      bias: allocate(columns),
      sums: allocate(rows * columns),
      scores: allocate(batchSize * outFeatures),
    }
    memory.scope((scratch) => {
      const raw = scratch(weight.length)
      memory.write(raw, weight)
      memory.zero(this.#at.weight, units * columns)
      code.packTransposed(raw, outFeatures, weight.length / outFeatures, this.#at.weight, panelBytes(units))
    })
    memory.zero(this.#at.bias, columns)
    if (bias) memory.write(this.#at.bias, bias)
    this.#free = () => {
      for (const address of blocks.splice(0)) memory.free(address)
    }
    abandoned.register(this, this.#free)
  }

  step(tokens: Int32Array): FloatArray {
    const { code, memory } = this.#engine
    const { batchSize, rows, units, outFeatures, columns } = this.#size
    const at = this.#at
    memory.write(at.tokens, tokens)
    let x = at.tokens
    for (const { cell, gates, h, c } of this.#layers) {
      cell.advance(x, gates, h, h, c, c)
      x = h
    }
    code.fillRows(at.bias, at.sums, rows, columns)
    code.multiply(x, at.weight, at.sums, rows, units, columns)
    code.unpack(at.sums, panelBytes(rows), at.scores, batchSize, outFeatures)
    return memory.read(at.scores, batchSize * outFeatures)
  }

  free(): void {
    this.#free()
  }
}
