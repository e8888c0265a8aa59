import { describe, expect, test } from 'vitest'
import { Generator } from '../../core/random.js'
import { type CellKind, cells } from '../../device/cells.js'
import { findBlas } from '../../platform/node/blas.js'
import { type Engine, loadEngine } from './compile.js'
import { matmul } from './matmul.js'
import { RecurrentPass } from './recurrent.js'
import { WasmStepper } from './stepper.js'
import { Tapes } from './tapes.js'

const blas = findBlas()
const engines: { name: string; engine: Engine | undefined }[] = [
  { name: 'WebAssembly', engine: loadEngine({ threads: 1 }) },
  { name: 'BLAS', engine: blas && loadEngine({ threads: 1, blas }) },
]
const kinds: CellKind[] = ['rnn_tanh', 'rnn_relu', 'gru', 'lstm']
const generator = new Generator(4)
const random = (length: number) => Float32Array.from({ length }, () => generator.normal() / 4)

/** Fills the whole memory, in which nothing lives, but for the constants at its beginning. */
const fill = ({ memory }: Engine, value: number) => memory.floats.fill(value, 2048 / 4)

// Blocks are given out with what was in them before; a user sees that only where a padding is not zeroed.
describe.each(engines)('$name: what was in the memory before changes no bit', ({ engine }) => {
  /** Runs `operation` in a memory of zeros, then in one of `value`s. */
  const unchanged = (operation: (engine: Engine) => unknown) => {
    // The first run makes the memory as large as it has to be.
    operation(engine!)
    fill(engine!, 0)
    const expected = operation(engine!)
    for (const value of [Number.NaN, Infinity, 1e30]) {
      fill(engine!, value)
      expect(operation(engine!)).toEqual(expected)
    }
  }

  test.skipIf(!engine).each(kinds)('%s, forward and backward, and token by token', (cell) => {
    for (const [numSteps, batchSize, inputSize, hiddenSize, outFeatures] of [
      [3, 1, 3, 9, 5],
      [2, 5, 8, 8, 3],
      [2, 8, 3, 16, 0],
      [1, 9, 11, 17, 33],
      [4, 4, 1, 1, 0],
    ]) {
      const gates = cells[cell].gates.length * hiddenSize
      const sizes = { cell, numSteps, batchSize, inputSize, hiddenSize, reverse: false }
      const layer = (inputSize: number) => ({
        weightIh: random(gates * inputSize),
        weightHh: random(gates * hiddenSize),
        biasIh: random(gates),
        biasHh: random(gates),
      })
      const head = outFeatures > 0 ? { weight: random(outFeatures * hiddenSize), bias: random(outFeatures) } : undefined
      const weights = { ...layer(inputSize), head }
      const count = numSteps * batchSize
      const output = random(count * (outFeatures || hiddenSize))
      const tokens = Int32Array.from({ length: count }, () => generator.integer(inputSize))
      for (const input of [random(count * inputSize), tokens]) {
        unchanged((engine) => {
          const pass = new RecurrentPass(engine, sizes, weights, input)
          const result = pass.forward({ input }, new Tapes(engine.memory))
          const wanted = { input: input !== tokens, state: true }
          return [result, pass.backward({ output }, wanted)]
        })
      }
      const layers = [inputSize, hiddenSize].map((inputSize) => ({ ...sizes, inputSize, weights: layer(inputSize) }))
      const stack = { layers, weight: random(5 * hiddenSize), bias: random(5), outFeatures: 5 }
      unchanged((engine) => {
        const stepper = new WasmStepper(engine, stack, batchSize)
        const steps = [0, 1].map(() => stepper.step(tokens.subarray(0, batchSize)))
        stepper.free()
        return steps
      })
    }
  })

  test.skipIf(!engine)('a product of matrices', () => {
    for (const [m, n, k] of [
      [1, 1, 1],
      [5, 9, 3],
      [8, 3, 8],
      [12, 8, 17],
    ]) {
      const [a, b] = [random(m * k), random(k * n)]
      for (const transposed of [false, true]) {
        unchanged((engine) => {
          const y = new Float32Array(m * n)
          matmul(engine, a, b, y, { m, n, k, transposeA: transposed, transposeB: !transposed })
          return y
        })
      }
    }
  })
})
