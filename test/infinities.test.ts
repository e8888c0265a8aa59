import { describe, expect, test } from 'vitest'
import { Generator } from '../src/core/random.js'
import { type CellKind, cells } from '../src/device/cells.js'
import type { FloatArray, Kernels, RecurrentSizes } from '../src/device/device.js'
import { setDefaultDevice } from '../src/kernels/devices.js'
import { referenceKernels } from '../src/kernels/index.js'
import { Linear } from '../src/nn/linear.js'
import { MinGRU, MinLSTM } from '../src/nn/minimal.js'
import { fromData } from '../src/tensor/create.js'
import { kernelSets } from './kernel-sets.js'

// The fast kernels pad units and batches with zeros, and infinity · 0 is NaN. The reference kernels have no padding.
const exact = referenceKernels('float64')
const specials = [Infinity, -Infinity, Number.NaN]
/** 1 to 17, and sizes that exceed one of the wide panels used for single sequences. */
const hiddenSizes = [...Array.from({ length: 17 }, (_, i) => i + 1), 31, 33]
const kinds: CellKind[] = ['rnn_tanh', 'rnn_relu', 'gru', 'lstm']

/** All arrays of one layer's forward and backward pass, by name. */
type Passes = Record<string, ArrayLike<number>>

/** The arrays that a special value may be put into. */
const places = ['input', 'h0', 'c0', 'weightIh', 'weightHh', 'biasIh', 'headWeight', 'output', 'hn'] as const
const peepholePlaces = [...places, 'weightCh'] as const
const normPlaces = [...places, 'gainIh', 'gainHh', 'gainC', 'biasC'] as const

interface Case {
  sizes: RecurrentSizes
  outFeatures: number
  place: (typeof normPlaces | typeof peepholePlaces)[number]
  norm: boolean
  peepholes: boolean
  special: number
  tokens: boolean
}

/** Runs one layer with one special value at the first step, at a random index of the array that `place` names. */
function passesOf({ sizes, outFeatures, place, norm, peepholes, special, tokens }: Case, seed: number) {
  const generator = new Generator(seed)
  const { cell, numSteps, batchSize, inputSize, hiddenSize } = sizes
  const random = (length: number) => Float32Array.from({ length }, () => generator.normal() / 4)
  const gates = cells[cell].gates.length * hiddenSize
  const arrays = {
    input: random(numSteps * batchSize * inputSize),
    h0: random(batchSize * hiddenSize),
    c0: random(batchSize * hiddenSize),
    weightIh: random(gates * inputSize),
    weightHh: random(gates * hiddenSize),
    biasIh: random(gates),
    headWeight: random(outFeatures * hiddenSize),
    gainIh: random(gates),
    gainHh: random(gates),
    gainC: random(hiddenSize),
    biasC: random(hiddenSize),
    output: random(numSteps * batchSize * (outFeatures || hiddenSize)),
    hn: random(batchSize * hiddenSize),
    weightCh: random(3 * hiddenSize),
  }
  const first = place === 'input' ? batchSize * inputSize : arrays[place].length
  if (first > 0) arrays[place][generator.integer(first)] = special
  const input = tokens
    ? Int32Array.from({ length: numSteps * batchSize }, () => generator.integer(inputSize))
    : arrays.input
  const { h0, weightIh, weightHh, biasIh, headWeight, output, hn } = arrays
  const c0 = cell === 'lstm' ? arrays.c0 : undefined
  const head = outFeatures > 0 ? { weight: headWeight, bias: random(outFeatures) } : undefined
  const { gainIh, gainHh, gainC, biasC, weightCh } = arrays
  const gains = norm && { gainIh, gainHh, ...(cell === 'lstm' && { gainC, biasC }) }
  const weights = { weightIh, weightHh, biasIh, biasHh: random(gates), head, ...gains, ...(peepholes && { weightCh }) }
  return (kernels: Kernels): Passes => {
    const { result, tape } = kernels.recurrent(sizes, weights, { input, h0, c0 }, true)
    const { head: dHead, ...grads } = tape!.backward(
      { output, ...((place === 'hn' || seed % 2 === 0) && { hn }) },
      { input: !tokens, state: true },
    )
    const d = Object.entries({ ...grads, headWeight: dHead?.weight, headBias: dHead?.bias })
    const all = [...Object.entries(result), ...d.map(([name, values]) => [`d ${name}`, values] as const)]
    return Object.fromEntries(all.filter(([, values]) => values !== undefined)) as Passes
  }
}

/** Layer normalization of few units divides by the small differences of sums, which single precision knows badly. */
const toleranceOf = (norm: boolean): number => (norm ? 1e-2 : 1e-4)

