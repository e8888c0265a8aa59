import type {
  FloatArray,
  RecurrentGrads,
  RecurrentInput,
  RecurrentOutput,
  RecurrentOutputGrads,
  RecurrentSizes,
  RecurrentTape,
  RecurrentWeights,
} from '../kernels.js'
import { PackedCell } from './cell.js'
import { panelBytes } from './layout.js'
import type { Engine } from './module.js'
import { type Allocate, LayerPanels } from './panels.js'
import type { Kept, Tapes } from './tapes.js'

/**
 * One recurrent layer in one direction as one operation. Steps are counted in the order of processing: at
 * step s the layer reads time t(s), so that only the copies in and out know about the reverse direction.
 *
 * Kept for the backward pass, in panels: the gates [T, blocks, rows, units], the states h (and c)
 * [T + 1, rows, units] and the inputs. The backward pass turns the gates into their gradients in place.
 */
export class RecurrentPass implements RecurrentTape {
  readonly #panels: LayerPanels
  readonly #tokens: boolean
  /** Lengths of the kept parts. */
  readonly #lengths: { gates: number; h: number; c: number; x: number }
  #kept: Kept | undefined

  constructor(
    readonly engine: Engine,
    readonly sizes: RecurrentSizes,
    readonly weights: RecurrentWeights,
    input: RecurrentInput['input'],
    training: boolean,
  ) {
    const { numSteps, batchSize, cell } = sizes
    this.#panels = new LayerPanels(engine, sizes, training)
    this.#tokens = input instanceof Int32Array
    const { block, gates, rows, features } = this.#panels.size
    const states = (numSteps + 1) * block
    this.#lengths = {
      gates: numSteps * gates,
      h: states,
      c: cell === 'lstm' ? states : 0,
      x: numSteps * (this.#tokens ? batchSize : rows * features),
    }
  }

