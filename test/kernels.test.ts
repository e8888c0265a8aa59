import { beforeEach, describe, expect, test } from 'vitest'
import { fillMask, fillUniform } from '../src/core/counter-random.js'
import { Generator } from '../src/core/random.js'
import { type CellKind, cells } from '../src/device/cells.js'
import type { BinaryOp, FloatArray, Kernels, UnaryOp } from '../src/device/device.js'
import { referenceKernels } from '../src/kernels/index.js'
import { learningOf } from '../src/kernels/learning.js'
import { kernelSets } from './kernel-sets.js'
import { relativeError } from './read-fixture.js'

// The fast kernels are compared with the reference kernels in double precision, for awkward sizes.
const exact = referenceKernels('float64')
let generator: Generator
beforeEach(() => {
  generator = new Generator(5)
})
const random = (length: number, scale = 1) => Float32Array.from({ length }, () => generator.normal() * scale)
const sizes = [1, 3, 7, 31, 33, 101]

function crossEntropy(
  set: Kernels,
  logits: FloatArray,
  targets: Int32Array,
  grad: FloatArray,
  rows: number,
  columns: number,
): number {
  const loss = new Float64Array(1)
  learningOf(set).crossEntropy(logits, targets, loss, grad, rows, columns)
  return loss[0]
}

type PassArguments = [
  cell: CellKind,
  sizes: readonly [numSteps: number, batchSize: number, inputSize: number, hiddenSize: number, outFeatures: number],
  tokens: boolean,
  reverse: boolean,
  special?: 'normalized' | 'peepholes',
]

