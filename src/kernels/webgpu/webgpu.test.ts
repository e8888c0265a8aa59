import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findGpu } from '#platform'
import { Generator } from '../../core/random.js'
import type { BinaryOp, Device, FloatArray, Storage, UnaryOp } from '../../device/device.js'
import { referenceKernels } from '../index.js'
import { learningOf } from '../learning.js'
import { acquire } from './adapter.js'
import { Gpu } from './gpu.js'
import { WebGpuDevice, webGpuDevice } from './webgpu.js'

// The WebGPU device is compared with the reference kernels in double precision, for awkward sizes.
const exact = referenceKernels('float64')
const found = await webGpuDevice(findGpu, true).catch((error: Error) => console.log(`no GPU: ${error.message}`))
let device = found

const generator = new Generator(5)
const random = (length: number, scale = 1) => Float32Array.from({ length }, () => generator.normal() * scale)
const integers = (length: number, below: number) => Int32Array.from({ length }, () => generator.integer(below))

/** The largest difference, relative to the largest value. */
function error(got: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(got.length).toBe(expected.length)
  let [most, size] = [0, 1e-30]
  for (let i = 0; i < got.length; i++) {
    if (got[i] === Math.fround(expected[i]) || Object.is(got[i], expected[i])) continue
    // Any other difference that is not finite is an error.
    if (!Number.isFinite(got[i]) || !Number.isFinite(Math.fround(expected[i]))) return Infinity
    most = Math.max(most, Math.abs(got[i] - expected[i]))
    size = Math.max(size, Math.abs(expected[i]))
  }
  return most / size
}

/** Runs an operation on both devices, with copies of the same arrays, and compares all of them afterwards. */
async function compare(
  arrays: readonly Float32Array[],
  run: (device: Device<Storage>, ...storages: Storage[]) => void,
  most = 1e-6,
): Promise<void> {
  const ours = arrays.map((array) => device!.from(array))
  const theirs = arrays.map((array) => exact.from(array))
  run(device as unknown as Device, ...ours)
  run(exact as unknown as Device, ...theirs)
  const read = await Promise.all(ours.map((storage) => device!.read(storage)))
  for (const [i, values] of read.entries()) expect(error(values, theirs[i]), `array ${i}`).toBeLessThan(most)
}

