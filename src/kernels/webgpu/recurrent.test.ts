import { afterAll, describe, expect, test } from 'vitest'
import { findGpu } from '#platform'
import { Generator } from '../../core/random.js'
import { type CellKind, cells, hasC, isMinimal, type LayerKind } from '../../device/cells.js'
import type {
  FloatArray,
  RecurrentInput,
  RecurrentOutputGrads,
  RecurrentSizes,
  RecurrentWeights,
} from '../../device/device.js'
import { referenceKernels } from '../index.js'
import type { GpuStorage } from './buffers.js'
import { backwardStorages } from './layer-backward.js'
import { forwardStorages } from './layer-forward.js'
import { gridOf } from './layer-grid.js'
import { webGpuDevice } from './webgpu.js'

// Recurrent layers on the WebGPU device beside the reference kernels in double precision.
const exact = referenceKernels('float64')
const device = await webGpuDevice(findGpu, true).catch((error: Error) => console.log(`no GPU: ${error.message}`))

const generator = new Generator(7)
const random = (length: number, scale = 1) => Float32Array.from({ length }, () => generator.normal() * scale)
const kinds = (Object.keys(cells) as LayerKind[]).filter((kind): kind is CellKind => !isMinimal(kind))

/** The values of storages or arrays by name, in any depth; absent ones are left out. */
function named(x: object, prefix = ''): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(x).flatMap(([key, value]) => {
      if (value === undefined) return []
      const leaf = ArrayBuffer.isView(value) || device!.owns(value)
      return leaf ? [[prefix + key, value]] : Object.entries(named(value, `${prefix}${key}.`))
    }),
  )
}

/** The same object with storages of the device in place of arrays of floats. */
function onDevice<T extends object>(x: T): never {
  return Object.fromEntries(
    Object.entries(x).map(([key, value]) => {
      if (value instanceof Float32Array) return [key, device!.from(value)]
      return [key, value === undefined || value instanceof Int32Array ? value : onDevice(value)]
    }),
  ) as never
}

/** The largest difference in a pass over a layer between the device and the reference, relative to the largest values. */
async function differences(
  sizes: RecurrentSizes,
  weights: RecurrentWeights,
  input: RecurrentInput,
  grads: RecurrentOutputGrads,
): Promise<Record<string, number>> {
  const wanted = { input: input.input instanceof Float32Array, state: true }
  const theirs = exact.recurrent(sizes, weights, input, true)
  const expected = named({ ...theirs.result, d: theirs.tape!.backward(grads, wanted) })
  const [onGpu, given] = [onDevice(weights), onDevice(input)]
  const ours = device!.recurrent(sizes, onGpu, given, true)
  const got = named({ ...ours.result, d: ours.tape!.backward(onDevice(grads), wanted) })
  // One more shader for each is compiled: that is done where there are no biases.
  if (!weights.biasIh) {
    const withoutTape = named(device!.recurrent(sizes, onGpu, given, false).result) as Record<string, GpuStorage>
    for (const [name, storage] of Object.entries(withoutTape)) {
      expect(await device!.read(storage), name).toEqual(await device!.read(got[name] as GpuStorage))
    }
  }
  expect(Object.keys(got).sort()).toEqual(Object.keys(expected).sort())
  const errors: Record<string, number> = {}
  for (const [name, values] of Object.entries(expected) as [string, FloatArray][]) {
    errors[name] = difference(await device!.read(got[name] as GpuStorage), values)
  }
  return errors
}

/** The largest difference, relative to the largest value. */
function difference(got: FloatArray | Int32Array, expected: FloatArray): number {
  expect(got.length).toBe(expected.length)
  let [most, size] = [0, 1e-30]
  for (let i = 0; i < got.length; i++) {
    if (!Number.isFinite(got[i])) return Number.POSITIVE_INFINITY
    most = Math.max(most, Math.abs(got[i] - expected[i]))
    size = Math.max(size, Math.abs(expected[i]))
  }
  return most / size
}

interface Options {
  tokens?: boolean
  bias?: boolean
  state?: boolean
  outFeatures?: number
  norm?: boolean
  /** Gradients of the outputs by name; default all. */
  grads?: string
}

