import type { OutputWeights } from '../../device/device.js'
import type { GpuStorage } from './buffers.js'
import type { Gpu } from './gpu.js'
import { builtins, spread, THREADS, threadIndex } from './math.js'
import { matmul } from './matmul.js'
import { shader } from './program.js'
import { sumAxis } from './reduce.js'

const biasShader = shader({
  name: 'addBias',
  storages: { y: 'update f32', bias: 'read f32' },
  params: { count: 'u32', columns: 'u32' },
  code: `
@compute @workgroup_size(${THREADS}) fn main(${builtins}) {
  let i = ${threadIndex};
  if (i < p.count) { y[i] += bias[i % p.columns]; }
}`,
})

/** The scores of a linear output for the rows of h. */
export function scores(gpu: Gpu, { weight, bias }: OutputWeights<GpuStorage>, h: GpuStorage, hiddenSize: number) {
  const [rows, outFeatures] = [h.length / hiddenSize, weight.length / hiddenSize]
  const y = gpu.empty(rows * outFeatures)
  matmul(gpu, h, weight, y, { m: rows, n: outFeatures, k: hiddenSize, transposeB: true })
  if (bias) gpu.run(biasShader, [y, bias], [y.length, outFeatures], spread(Math.ceil(y.length / THREADS)))
  return y
}

/** The gradients of the linear output from those of the scores, dy, and the gradient of h. */
export function scoreGradients(
  gpu: Gpu,
  { weight, bias }: OutputWeights<GpuStorage>,
  h: GpuStorage,
  dy: GpuStorage,
  hiddenSize: number,
): { grads: OutputWeights<GpuStorage>; dh: GpuStorage } {
  const [rows, outFeatures] = [h.length / hiddenSize, weight.length / hiddenSize]
  const dh = gpu.empty(h.length)
  matmul(gpu, dy, weight, dh, { m: rows, n: hiddenSize, k: outFeatures })
  const grads = { weight: gpu.empty(weight.length), bias: bias && gpu.empty(outFeatures) }
  matmul(gpu, dy, h, grads.weight, { m: outFeatures, n: hiddenSize, k: rows, transposeA: true })
  if (grads.bias) sumAxis(gpu, dy, grads.bias, 1, rows, outFeatures)
  return { grads, dh }
}