describe.skipIf(!device)(`the device ${device?.name} agrees with the reference kernels`, () => {
  const unaries: UnaryOp[] = ['exp', 'tanh', 'sigmoid', 'relu', 'abs', 'sign']
  test.each(unaries)('%s', async (op) => {
    for (const length of [1, 3, 257, 5000]) {
      await compare([random(length, 4), new Float32Array(length)], (on, x, y) => on.unary(op, x, y), 3e-6)
      await compare([random(length, 0.01)], (on, x) => on.unary(op, x, x), 3e-6)
    }
  })

  test.each(['log', 'sqrt'] as const)('%s', async (op) => {
    await compare([random(99).map(Math.abs), new Float32Array(99)], (on, x, y) => on.unary(op, x, y), 2e-6)
  })

  test('values that are not finite, and large ones', async () => {
    const x = Float32Array.of(Number.NaN, Infinity, -Infinity, 100, -100, 0)
    for (const op of ['exp', 'log', 'tanh', 'sigmoid', 'relu', 'sqrt', 'abs', 'sign'] as const) {
      await compare([x, new Float32Array(6)], (on, x, y) => on.unary(op, x, y))
    }
    await compare([x, new Float32Array(6)], (on, x, y) => on.clamp(x, -2, 2, y))
    await compare([x, new Float32Array(6)], (on, x, y) => on.clamp(x, -Infinity, 2, y))
    const [a, b] = [0, 1].map((side) =>
      Float32Array.from({ length: 36 }, (_, i) => x[side ? i % 6 : Math.floor(i / 6)]),
    )
    for (const op of ['add', 'mul', 'div', 'reluGrad'] as const) {
      await compare([a, b, new Float32Array(36)], (on, a, b, y) => on.binary(op, a, b, y))
    }
    const softmaxes = Float32Array.of(1, Number.NaN, 2, 1, -Infinity, 2)
    for (const op of ['softmax', 'logSoftmax'] as const) {
      await compare([softmaxes, new Float32Array(6)], (on, x, y) => on[op](x, y, 2, 3))
    }
  })

  const binaries: BinaryOp[] = ['add', 'sub', 'mul', 'div', 'tanhGrad', 'sigmoidGrad', 'reluGrad']
  test.each(binaries)('%s', async (op) => {
    await compare([random(301), random(301), new Float32Array(301)], (on, a, b, y) => on.binary(op, a, b, y))
    await compare([random(301), random(301)], (on, a, b) => on.binary(op, a, b, a))
    await compare([random(301), new Float32Array(301)], (on, a, y) => on.binary(op, a, a, y))
  })

  test('affine, scale, addScaled', async () => {
    await compare([random(1001), new Float32Array(1001)], (on, x, y) => on.affine(x, 0.3, -2, y))
    await compare([random(1001), random(1)], (on, x, factor) => on.scale(x, factor, x))
    await compare([random(1001), random(1001)], (on, x, y) => on.addScaled(-0.7, x, y))
  })

  test('copies between views', async () => {
    await compare([random(60), new Float32Array(60)], (on, x, y) =>
      on.copy(x, { offset: 0, strides: [1, 12, 3] }, y, { offset: 0, strides: [20, 4, 1] }, [3, 5, 4]),
    )
    await compare([random(60), random(100)], (on, x, y) =>
      on.copy(x, { offset: 7, strides: [10, 0, 2] }, y, { offset: 11, strides: [6, 2, 30] }, [3, 2, 2]),
    )
    await compare([random(64), new Float32Array(64)], (on, x, y) =>
      on.copy(
        x,
        { offset: 0, strides: [1, 2, 4, 8, 16, 32] },
        y,
        { offset: 0, strides: [32, 16, 8, 4, 2, 1] },
        [2, 2, 2, 2, 2, 2],
      ),
    )
    await compare([random(1), new Float32Array(70_000)], (on, x, y) =>
      on.copy(x, { offset: 0, strides: [0] }, y, { offset: 0, strides: [1] }, [70_000]),
    )
  })

  test('rows gathered, and their gradients added up', async () => {
    for (const width of [1, 7, 300]) {
      const rows = integers(50, 9)
      await compare([random(9 * width), new Float32Array(50 * width)], (on, x, y) => on.gatherRows(x, rows, y, width))
      await compare([random(50 * width), random(9 * width)], (on, dy, dx) => on.scatterAddRows(dy, rows, dx, width))
    }
  })

  test.each([
    [1, 1, 1],
    [3, 5, 7],
    [33, 65, 31],
    [4, 100, 600],
    [130, 70, 300],
    [1500, 1400, 9],
  ])('products of [%i, %i] with k = %i, transposed in every way', async (m, n, k) => {
    const ways = [
      [false, false],
      [true, false],
      [false, true],
      [true, true],
    ]
    // The large tile takes a software adapter many seconds to compile.
    for (const [transposeA, transposeB] of m * n > 1e6 ? ways.slice(1, 2) : ways) {
      await compare(
        [random(m * k), random(k * n), new Float32Array(m * n)],
        (on, a, b, y) => on.matmul(a, b, y, { m, n, k, transposeA, transposeB }),
        3e-6,
      )
    }
  })

  test('random numbers have the same bits as on the CPU', async () => {
    for (const length of [1, 2, 999]) {
      const key = [generator.integer(2 ** 31) - 2 ** 30, generator.integer(2 ** 31)] as const
      const expected = new Float32Array(length)
      const y = device!.zeros(length)
      referenceKernels().uniform(key, expected)
      device!.uniform(key, y)
      expect(await device!.read(y)).toEqual(expected)
      referenceKernels().mask(key, 0.3, 1 / 0.7, expected)
      device!.mask(key, 0.3, 1 / 0.7, y)
      expect(await device!.read(y)).toEqual(expected)
    }
  })
  test('a product that takes long is cut into dispatches that give the same bits as one', async () => {
    const gpu = device!.gpu as { mostOperationsAtOnce: number }
    const { mostOperationsAtOnce } = gpu
    const [a, b] = [random(70 * 2000), random(2000 * 100)].map((values) => device!.from(values))
    const product = async (k: number, most: number) => {
      gpu.mostOperationsAtOnce = most
      const [y, { dispatches }] = [device!.zeros(70 * 100), device!.gpu.counts]
      device!.matmul(a, b, y, { m: 70, n: 100, k })
      return { dispatches: device!.gpu.counts.dispatches - dispatches, values: await device!.read(y) }
    }
    try {
      for (const [k, most, pieces] of [
        // Tiles of 32 × 32, three rows and four columns of them: two of a column at a time, and then each by itself.
        [300, 2.5 * 2 * 32 ** 2 * 300, 8],
        [300, 1, 12],
        // Of 11 parts of k four at a time.
        [2000, 4.5 * 2 * 32 ** 2 * 182, 36],
      ]) {
        // The other way round, buffers that are used again would hold what the cut one must write.
        const cut = await product(k, most)
        const whole = await product(k, mostOperationsAtOnce)
        expect(cut.dispatches).toBe(whole.dispatches + pieces - 1)
        expect(cut.values).toEqual(whole.values)
      }
    } finally {
      gpu.mostOperationsAtOnce = mostOperationsAtOnce
    }
  })
})