function layer(
  sizes: RecurrentSizes,
  { tokens, bias = true, state = true, norm, outFeatures, grads = 'output hn cn' }: Options,
) {
  const { cell, numSteps, batchSize, inputSize, hiddenSize } = sizes
  const rows = cells[cell].gates.length * hiddenSize
  const scale = 1 / Math.sqrt(hiddenSize)
  const places = numSteps * batchSize
  const weights: RecurrentWeights = {
    weightIh: random(rows * inputSize, scale),
    weightHh: random(rows * hiddenSize, scale),
    ...(bias && { biasIh: random(rows, scale), biasHh: random(rows, scale) }),
    ...(norm && { gainIh: random(rows), gainHh: random(rows) }),
    ...(norm && hasC(cell) && { gainC: random(hiddenSize), biasC: bias ? random(hiddenSize) : undefined }),
    ...(outFeatures && {
      head: { weight: random(outFeatures * hiddenSize, scale), bias: bias ? random(outFeatures) : undefined },
    }),
  }
  const input: RecurrentInput = {
    input: tokens
      ? Int32Array.from({ length: places }, () => generator.integer(inputSize))
      : random(places * inputSize),
    ...(state && { h0: random(batchSize * hiddenSize), ...(hasC(cell) && { c0: random(batchSize * hiddenSize) }) }),
  }
  const given: RecurrentOutputGrads = {
    output: grads.includes('output') ? random(places * (outFeatures ?? hiddenSize)) : undefined,
    hn: grads.includes('hn') ? random(batchSize * hiddenSize) : undefined,
    cn: hasC(cell) && grads.includes('cn') ? random(batchSize * hiddenSize) : undefined,
  }
  return [sizes, weights, input, given] as const
}

const worst: Record<string, number> = {}
async function check(sizes: RecurrentSizes, options: Options = {}): Promise<void> {
  for (const [name, error] of Object.entries(await differences(...layer(sizes, options)))) {
    expect(error, name).toBeLessThan(1e-4)
    worst[sizes.cell] = Math.max(worst[sizes.cell] ?? 0, error)
  }
}

afterAll(() => {
  if (device) console.log('largest differences from the reference kernels:', worst)
})

