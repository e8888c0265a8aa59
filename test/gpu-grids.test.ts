import { expect, test } from 'vitest'
import { countingDevice, Recorder } from '../bench/gpu-commands.js'
import { WebGpuDevice } from '../dist/kernels/webgpu/webgpu.js'

// The grids of workgroups for tensors of a gigabyte, on a device that computes nothing.

test('no operation asks for more workgroups in a direction than every adapter has, however large its tensors are', () => {
  const { gpu } = new Recorder(countingDevice())
  const device = new WebGpuDevice(gpu)
  const wrong: string[] = []
  const run = gpu.run.bind(gpu)
  gpu.run = (shader, storages, params, groups) => {
    if (Math.max(...groups.map((count) => count ?? 1)) > 65_535) wrong.push(`${shader.name}: ${groups}`)
    run(shader, storages, params, groups)
  }
  const count = 2 ** 28
  const [x, y, z, w] = [1, 2, 3, 4].map(() => device.zeros(count))
  const [scalar, few] = [1, 16].map((length) => device.zeros(length))
  const rows = count / 16
  const strided = { offset: 0, strides: [1, rows] }
  device.unary('exp', x, y)
  device.binary('add', x, y, z)
  device.affine(x, 2, 1, y)
  device.scale(x, scalar, y)
  device.addScaled(2, x, y)
  device.clamp(x, 0, 1, y)
  device.uniform([1, 2], x)
  device.mask([1, 2], 0.5, 2, x)
  device.copy(x, strided, y, { offset: 0, strides: [16, 1] }, [rows, 16])
  device.pick(x, device.argmax(x, rows, 16, 1), device.zeros(rows), rows, 16, 1)
  device.argmax(x, 1, 16, rows)
  for (const [outer, length] of [[1, count], [rows, 16], [16, rows]]) device.sumAxis(x, y, outer, length, 1) // biome-ignore format: one line
  device.sumSquares(x, 1, scalar)
  device.softmax(x, y, rows, 16)
  device.logSoftmaxGrad(x, y, z, rows, 16)
  const kept = { values: z, scales: device.zeros(rows) }
  device.layerNorm(x, few, few, kept, y, 1e-5)
  device.layerNormGrad(x, few, kept, y, device.zeros(16), device.zeros(16))
  for (const [m, n, k] of [[rows, 16, 16], [16, rows, 16], [16, 16, rows]]) device.matmul(x, y, z, { m, n, k }) // biome-ignore format: one line
  device.learning.clipNorm([x], 1, scalar)
  const sgd = { rule: 'sgd', lr: 1, momentum: 0, dampening: 0, nesterov: false, weightDecay: 0, step: 1 } as const
  device.learning.update([{ rule: sgd, parameter: x, grad: y, buffers: {} }])
  const adam = { rule: 'adam', step: 1, lr: 1, betas: [0.9, 0.99], eps: 1, l2: 0, kept: 1 } as const
  device.learning.update([{ rule: adam, parameter: x, grad: y, buffers: { exp_avg: z, exp_avg_sq: w } }])
  expect(wrong).toEqual([])
})

test('no dispatch of a product takes a slow GPU longer than half a second, whatever its shape is', () => {
  const { gpu } = new Recorder(countingDevice())
  const device = new WebGpuDevice(gpu)
  const operations: number[] = []
  const run = gpu.run.bind(gpu)
  gpu.run = (shader, storages, params, groups) => {
    const size = Number(/^matmul(\d+)$/.exec(shader.name)?.[1] ?? 0)
    const [, , , part] = params
    operations.push(2 * size ** 2 * part * groups.reduce<number>((all, count = 1) => all * count, 1))
    run(shader, storages, params, groups)
  }
  const [x, y, z] = [1, 2, 3].map(() => device.zeros(2 ** 28))
  const shapes = [
    [16_384, 16_384, 16_384],
    // The gradient of the weights of an LSTM 1024 over 65,536 places.
    [4096, 1024, 65_536],
    [64, 64, 4_000_000],
  ]
  for (const [m, n, k] of shapes) {
    operations.length = 0
    device.matmul(x, y, z, { m, n, k, transposeA: true })
    expect(Math.max(...operations)).toBeLessThanOrEqual(100e9)
    // Nor is it cut smaller than it must be.
    expect(operations.length).toBeLessThan(3 + (2 * m * n * k) / 50e9)
  }
})