  forward({ input, h0, c0 }: RecurrentInput, tapes: Tapes | undefined): RecurrentOutput {
    const { memory } = this.engine
    const length = Object.values(this.#lengths).reduce((sum, part) => sum + part)
    const base = memory.allocate(length)
    const result = memory.scope((allocate) => this.#forward(base, input, h0, c0, allocate))
    if (tapes) this.#kept = tapes.keep(base, length)
    else memory.free(base)
    return result
  }

  backward(grads: RecurrentOutputGrads, wanted: { input: boolean; state: boolean }): RecurrentGrads {
    const kept = this.#kept!
    try {
      return this.engine.memory.scope((allocate) => this.#backward(kept.take(), grads, wanted, allocate))
    } finally {
      kept.free()
    }
  }

  #forward(
    base: number,
    input: RecurrentInput['input'],
    h0: FloatArray | undefined,
    c0: FloatArray | undefined,
    allocate: Allocate,
  ): RecurrentOutput {
    const { code, memory } = this.engine
    const panels = this.#panels
    const { rows, features, block, gates } = panels.size
    const { numSteps, batchSize, inputSize, hiddenSize, cell } = this.sizes
    const at = this.#addresses(base)

    const packed = new PackedCell(panels, allocate, this.weights, this.#tokens)
    const x = this.#tokens ? at.x : allocate(input.length)
    const y = allocate(numSteps * batchSize * hiddenSize)
    memory.write(x, input)
    panels.loadState(h0, at.h)
    if (cell === 'lstm') panels.loadState(c0, at.c)

    for (let s = 0; s < numSteps; s++) {
      const t = this.#time(s)
      let xs = x + t * batchSize * 4
      if (!this.#tokens) {
        xs = at.x + s * rows * features * 4
        code.pack(x + t * batchSize * inputSize * 4, batchSize, inputSize, xs, panelBytes(rows))
      }
      const [h, c] = [at.h + s * block * 4, at.c + s * block * 4]
      packed.advance(xs, at.gates + s * gates * 4, h, h + block * 4, c, c + block * 4)
      code.unpack(h + block * 4, panelBytes(rows), y + t * batchSize * hiddenSize * 4, batchSize, hiddenSize)
    }
    return {
      output: memory.read(y, numSteps * batchSize * hiddenSize),
      hn: panels.readState(at.h + numSteps * block * 4),
      cn: cell === 'lstm' ? panels.readState(at.c + numSteps * block * 4) : undefined,
    }
  }

  #backward(
    base: number,
    grads: RecurrentOutputGrads,
    wanted: { input: boolean; state: boolean },
    allocate: Allocate,
  ): RecurrentGrads {
    const { code, memory } = this.engine
    const panels = this.#panels
    const { rows, units, features, block, gates } = panels.size
    const { numSteps, batchSize, inputSize, hiddenSize, cell } = this.sizes
    const at = this.#addresses(base)
    const inputGates = at.gates + panels.blocks.input.first * block * 4
    const hiddenGates = at.gates + panels.blocks.hidden.first * block * 4
    const inputColumns = panels.columns('input')
    const hiddenColumns = panels.columns('hidden')
    const allColumns = panels.blocks.blocks * units
    const zeros = (length: number) => {
      const address = allocate(length)
      memory.zero(address, length)
      return address
    }

    const hiddenWeights = panels.straight(allocate, this.weights.weightHh, 'hidden', hiddenSize, units)
    const dbias = zeros(allColumns)
    const dh = allocate(block)
    const dc = allocate(block)
    const dy = allocate(grads.output?.length ?? 0)
    panels.loadState(grads.hn, dh)
    panels.loadState(grads.cn, dc)
    if (grads.output) memory.write(dy, grads.output)

    for (let s = numSteps - 1; s >= 0; s--) {
      const sums = at.gates + s * gates * 4
      if (grads.output) {
        const from = dy + this.#time(s) * batchSize * hiddenSize * 4
        code.addPacked(from, batchSize, hiddenSize, dh, panelBytes(rows))
      }
      this.#cellBackward(sums, at.h + s * block * 4, at.c + s * block * 4, dh, dc)
      code.multiply(hiddenGates + s * gates * 4, hiddenWeights, dh, rows, hiddenColumns, units)
      code.sumRows(sums, dbias, rows, allColumns)
    }

    const dWhh = zeros(hiddenColumns * units)
    code.multiplyTransposed(hiddenGates, gates * 4, at.h, block * 4, dWhh, numSteps, rows, hiddenColumns, units)
    const dWih = zeros(inputColumns * (this.#tokens ? inputSize : features))
    if (this.#tokens) {
      for (let s = 0; s < numSteps; s++) {
        const tokens = at.x + this.#time(s) * batchSize * 4
        code.scatterTokenRows(tokens, batchSize, dWih, inputSize, inputGates + s * gates * 4, rows, inputColumns)
      }
    } else {
      const step = rows * features * 4
      code.multiplyTransposed(inputGates, gates * 4, at.x, step, dWih, numSteps, rows, inputColumns, features)
    }
    return {
      weightIh: panels.weightGrad(dWih, 'input', inputSize, this.#tokens),
      weightHh: panels.weightGrad(dWhh, 'hidden', hiddenSize, false),
      biasIh: this.weights.biasIh && panels.biasGrad(dbias, 'input'),
      biasHh: this.weights.biasHh && panels.biasGrad(dbias, 'hidden'),
      input: wanted.input ? this.#inputGrad(inputGates, allocate) : undefined,
      h0: wanted.state ? panels.readState(dh) : undefined,
      c0: wanted.state && cell === 'lstm' ? panels.readState(dc) : undefined,
    }
  }

  /** Gradients of the inputs: the gates' gradients times W_ih, step by step. */
  #inputGrad(inputGates: number, allocate: Allocate): Float32Array {
    const { code, memory } = this.engine
    const panels = this.#panels
    const { rows, features, gates } = panels.size
    const { numSteps, batchSize, inputSize } = this.sizes
    const weights = panels.straight(allocate, this.weights.weightIh, 'input', inputSize, features)
    const step = allocate(rows * features)
    const dx = allocate(numSteps * batchSize * inputSize)
    for (let s = 0; s < numSteps; s++) {
      memory.zero(step, rows * features)
      code.multiply(inputGates + s * gates * 4, weights, step, rows, panels.columns('input'), features)
      code.unpack(step, panelBytes(rows), dx + this.#time(s) * batchSize * inputSize * 4, batchSize, inputSize)
    }
    return memory.read(dx, numSteps * batchSize * inputSize)
  }

  /** From the gradients of a step's h and c to those of its sums; dh and dc become the direct paths back. */
  #cellBackward(sums: number, h: number, c: number, dh: number, dc: number): void {
    const { code } = this.engine
    const { block } = this.#panels.size
    const { cell } = this.sizes
    if (cell === 'lstm') code.lstmBackward(sums, c, c + block * 4, dh, dc, block)
    else if (cell === 'gru') code.gruBackward(sums, h, dh, block)
    else if (cell === 'rnn_tanh') code.rnnTanhBackward(h + block * 4, dh, sums, block)
    else code.rnnReluBackward(h + block * 4, dh, sums, block)
  }

  /** The time that step `s` reads. */
  #time(s: number): number {
    return this.sizes.reverse ? this.sizes.numSteps - 1 - s : s
  }

  /** Where each kept part lies, from `base` on. */
  #addresses(base: number) {
    const { gates, h, c } = this.#lengths
    return { gates: base, h: base + gates * 4, c: base + (gates + h) * 4, x: base + (gates + h + c) * 4 }
  }
}