/** Describes the first value that is of another kind than expected, or far from it. */
function difference(got: Passes, expected: Passes, tolerance = toleranceOf(false)): string | undefined {
  for (const [name, values] of Object.entries(expected)) {
    for (let i = 0; i < values.length; i++) {
      const [x, y] = [got[name][i], values[i]]
      if (Object.is(x, y) || Math.abs(x - y) <= tolerance * Math.max(1, Math.abs(y))) continue
      return `${name}[${i}] is ${x}, expected ${y}`
    }
  }
  return undefined
}

/** The first difference between what a set of kernels computes and what the exact kernels do, which compute it once for all sets. */
function differenceOnAnySet(run: (kernels: Kernels) => Passes, norm: boolean): string | undefined {
  const expected = run(exact)
  for (const kernels of kernelSets) {
    const found = difference(run(kernels), expected, toleranceOf(norm))
    if (found !== undefined) return `on ${kernels.name}, ${found}`
  }
  return undefined
}

describe.each(kernelSets)('$name', (kernels) => {
  test('RNN of 9 units: tanh(infinity) = 1, and the steps after it are finite', () => {
    const hiddenSize = 9
    const sizes = { cell: 'rnn_tanh', numSteps: 3, batchSize: 1, inputSize: 1, hiddenSize, reverse: false } as const
    const weights = { weightIh: new Float32Array(9).fill(1), weightHh: new Float32Array(81).fill(0.125) }
    const { result } = kernels.recurrent(sizes, weights, { input: Float32Array.of(Infinity, 0, 0) }, false)
    // Every unit is 1 after the first step, so each later sum is nine eighths of the unit before.
    const second = Math.tanh(9 / 8)
    const third = Math.tanh((9 / 8) * second)
    const expected = [1, second, third].flatMap((value) => new Array<number>(hiddenSize).fill(value))
    Array.from(result.output).forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i], 6)
    })
  })

  test('a product of matrices has special values only in the row or column of the special input', () => {
    const generator = new Generator(3)
    for (const special of specials) {
      for (let m = 1; m <= 9; m++) {
        for (let n = 1; n <= 9; n++) {
          for (const k of [1, 3, 8, 9]) {
            const [transposeA, transposeB] = [generator.integer(2) === 1, generator.integer(2) === 1]
            const [a, b] = [m * k, k * n].map((length) => Float32Array.from({ length }, () => generator.normal()))
            const target = generator.integer(2) === 0 ? a : b
            target[generator.integer(target.length)] = special
            const [y, expected] = [new Float32Array(m * n), new Float64Array(m * n)]
            kernels.matmul(a, b, y, { m, n, k, transposeA, transposeB })
            exact.matmul(a, b, expected, { m, n, k, transposeA, transposeB })
            expect(difference({ y }, { y: expected }), `${m} ${n} ${k} ${special}`).toBeUndefined()
          }
        }
      }
    }
  })
})

describe.each(kinds)('%s, on every set of kernels', (cell) => {
  test('infinities and NaN reach only the values that depend on them, at every awkward size', () => {
    let seed = 0
    for (const hiddenSize of hiddenSizes) {
      for (let batchSize = 1; batchSize <= 9; batchSize++) {
        // Every place meets every special value, every number of steps and both kinds of inputs at some sizes.
        seed++
        const special = specials[seed % specials.length]
        const numSteps = 1 + (seed % 5)
        const sizes = {
          cell,
          numSteps,
          batchSize,
          inputSize: 1 + (seed % 10),
          hiddenSize,
          reverse: seed % 2 === 1,
          // Unequal lengths leave rows unused at some steps. The last state of a sequence lies where its next step would read
          // it: an infinite one, which only a relu has, reaches the gradient of W_hh.
          ...(seed % 3 === 1 &&
            cell !== 'rnn_relu' && {
              lengths: Int32Array.from({ length: batchSize }, (_, b) => 1 + ((b * seed) % numSteps)),
            }),
        }
        const norm = seed % 7 < 3
        const peepholes = cell === 'lstm' && !norm && seed % 5 < 2
        const among = norm ? normPlaces : peepholes ? peepholePlaces : places
        const place = among[(seed + hiddenSize) % among.length]
        const tokens = seed % 4 === 0
        const outFeatures = seed % 7 === 0 || place === 'headWeight' ? 1 + (seed % 11) : 0
        const run = passesOf({ sizes, outFeatures, place, norm, peepholes, special, tokens }, seed)
        const what = JSON.stringify({ ...sizes, outFeatures, place, norm, peepholes, special: String(special), tokens })
        expect(differenceOnAnySet(run, norm), what).toBeUndefined()
      }
    }
  })

  test('token by token: an infinite weight of one token leaves the others alone', () => {
    for (const hiddenSize of hiddenSizes) {
      for (const batchSize of [1, 3, 9]) {
        for (const [i, special] of specials.entries()) {
          const norm = (hiddenSize + i) % 2 === 0
          const generator = new Generator(hiddenSize)
          const random = (length: number) => Float32Array.from({ length }, () => generator.normal() / 4)
          const gates = cells[cell].gates.length * hiddenSize
          const layer = (inputSize: number) => ({
            cell,
            inputSize,
            hiddenSize,
            weights: {
              weightIh: random(gates * inputSize),
              weightHh: random(gates * hiddenSize),
              ...(norm && { gainIh: random(gates), gainHh: random(gates) }),
              ...(norm && cell === 'lstm' && { gainC: random(hiddenSize) }),
            },
          })
          const layers = [layer(2), layer(hiddenSize)]
          // This is the weight from the second token to the first unit.
          layers[0].weights.weightIh[1] = special
          const stack = { layers, weight: random(5 * hiddenSize), outFeatures: 5 }
          const tokens = (second: number) => Int32Array.from({ length: batchSize }, (_, b) => (b === second ? 1 : 0))
          const scores = (set: Kernels) => {
            const stepper = set.stepper(stack, batchSize)
            const steps = [-1, batchSize - 1, -1].map((second) => stepper.step(tokens(second)) as FloatArray)
            stepper.free()
            return Object.fromEntries(steps.map((values, i) => [`step ${i}`, values]))
          }
          expect(differenceOnAnySet(scores, norm), `${hiddenSize} ${batchSize} ${special} ${norm}`).toBeUndefined()
        }
      }
    }
  })
})