describe.skipIf(!device)(`recurrent layers on ${device?.name} agree with the reference kernels`, () => {
  const shapes = [
    { numSteps: 1, batchSize: 1, inputSize: 1, hiddenSize: 1 },
    { numSteps: 4, batchSize: 5, inputSize: 2, hiddenSize: 3 },
    { numSteps: 3, batchSize: 33, inputSize: 7, hiddenSize: 17 },
    { numSteps: 2, batchSize: 2, inputSize: 5, hiddenSize: 257 },
  ]
  for (const cell of kinds) {
    test.each(shapes)(`${cell} with %o`, async (shape) => {
      await check({ cell, ...shape, reverse: false })
      await check({ cell, ...shape, reverse: true }, { tokens: true, outFeatures: 6 })
    })

    // The nonlinearity does not matter to what follows.
    if (cell === 'rnn_relu') continue

    test(`${cell} without biases, states and some gradients`, async () => {
      const sizes = { cell, numSteps: 5, batchSize: 4, inputSize: 3, hiddenSize: 6, reverse: false }
      await check(sizes, { bias: false, state: false, grads: 'output' })
      await check(sizes, { bias: false, outFeatures: 4, tokens: true })
      await check({ ...sizes, reverse: true }, { grads: 'hn' })
      await check(sizes, { grads: 'cn hn', outFeatures: 4 })
    })

    test(`${cell} with layer normalization`, async () => {
      const sizes = { cell, numSteps: 4, batchSize: 5, inputSize: 3, hiddenSize: 6, reverse: false }
      await check(sizes, { norm: true })
      await check({ ...sizes, reverse: true }, { norm: true, tokens: true, bias: false, state: false, outFeatures: 4 })
      // More units than a workgroup has threads take seconds to compile; the walk over them is the same for all cells.
      if (cell !== 'lstm') return
      await check({ ...sizes, numSteps: 2, batchSize: 2, hiddenSize: 259 }, { norm: true, grads: 'output' })
    })

    test(`${cell} with several sequences a thread`, async () => {
      const sizes = { cell, numSteps: 2, batchSize: 151, inputSize: 3, hiddenSize: 130, reverse: false }
      expect(gridOf(device!.gpu, { ...sizes, normalized: false }, 'forward')).toMatchObject({ rows: 2, slices: 1 })
      await check(sizes, { tokens: true, outFeatures: 2 })
      const lengths = Int32Array.from({ length: sizes.batchSize }, () => 1 + generator.integer(2))
      await check({ ...sizes, reverse: true, lengths }, { outFeatures: 2 })
    })
  }

  test('a layer whose states do not fit into the memory of a workgroup has dispatches for each step', async () => {
    const gpu = device!.gpu as { limits: Partial<GPUSupportedLimits> }
    const { limits } = gpu
    gpu.limits = { maxComputeWorkgroupStorageSize: 256 }
    try {
      for (const cell of ['rnn_tanh', 'gru', 'lstm'] as const) {
        const sizes = { cell, numSteps: 3, batchSize: 5, inputSize: 2, hiddenSize: 41, reverse: true }
        for (const pass of ['forward', 'backward'] as const) {
          expect(gridOf(device!.gpu, { ...sizes, normalized: false }, pass).inside).toBe(false)
        }
        await check(sizes)
        await check({ ...sizes, reverse: false }, { state: false, tokens: true, grads: 'output', outFeatures: 3 })
        await check(sizes, { norm: true })
        const lengths = Int32Array.of(3, 1, 2, 2, 1)
        await check({ ...sizes, lengths })
        if (cell === 'lstm') {
          await check({ ...sizes, reverse: false, lengths }, { norm: true, tokens: true, outFeatures: 3 })
        }
      }
    } finally {
      gpu.limits = limits
    }
  })

  test('a long walk through time is cut into dispatches that give the same bits as one', async () => {
    const gpu = device!.gpu as { mostBytesAtOnce: number }
    const { mostBytesAtOnce } = gpu
    try {
      const cases: [CellKind, Options][] = [
        ['rnn_tanh', { state: false, grads: 'output' }],
        ['gru', { tokens: true }],
        ['lstm', {}],
        ['lstm', { norm: true }],
      ]
      for (const [cell, options] of cases) {
        const sizes = { cell, numSteps: 7, batchSize: 4, inputSize: 3, hiddenSize: 6, reverse: cell === 'gru' }
        const [, weights, input, grads] = layer(sizes, options)
        const pass = async (bytes: number) => {
          gpu.mostBytesAtOnce = bytes
          const { dispatches } = device!.gpu.counts
          const { result, tape } = device!.recurrent(sizes, onDevice(weights), onDevice(input), true)
          const d = tape!.backward(onDevice(grads), { input: false, state: true })
          const count = device!.gpu.counts.dispatches - dispatches
          const values: Record<string, unknown> = {}
          for (const [name, storage] of Object.entries(named({ ...result, d }))) {
            values[name] = await device!.read(storage as GpuStorage)
          }
          return { count, values }
        }
        const whole = await pass(mostBytesAtOnce)
        // Three steps fit, so that both walks are cut into three.
        const cut = await pass(3.5 * 2 ** 20)
        expect(cut.count).toBe(whole.count + 4)
        expect(cut.values).toEqual(whole.values)
      }
    } finally {
      gpu.mostBytesAtOnce = mostBytesAtOnce
    }
  })

  test('so has one with weights that a part of a GPU reads too slowly', () => {
    for (const batchSize of [1, 256]) {
      expect(
        gridOf(device!.gpu, { cell: 'lstm', hiddenSize: 256, batchSize, normalized: false }, 'forward').inside,
      ).toBe(true)
      expect(
        gridOf(device!.gpu, { cell: 'lstm', hiddenSize: 1024, batchSize, normalized: false }, 'forward').inside,
      ).toBe(false)
    }
  })

  test('no shader needs more storages than any GPU has', () => {
    for (const [cell, peepholes] of [...kinds.map((cell) => [cell, false] as const), ['lstm', true] as const]) {
      for (let bits = 0; bits < 8; bits++) {
        const [inside, uneven, normalizes] = [1, 2, 4].map((bit) => (bits & bit) > 0)
        const normalized = normalizes && !peepholes
        const grid = { cell, hiddenSize: 4, lanes: 4, slices: 1, rows: 1, inside, normalized, peepholes, uneven }
        // With lengths, the states before the first step lie where those after the last one will.
        const states = { h0: inside && !uneven, c0: inside && !uneven }
        const kept = forwardStorages(grid, { input: 'sums', ...states, keep: true })
        const tokens = forwardStorages(grid, { input: 'tokens', ...states, keep: false })
        const back = backwardStorages(grid, { dy: true, last: true })
        expect(Math.max(kept.length, tokens.length, back.length)).toBeLessThanOrEqual(8)
      }
    }
  })
})
