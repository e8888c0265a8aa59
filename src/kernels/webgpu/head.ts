import type { OutputWeights } from '../../device/device.js'
import type { GpuStorage } from './buffers.js'
import type { Gpu } from './gpu.js'
import { packed } from './layer-weights.js'
import { builtins, spread, THREADS, threadIndex } from './math.js'
import { matmul } from './matmul.js'
import { shader } from './program.js'
import { sumAxis } from './reduce.js'

/** The scores of a linear output for the rows of h. */
export function scores(gpu: Gpu, { weight, bias }: OutputWeights<GpuStorage>, h: GpuStorage, hiddenSize: number) {
  const [rows, outFeatures] = [h.length / hiddenSize, weight.length / hiddenSize]
  const y = gpu.empty(rows * outFeatures)
  matmul(gpu, h, weight, y, { m: rows, n: outFeatures, k: hiddenSize, transposeB: true }, bias)
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

/** Neighbouring threads take neighbouring scores of one row. */
const packedShader = shader({
  name: 'scores',
  storages: { weight: 'read vec4f', h: 'read f32', y: 'write f32' },
  params: { count: 'u32', outFeatures: 'u32', hiddenSize: 'u32' },
  code: `
@compute @workgroup_size(${THREADS}) fn main(${builtins}) {
  let i = ${threadIndex};
  if (i >= p.count) { return; }
  let o = i % p.outFeatures;
  let start = (i / p.outFeatures) * p.hiddenSize;
  let last = start + p.hiddenSize - 1u;
  let fours = (p.hiddenSize + 3u) / 4u;
  var sum = weight[fours * p.outFeatures + o].x;
  for (var k = 0u; k < fours; k++) {
    let at = start + 4u * k;
    sum += dot(weight[k * p.outFeatures + o], vec4f(h[at], h[min(at + 1u, last)], h[min(at + 2u, last)], h[min(at + 3u, last)]));
  }
  y[i] = sum;
}`,
})

/** A linear output whose weights are packed once, for few rows at a time: one dispatch gives their scores. */
export class PackedHead {
  readonly #weights: GpuStorage

  constructor(
    readonly gpu: Gpu,
    { weight, bias }: OutputWeights<GpuStorage>,
    readonly outFeatures: number,
    readonly hiddenSize: number,
  ) {
    this.#weights = packed(gpu, weight, outFeatures, hiddenSize, { biasIh: bias })
  }

  /** The scores for the first `rows` rows of h. */
  scores(h: GpuStorage, rows: number): GpuStorage {
    const { gpu, outFeatures, hiddenSize } = this
    const y = gpu.empty(rows * outFeatures)
    const groups = spread(Math.ceil(y.length / THREADS))
    gpu.run(packedShader, [this.#weights, h, y], [y.length, outFeatures, hiddenSize], groups)
    return y
  }

  free(): void {
    this.gpu.free(this.#weights)
  }
}