/** A pass over a layer, forward and backward, as a function of the kernels, and what the exact kernels give. */
function passOf(...[cell, sizes, tokens, reverse, special]: PassArguments) {
  const normalized = special === 'normalized'
  const [numSteps, batchSize, inputSize, hiddenSize, outFeatures] = sizes
  const gates = cells[cell].gates.length * hiddenSize
  const scale = 1 / Math.sqrt(hiddenSize)
  const shape = { cell, numSteps, batchSize, inputSize, hiddenSize, reverse }
  const weights = {
    weightIh: random(gates * inputSize, scale),
    weightHh: random(gates * hiddenSize, scale),
    ...(reverse ? {} : { biasIh: random(gates), biasHh: random(gates) }),
    ...(normalized && { gainIh: random(gates), gainHh: random(gates) }),
    ...(normalized &&
      cell === 'lstm' && { gainC: random(hiddenSize), biasC: reverse ? undefined : random(hiddenSize) }),
    ...(special === 'peepholes' && { weightCh: random(3 * hiddenSize) }),
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
  const run = (set: Kernels) => {
    const { result, tape } = set.recurrent(shape, weights, { input, h0, c0 }, true)
    const wanted = { input: !tokens, state: true }
    const { head, ...grads } = tape!.backward({ output, hn, cn: c0 && hn }, wanted)
    return { ...result, grads: { ...grads, headWeight: head?.weight, headBias: head?.bias } }
  }
  return { run, exactly: run(exact) }
}

const passes = new Map<string, ReturnType<typeof passOf>>()

/** Compares a pass with that of the exact kernels, which compute it once for all sets. */
function compare(kernels: Kernels, ...pass: PassArguments): void {
  const name = JSON.stringify(pass)
  const { run, exactly } = passes.get(name) ?? passOf(...pass)
  passes.set(name, { run, exactly })
  const { grads, ...results } = run(kernels)
  const { grads: expectedGrads, ...expected } = exactly
  for (const [got, want] of [[results, expected] as const, [grads, expectedGrads] as const]) {
    const defined = Object.entries(want).filter(([, value]) => value !== undefined)
    expect(
      Object.entries(got)
        .filter(([, value]) => value !== undefined)
        .map(([name]) => name),
    ).toEqual(defined.map(([name]) => name))
    for (const [name, values] of defined) {
      // Normalization divides by deviations that may be small, and so magnifies what products round.
      const error = relativeError(got[name as keyof typeof got], values as Float64Array)
      expect(error, name).toBeLessThan(pass[4] === 'normalized' ? 5e-5 : 1e-5)
    }
  }
}

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

  test('affine: scale · x + shift, also into x itself', () => {
    for (const size of sizes) {
      const x = Float32Array.from({ length: size }, (_, i) => i - 2)
      const y = new Float32Array(size).fill(Number.NaN)
      kernels.affine(x, -3, 0.5, y)
      // −3 (i − 2) + 0.5
      expect([...y]).toEqual(Array.from({ length: size }, (_, i) => 6.5 - 3 * i))
      kernels.affine(x, 2, 0, x)
      expect([...x]).toEqual(Array.from({ length: size }, (_, i) => 2 * i - 4))
    }
  })

  test('random numbers under a key have the same bits as on every device, for any number of them', () => {
    const keys = [...Array(5)].map(() => generator.key())
    for (const size of [0, ...sizes, 1000]) {
      for (const key of keys) {
        const [y, expected] = [new Float32Array(size), new Float32Array(size)]
        kernels.uniform(key, y)
        fillUniform(key, expected)
        expect(y).toEqual(expected)
        for (const p of [0, 0.3, 0.5, 1]) {
          kernels.mask(key, p, 1 / (1 - 0.3), y)
          fillMask(key, p, Math.fround(1 / (1 - 0.3)), expected)
          expect(y).toEqual(expected)
        }
      }
    }
  })

  test('addScaled: alpha · x is added to y', () => {
    for (const size of sizes) {
      const x = Float32Array.from({ length: size }, (_, i) => i + 1)
      const y = Float32Array.from({ length: size }, (_, i) => 10 * i)
      kernels.addScaled(-0.5, x, y)
      // 10 i − (i + 1) / 2
      expect([...y]).toEqual(Array.from({ length: size }, (_, i) => 9.5 * i - 0.5))
      expect([...x]).toEqual(Array.from({ length: size }, (_, i) => i + 1))
    }
  })

  const sumSquares = (x: Float32Array): number => {
    const y = new Float64Array(1)
    kernels.sumSquares(x, 1, y)
    return y[0]
  }

  test('sumSquares, in double precision: n (n + 1) (2 n + 1) / 6 for 1, −2, 3, …', () => {
    for (const n of sizes) {
      const x = Float32Array.from({ length: n }, (_, i) => (i % 2 === 0 ? i + 1 : -i - 1))
      expect(sumSquares(x)).toBe((n * (n + 1) * (2 * n + 1)) / 6)
    }
    expect(sumSquares(new Float32Array(0))).toBe(0)
    // In single precision the ones would be lost in the sum with 2²⁴, and the square of 1e30 would be infinite.
    expect(sumSquares(Float32Array.of(4096, 1, 1, 1))).toBe(2 ** 24 + 3)
    expect(sumSquares(Float32Array.of(2 ** 100))).toBe(2 ** 200)
  })

  test('sumAxis over the first, a middle and the last axis', () => {
    for (const [outer, length, inner] of [
      [1, 1, 1],
      [1, 7, 1],
      [5, 3, 1],
      [1, 3, 5],
      [3, 7, 33],
      [7, 31, 3],
      [2, 0, 3],
    ]) {
      // x[o, l, i] = 1000 o + 10 l + i, whose sum over l is length (1000 o + i) + 10 (0 + 1 + … + (length − 1)).
      const x = new Float32Array(outer * length * inner)
      for (let o = 0; o < outer; o++) {
        for (let l = 0; l < length; l++) {
          for (let i = 0; i < inner; i++) x[(o * length + l) * inner + i] = 1000 * o + 10 * l + i
        }
      }
      const y = new Float32Array(outer * inner).fill(Number.NaN)
      kernels.sumAxis(x, y, outer, length, inner)
      const expected = Array.from({ length: outer * inner }, (_, at) => {
        const [o, i] = [Math.floor(at / inner), at % inner]
        return length * (1000 * o + i) + 5 * length * (length - 1)
      })
      // Adding 0 turns −0, which an empty sum gives here, into 0.
      expect([...y]).toEqual(expected.map((value) => value + 0))
    }
  })

  test('matmul, with each operand as it is and transposed', () => {
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

  test('matmul of arrays in double precision, also if only one of the three is', () => {
    const [single, double] = [Float32Array, Float64Array].map((Kind) => () => Kind.of(1, 2, 3, 4))
    for (const [a, b, y] of [
      [double(), double(), double()],
      [double(), single(), single()],
      [single(), double(), single()],
      [single(), single(), double()],
    ]) {
      kernels.matmul(a, b, y, { m: 2, n: 2, k: 2 })
      expect([...y]).toEqual([7, 10, 15, 22])
    }
  })

  test('softmax, its logarithm and the cross entropy, including extreme values', () => {
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
      const loss = crossEntropy(kernels, x, targets, y, rows, columns)
      expect(loss).toBeCloseTo(crossEntropy(exact, x, targets, expected, rows, columns), 4)
      expect(relativeError(y, expected)).toBeLessThan(1e-5)
    }
  })

  test('scores of any size lose no digits of logSoftmax and the cross entropy', () => {
    for (const scale of [1e2, 1e4, 1e6, 1e9, 1e17, 1e30]) {
      for (const columns of sizes) {
        const rows = 5
        // Some scores are close to a large one, so that some differences are small and others are large.
        const x = random(rows * columns).map((value, i) => (i % 3 === 0 ? scale * (1 + value * 1e-3) : scale + value))
        const targets = Int32Array.from({ length: rows }, () => generator.integer(columns))
        const expected = Float64Array.from(x)
        const expectedGrad = new Float64Array(x.length)
        let expectedLoss = 0
        for (let row = 0; row < rows; row++) {
          const of = expected.subarray(row * columns, (row + 1) * columns)
          const largest = Math.max(...of)
          const logSum = Math.log(of.reduce((sum, value) => sum + Math.exp(value - largest), 0))
          of.forEach((value, c) => {
            of[c] = value - largest - logSum
            expectedGrad[row * columns + c] = (Math.exp(of[c]) - (c === targets[row] ? 1 : 0)) / rows
          })
          expectedLoss -= of[targets[row]] / rows
        }
        const y = new Float32Array(x.length)
        kernels.logSoftmax(x, y, rows, columns)
        y.forEach((value, i) => {
          expect(Math.abs(value - expected[i])).toBeLessThan(1e-6 * Math.max(1, Math.abs(expected[i])))
        })
        kernels.softmax(x, y, rows, columns)
        expect(relativeError(y, expected.map(Math.exp))).toBeLessThan(1e-6)
        const grad = new Float32Array(x.length)
        const loss = crossEntropy(kernels, x, targets, grad, rows, columns)
        expect(Math.abs(loss - expectedLoss)).toBeLessThan(1e-6 * Math.max(1, expectedLoss))
        expect(relativeError(grad, expectedGrad)).toBeLessThan(2e-6)
      }
    }
  })

  test('softmax of one extreme value among zeros is one-hot, wherever it is', () => {
    for (let columns = 2; columns <= 9; columns++) {
      for (let at = 0; at < columns; at++) {
        const x = new Float32Array(columns)
        x[at] = 1000
        const y = new Float32Array(columns)
        kernels.softmax(x, y, 1, columns)
        expect([...y]).toEqual(Array.from({ length: columns }, (_, i) => (i === at ? 1 : 0)))
        expect(crossEntropy(kernels, x, Int32Array.of(at), y, 1, columns)).toBe(0)
      }
    }
  })

  test('two equal scores, of 10⁶ or 10¹⁷, have a probability of one half each', () => {
    const [y, grad] = [new Float32Array(2), new Float32Array(2)]
    kernels.logSoftmax(Float32Array.of(1e6, 1e6), y, 1, 2)
    expect([...y]).toEqual([expect.closeTo(-Math.LN2, 6), expect.closeTo(-Math.LN2, 6)])
    expect(crossEntropy(kernels, Float32Array.of(1e17, 1e17), Int32Array.of(1), grad, 1, 2)).toBeCloseTo(Math.LN2, 6)
    expect([...grad]).toEqual([expect.closeTo(0.5, 6), expect.closeTo(-0.5, 6)])
  })

  test.each(['rnn_tanh', 'rnn_relu', 'gru', 'lstm'] as const)('%s, forward and backward', (cell) => {
    for (const sizes of [
      [1, 1, 1, 1, 0],
      [3, 7, 5, 31, 0],
      [7, 3, 33, 9, 0],
      [5, 4, 8, 8, 0],
      [1, 1, 1, 1, 1],
      [5, 1, 3, 7, 33],
      [3, 7, 5, 31, 28],
      [7, 3, 33, 9, 101],
      [5, 4, 8, 8, 8],
      // This batch has several parts on every kernel set.
      [2, 21, 4, 12, 5],
    ] as const) {
      for (const tokens of [false, true]) {
        for (const reverse of [false, true]) compare(kernels, cell, sizes, tokens, reverse)
      }
    }
  })

  test.each([
    ['normalized', 'rnn_tanh'],
    ['normalized', 'rnn_relu'],
    ['normalized', 'gru'],
    ['normalized', 'lstm'],
    ['peepholes', 'lstm'],
  ] as const)('%s: %s, forward and backward', (special, cell) => {
    for (const sizes of [
      [1, 1, 3, 8, 0],
      [3, 7, 5, 31, 0],
      [7, 3, 33, 9, 0],
      [5, 1, 3, 7, 33],
      [5, 4, 8, 16, 8],
      [2, 21, 4, 12, 5],
    ] as const) {
      for (const tokens of [false, true]) {
        for (const reverse of [false, true]) compare(kernels, cell, sizes, tokens, reverse, special)
      }
    }
  })

  test.each([
    ['rnn_tanh', 730],
    ['gru', 420],
    ['lstm', 365],
  ] as const)('%s of %i units, whose weights are so large that parts of the batch share them', (cell, hiddenSize) => {
    compare(kernels, cell, [3, 21, 4, hiddenSize, 5], true, false)
    if (cell === 'lstm') compare(kernels, cell, [2, 17, 4, hiddenSize, 5], false, false, 'normalized')
  })
})
