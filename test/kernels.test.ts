import { beforeEach, describe, expect, test } from 'vitest'
import { Generator } from '../src/core/random.js'
import { referenceKernels } from '../src/kernels/index.js'
import { type BinaryOp, gatesOf, type UnaryOp } from '../src/kernels/kernels.js'
import { kernelSets } from './kernel-sets.js'
import { relativeError } from './read-fixture.js'

// The fast kernels against their plain twin in double precision, over awkward sizes.
const exact = referenceKernels('float64')
let generator: Generator
beforeEach(() => {
  generator = new Generator(5)
})
const random = (length: number, scale = 1) => Float32Array.from({ length }, () => generator.normal() * scale)
const sizes = [1, 3, 7, 31, 33, 101]

describe.each(kernelSets)('$name', (kernels) => {
  test.each<UnaryOp>(['exp', 'log', 'tanh', 'sigmoid', 'relu', 'sqrt', 'abs'])('%s', (op) => {
    for (const size of sizes) {
      const x = random(size, 3).map((value) => (op === 'log' || op === 'sqrt' ? Math.abs(value) : value))
      const [y, expected] = [new Float32Array(size), new Float64Array(size)]
      kernels.unary(op, x, y)
      exact.unary(op, x, expected)
      expect(relativeError(y, expected)).toBeLessThan(3e-7)
    }
  })

  test.each<BinaryOp>(['add', 'sub', 'mul', 'div', 'tanhGrad', 'sigmoidGrad', 'reluGrad'])('%s', (op) => {
    for (const size of sizes) {
      const [a, b] = [random(size), random(size)]
      const [y, expected] = [new Float32Array(size), new Float64Array(size)]
      kernels.binary(op, a, b, y)
      exact.binary(op, a, b, expected)
      expect(relativeError(y, expected)).toBeLessThan(3e-7)
    }
  })

  test('matmul, each operand straight and transposed', () => {
    for (const m of sizes) {
      for (const [n, k] of [
        [1, 1],
        [7, 3],
        [33, 31],
        [8, 101],
      ]) {
        for (const [transposeA, transposeB] of [
          [false, false],
          [true, false],
          [false, true],
          [true, true],
        ]) {
          const [a, b] = [random(m * k), random(k * n)]
          const [y, expected] = [new Float32Array(m * n), new Float64Array(m * n)]
          kernels.matmul(a, b, y, { m, n, k, transposeA, transposeB })
          exact.matmul(a, b, expected, { m, n, k, transposeA, transposeB })
          expect(relativeError(y, expected)).toBeLessThan(2e-6)
        }
      }
    }
  })

  test('softmax, its logarithm and the cross entropy, far values included', () => {
    for (const columns of sizes) {
      const rows = 5
      const x = random(rows * columns, 30)
      const targets = Int32Array.from({ length: rows }, () => generator.integer(columns))
      const [y, expected] = [new Float32Array(x.length), new Float64Array(x.length)]
      for (const op of ['softmax', 'logSoftmax'] as const) {
        kernels[op](x, y, rows, columns)
        exact[op](x, expected, rows, columns)
        expect(relativeError(y, expected)).toBeLessThan(1e-6)
      }
      const loss = kernels.crossEntropy(x, targets, y, rows, columns)
      expect(loss).toBeCloseTo(exact.crossEntropy(x, targets, expected, rows, columns), 4)
      expect(relativeError(y, expected)).toBeLessThan(1e-5)
    }
  })

  test('softmax of one far value among zeros is one-hot, wherever it stands', () => {
    for (let columns = 2; columns <= 9; columns++) {
      for (let at = 0; at < columns; at++) {
        const x = new Float32Array(columns)
        x[at] = 1000
        const y = new Float32Array(columns)
        kernels.softmax(x, y, 1, columns)
        expect([...y]).toEqual(Array.from({ length: columns }, (_, i) => (i === at ? 1 : 0)))
        expect(kernels.crossEntropy(x, Int32Array.of(at), y, 1, columns)).toBe(0)
      }
    }
  })

  test.each(['rnn_tanh', 'rnn_relu', 'gru', 'lstm'] as const)('%s, forward and backward', (cell) => {
    for (const [numSteps, batchSize, inputSize, hiddenSize, outFeatures] of [
      [1, 1, 1, 1, 0],
      [3, 7, 5, 31, 0],
      [7, 3, 33, 9, 0],
      [5, 4, 8, 8, 0],
      [1, 1, 1, 1, 1],
      [5, 1, 3, 7, 33],
      [3, 7, 5, 31, 28],
      [7, 3, 33, 9, 101],
      [5, 4, 8, 8, 8],
      // Several parts of the batch, on every kernel set.
      [2, 21, 4, 12, 5],
    ]) {
      for (const tokens of [false, true]) {
        for (const reverse of [false, true]) {
          const gates = gatesOf[cell] * hiddenSize
          const scale = 1 / Math.sqrt(hiddenSize)
          const shape = { cell, numSteps, batchSize, inputSize, hiddenSize, reverse }
          const weights = {
            weightIh: random(gates * inputSize, scale),
            weightHh: random(gates * hiddenSize, scale),
            ...(reverse ? {} : { biasIh: random(gates), biasHh: random(gates) }),
            ...(outFeatures > 0 && {
              head: {
                weight: random(outFeatures * hiddenSize, scale),
                bias: reverse ? undefined : random(outFeatures),
              },
            }),
          }
          const count = numSteps * batchSize
          const input = tokens
            ? Int32Array.from({ length: count }, () => generator.integer(inputSize))
            : random(count * inputSize)
          const h0 = random(batchSize * hiddenSize)
          const c0 = cell === 'lstm' ? random(batchSize * hiddenSize) : undefined
          const output = random(count * (outFeatures || hiddenSize))
          const hn = random(batchSize * hiddenSize)
          const run = (set: typeof kernels) => {
            const { result, tape } = set.recurrent(shape, weights, { input, h0, c0 }, true)
            const wanted = { input: !tokens, state: true }
            const { head, ...grads } = tape!.backward({ output, hn, cn: c0 && hn }, wanted)
            return { ...result, grads: { ...grads, headWeight: head?.weight, headBias: head?.bias } }
          }
          const { grads, ...results } = run(kernels)
          const { grads: expectedGrads, ...expected } = run(exact)
          for (const [got, want] of [[results, expected] as const, [grads, expectedGrads] as const]) {
            const defined = Object.entries(want).filter(([, value]) => value !== undefined)
            expect(
              Object.entries(got)
                .filter(([, value]) => value !== undefined)
                .map(([name]) => name),
            ).toEqual(defined.map(([name]) => name))
            for (const [name, values] of defined) {
              expect(relativeError(got[name as keyof typeof got], values as Float64Array), name).toBeLessThan(1e-5)
            }
          }
        }
      }
    }
  })
})