// The states of a relu become infinite themselves.
test.each(kinds.filter((cell) => cell !== 'rnn_relu'))(
  '%s: an infinite weight of the hidden state does not reach the input of a sequence of one step',
  (cell) => {
    for (const hiddenSize of hiddenSizes) {
      for (const [seed, special] of specials.entries()) {
        const lengths = Int32Array.of(3, 1, 2)
        const sizes = { cell, numSteps: 3, batchSize: 3, inputSize: 2, hiddenSize, reverse: false, lengths }
        const one = {
          sizes,
          outFeatures: 0,
          place: 'weightHh',
          norm: false,
          peepholes: false,
          special,
          tokens: false,
        } as const
        expect(differenceOnAnySet(passesOf(one, seed), false), `${hiddenSize} ${special}`).toBeUndefined()
      }
    }
  },
)

describe.each([
  ['mingru', MinGRU],
  ['minlstm', MinLSTM],
] as const)('%s, on every set of kernels', (cell, Layer) => {
  test.each(['input', 'h0', 'weightIh', 'biasIh', 'output'] as const)('a special value in %s', (place) => {
    for (const hiddenSize of [1, 2, 7, 8, 9, 17, 33]) {
      for (const batchSize of [1, 2, 3, 5, 9]) {
        const generator = new Generator(hiddenSize * 10 + batchSize)
        const [numSteps, inputSize, outFeatures] = [1 + generator.integer(4), 1 + generator.integer(9), 3]
        const random = (length: number) => Float32Array.from({ length }, () => generator.normal() / 4)
        const gates = cells[cell].gates.length * hiddenSize
        const arrays = {
          input: random(numSteps * batchSize * inputSize),
          h0: random(batchSize * hiddenSize),
          weightIh: random(gates * inputSize),
          biasIh: random(gates),
          output: random(numSteps * batchSize * outFeatures),
        }
        const special = specials[generator.integer(3)]
        arrays[place][generator.integer(arrays[place].length)] = special
        const head = [random(outFeatures * hiddenSize), random(outFeatures)]
        const run = (kernels: Kernels): Passes => {
          setDefaultDevice(kernels)
          const layer = new Layer({ inputSize, hiddenSize })
          const linear = new Linear({ inFeatures: hiddenSize, outFeatures })
          const parameters = [...layer.parameters(), ...linear.parameters()]
          for (const [i, values] of [arrays.weightIh, arrays.biasIh, ...head].entries()) parameters[i].copy_(values)
          const x = fromData(arrays.input, [numSteps, batchSize, inputSize]).requiresGrad_()
          const h0 = fromData(arrays.h0, [1, batchSize, hiddenSize]).requiresGrad_()
          const { output, state } = layer.forwardTo(linear, x, h0)
          const d = fromData(arrays.output, [numSteps, batchSize, outFeatures])
          output.mul(d).sum().add(state.sum()).backward()
          const grads = [x, h0, ...parameters].map((tensor, i) => [`d ${i}`, tensor.grad!.data] as const)
          return { output: output.data, state: state.data, ...Object.fromEntries(grads) }
        }
        const what = JSON.stringify({ numSteps, batchSize, inputSize, hiddenSize, special: String(special) })
        expect(differenceOnAnySet(run, false), what).toBeUndefined()
      }
    }
  })
})