const withoutSubgroups =
  found?.gpu.subgroups && new WebGpuDevice(new Gpu({ ...(await acquire(await findGpu(), true)), subgroups: false }))

const variants = [
  { name: found?.gpu.subgroups ? 'with subgroups' : 'which has no subgroups', variant: found },
  { name: 'without subgroups', variant: withoutSubgroups },
]

describe.each(variants.filter(({ variant }) => variant))(`reductions on ${found?.name}, $name`, ({ variant }) => {
  beforeAll(() => {
    device = variant || undefined
  })
  afterAll(() => {
    device = found
  })

  const axes = [
    [1, 1, 1],
    [1, 1000, 1],
    [3, 7, 5],
    [2, 300, 70],
    [600, 3, 1],
    [1, 40_000, 2],
  ]
  test.each(axes)('sums and places of the largest values along the middle of [%i, %i, %i]', async (...sizes) => {
    const [outer, length, inner] = sizes
    const x = random(outer * length * inner).map((value) => Math.round(8 * value) / 8)
    const count = outer * inner
    await compare([x, new Float32Array(count)], (on, x, y) => on.sumAxis(x, y, outer, length, inner))
    await compare([x, new Float32Array(1)], (on, x, y) => on.sumSquares(x, 0.5, y))
    const places = device!.argmax(device!.from(x), outer, length, inner)
    const expected = exact.argmax(Float64Array.from(x), outer, length, inner)
    expect(await device!.read(places)).toEqual(expected)
    await compare([x, new Float32Array(count)], (on, x, y) =>
      on.pick(x, on === device ? places : expected, y, outer, length, inner),
    )
    await compare([random(count), x], (on, dy, dx) =>
      on.put(dy, on === device ? places : expected, dx, outer, length, inner),
    )
  })

  test.each([
    [1, 1],
    [5, 28],
    [3, 300],
  ])('softmax, its logarithm and cross entropy of [%i, %i], with gradients', async (rows, columns) => {
    const count = rows * columns
    const [x, dy] = [random(count, 5), random(count)]
    for (const name of ['softmax', 'logSoftmax'] as const) {
      await compare([x, new Float32Array(count)], (on, x, y) => on[name](x, y, rows, columns))
      const y = exact.zeros(count)
      exact[name](exact.from(x), y, rows, columns)
      await compare([Float32Array.from(y), dy, new Float32Array(count)], (on, y, dy, dx) =>
        on[`${name}Grad`](y, dy, dx, rows, columns),
      )
    }
    const targets = integers(rows, columns)
    await compare([x, new Float32Array(1), new Float32Array(count)], (on, x, loss, grad) =>
      learningOf(on).crossEntropy(x, targets, loss, grad, rows, columns),
    )
    const sums = device!.learning.temperature(device!.from(x), targets, 0.7, rows, columns)
    const expected = learningOf(exact).temperature(exact.from(x), targets, 0.7, rows, columns)
    expect(error(await device!.read(sums), expected as FloatArray)).toBeLessThan(1e-5)
  })

  test.each([
    [1, 3],
    [40, 100],
  ])('layer normalization of [%i, %i], with gradients', async (rows, columns) => {
    const count = rows * columns
    const zeros = () => new Float32Array(count)
    const row = () => new Float32Array(rows)
    for (const withBias of [true, false]) {
      const inputs = [random(count, 3), random(columns), random(columns), zeros(), row(), zeros()]
      await compare(
        inputs,
        (on, x, gain, bias, values, scales, y) =>
          on.layerNorm(x, gain, withBias ? bias : undefined, { values, scales }, y, 1e-5),
        3e-6,
      )
    }
    const grads = [zeros(), new Float32Array(columns), new Float32Array(columns)]
    const scales = random(rows).map(Math.abs)
    await compare(
      [random(count), random(columns), random(count), scales, ...grads],
      (on, dy, gain, values, scales, dx, dgain, dbias) =>
        on.layerNormGrad(dy, gain, { values, scales }, dx, dgain, dbias),
    )
  })

  test.each([0.5, 1e6])('gradients clipped to a norm of %f', async (most) => {
    const lengths = [3, 5000, 1, 70, 9, 9, 9, 9, 9, 9, 9, 9, 9, 300]
    await compare([new Float32Array(1), ...lengths.map((length) => random(length))], (on, norm, ...xs) =>
      learningOf(on).clipNorm(xs, most, norm),
    )
  })

  test('the norm of no values is 0, and one of many values is added up from parts of about the same size', async () => {
    await compare([random(1)], (on, norm) => learningOf(on).clipNorm([on.zeros(0)], 1, norm))
    const x = random(5_000_000, 1e-3)
    await compare([new Float32Array(1), x], (on, norm, x) => learningOf(on).clipNorm([x], 1, norm), 1e-5)
  })
})
