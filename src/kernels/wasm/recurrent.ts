import type {
  RecurrentGrads,
  RecurrentInput,
  RecurrentOutput,
  RecurrentOutputGrads,
  RecurrentSizes,
  RecurrentTape,
  RecurrentWeights,
} from '../kernels.js'
import { PackedCell } from './cell.js'
import type { Allocate } from './memory.js'
import type { Engine } from './module.js'
import { LayerPanels } from './panels.js'
import type { Products } from './products.js'
import type { Kept, Tapes } from './tapes.js'

/**
 * One recurrent layer in one direction as one operation. Steps are counted in the order of processing: at
 * step s the layer reads time t(s), so that only the copies in and out know about the reverse direction.
 *
 * Kept for the backward pass, in panels: the gates [blocks, T, rows, units], the states h (and c)
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
    products: Products,
    readonly sizes: RecurrentSizes,
    readonly weights: RecurrentWeights,
    input: RecurrentInput['input'],
    training: boolean,
  ) {
    const { numSteps, batchSize, cell } = sizes
    this.#panels = new LayerPanels(engine, products, sizes, training)
    this.#tokens = input instanceof Int32Array
    const { block, blocks, rows, features } = this.#panels
    const states = (numSteps + 1) * block
    this.#lengths = {
      gates: blocks.blocks * numSteps * block,
      h: states,
      c: cell === 'lstm' ? states : 0,
      x: numSteps * (this.#tokens ? batchSize : rows * features),
    }
  }

  forward(input: RecurrentInput, tapes: Tapes | undefined): RecurrentOutput {
    const { memory } = this.engine
    const length = Object.values(this.#lengths).reduce((sum, part) => sum + part)
    const base = memory.allocate(length)
    const result = memory.scope((allocate) => this.#forward(base, input, allocate))
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

  #forward(base: number, { input, h0, c0 }: RecurrentInput, allocate: Allocate): RecurrentOutput {
    const { code, memory } = this.engine
    const panels = this.#panels
    const { rows, features, block, width, inputWidth } = panels
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
        code.pack(x + t * batchSize * inputSize * 4, batchSize, inputSize, xs, rows, inputWidth)
      }
      const [h, c] = [at.h + s * block * 4, at.c + s * block * 4]
      packed.advance(xs, at.gates + s * block * 4, at.stride, h, h + block * 4, c, c + block * 4)
      code.unpack(h + block * 4, y + t * batchSize * hiddenSize * 4, batchSize, hiddenSize, rows, width)
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
    const { rows, units, block, blocks, width, products } = panels
    const { numSteps, batchSize, inputSize, hiddenSize, cell } = this.sizes
    const at = this.#addresses(base)

    const hiddenWeights = panels.weights(allocate, this.weights.weightHh, 'hidden', 'backward')
    const dbias = allocate(blocks.blocks * units)
    const [dh, dc] = [allocate(block), allocate(block)]
    const dy = allocate(grads.output?.length ?? 0)
    memory.zero(dbias, blocks.blocks * units)
    panels.loadState(grads.hn, dh)
    panels.loadState(grads.cn, dc)
    if (grads.output) memory.write(dy, grads.output)

    for (let s = numSteps - 1; s >= 0; s--) {
      const gates = at.gates + s * block * 4
      if (grads.output) {
        const from = dy + this.#time(s) * batchSize * hiddenSize * 4
        code.addPacked(from, batchSize, hiddenSize, dh, rows, width)
      }
      this.#cellBackward(gates, at.stride, at.h + s * block * 4, at.c + s * block * 4, dh, dc)
      hiddenWeights.forEach((w, b) => {
        products.backward(gates + (blocks.hidden.first + b) * at.stride, w, dh, rows)
      })
    }

    const dWhh = panels.zeroGrads(allocate, 'hidden', false)
    dWhh.forEach((dw, b) => {
      products.gradient(at.gates + (blocks.hidden.first + b) * at.stride, at.h, dw, numSteps, rows)
    })
    const dWih = panels.zeroGrads(allocate, 'input', this.#tokens)
    dWih.forEach((dw, b) => {
      const gates = at.gates + (blocks.input.first + b) * at.stride
      if (!this.#tokens) products.gradient(gates, at.x, dw, numSteps, rows)
      else {
        for (let s = 0; s < numSteps; s++) {
          const tokens = at.x + this.#time(s) * batchSize * 4
          code.scatterTokenRows(tokens, batchSize, dw.address, inputSize, gates + s * block * 4, rows, units, width)
        }
      }
    })
    for (let b = 0; b < blocks.blocks; b++) {
      for (let s = 0; s < numSteps; s++) {
        code.sumRows(at.gates + b * at.stride + s * block * 4, dbias + b * units * 4, rows, units, width)
      }
    }
    return {
      weightIh: panels.weightGrad(dWih, 'input', this.#tokens),
      weightHh: panels.weightGrad(dWhh, 'hidden', false),
      biasIh: this.weights.biasIh && panels.biasGrad(dbias, 'input'),
      biasHh: this.weights.biasHh && panels.biasGrad(dbias, 'hidden'),
      input: wanted.input ? this.#inputGrad(at, allocate) : undefined,
      h0: wanted.state ? panels.readState(dh) : undefined,
      c0: wanted.state && cell === 'lstm' ? panels.readState(dc) : undefined,
    }
  }

  /** Gradients of the inputs: the gates' gradients times W_ih, step by step. */
  #inputGrad(at: { gates: number; stride: number }, allocate: Allocate): Float32Array {
    const { code, memory } = this.engine
    const { rows, features, block, blocks, inputWidth, products } = this.#panels
    const { numSteps, batchSize, inputSize } = this.sizes
    const weights = this.#panels.weights(allocate, this.weights.weightIh, 'input', 'backward')
    const step = allocate(rows * features)
    const dx = allocate(numSteps * batchSize * inputSize)
    for (let s = 0; s < numSteps; s++) {
      memory.zero(step, rows * features)
      weights.forEach((w, b) => {
        products.backward(at.gates + (blocks.input.first + b) * at.stride + s * block * 4, w, step, rows)
      })
      code.unpack(step, dx + this.#time(s) * batchSize * inputSize * 4, batchSize, inputSize, rows, inputWidth)
    }
    return memory.read(dx, numSteps * batchSize * inputSize)
  }

  /** From the gradients of a step's h and c to those of its sums; dh and dc become the direct paths back. */
  #cellBackward(gates: number, stride: number, h: number, c: number, dh: number, dc: number): void {
    const { code } = this.engine
    const { block } = this.#panels
    const { cell } = this.sizes
    if (cell === 'lstm') code.lstmBackward(gates, c, c + block * 4, dh, dc, block, stride)
    else if (cell === 'gru') code.gruBackward(gates, h, dh, block, stride)
    else if (cell === 'rnn_tanh') code.rnnTanhBackward(h + block * 4, dh, gates, block)
    else code.rnnReluBackward(h + block * 4, dh, gates, block)
  }

  /** The time that step `s` reads. */
  #time(s: number): number {
    return this.sizes.reverse ? this.sizes.numSteps - 1 - s : s
  }

  /** Where each kept part lies, from `base` on, and the bytes from one block of gates to the next. */
  #addresses(base: number) {
    const { gates, h, c } = this.#lengths
    const stride = this.sizes.numSteps * this.#panels.block * 4
    return { gates: base, stride, h: base + gates * 4, c: base + (gates + h) * 4, x: base + (gates + h + c) * 4 }
  }
}
