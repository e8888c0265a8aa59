import type { Normalized } from '../../device/device.js'
import type { GpuStorage } from './buffers.js'
import type { Gpu } from './gpu.js'
import { builtins, groupIndex, spread, THREADS } from './math.js'
import { family, shader } from './program.js'
import { reducingMain, sumOver } from './reductions.js'

/** Threads that share a row. */
const WIDTH = 64

const eachColumn = (statement: string): string =>
  `for (var c = thread; c < p.columns; c += ${WIDTH}u) { let at = row * p.columns + c; ${statement} }`

const normShader = family((withBias: boolean) =>
  shader({
    name: 'layerNorm',
    storages: {
      x: 'read f32',
      gain: 'read f32',
      values: 'write f32',
      scales: 'write f32',
      y: 'write f32',
      ...(withBias && ({ bias: 'read f32' } as const)),
    },
    params: { rows: 'u32', columns: 'u32', eps: 'f32' },
    reductions: { sum_of: sumOver(WIDTH) },
    code: reducingMain(
      WIDTH,
      `let row = ${groupIndex};
  if (row >= p.rows) { return; }
  var part = 0.0;
  ${eachColumn('part += x[at];')}
  let mean = sum_of(part, own) / f32(p.columns);
  part = 0.0;
  ${eachColumn('part += (x[at] - mean) * (x[at] - mean);')}
  let scale = 1.0 / sqrt(sum_of(part, own) / f32(p.columns) + p.eps);
  if (thread == 0u) { scales[row] = scale; }
  ${eachColumn(`let value = (x[at] - mean) * scale;
    values[at] = value;
    y[at] = value * gain[c]${withBias ? ' + bias[c]' : ''};`)}`,
    ),
  }),
)

const inputGradShader = shader({
  name: 'layerNormGrad',
  storages: { dy: 'read f32', gain: 'read f32', values: 'read f32', scales: 'read f32', dx: 'write f32' },
  params: { rows: 'u32', columns: 'u32' },
  reductions: { sum_of: sumOver(WIDTH) },
  code: reducingMain(
    WIDTH,
    `let row = ${groupIndex};
  if (row >= p.rows) { return; }
  var sum = 0.0;
  var dot = 0.0;
  ${eachColumn(`let g = dy[at] * gain[c];
    sum += g;
    dot += g * values[at];`)}
  let mean = sum_of(sum, own) / f32(p.columns);
  let along = sum_of(dot, own) / f32(p.columns);
  ${eachColumn('dx[at] = (dy[at] * gain[c] - mean - values[at] * along) * scales[row];')}`,
  ),
})

/** Columns that a workgroup takes; its threads share the rows. */
const LANES = 16
const SLICES = THREADS / LANES

const parameterGradShader = shader({
  name: 'layerNormParameterGrad',
  storages: { dy: 'read f32', values: 'read f32', dgain: 'write f32', dbias: 'write f32' },
  params: { rows: 'u32', columns: 'u32', start_dy: 'u32', start_values: 'u32' },
  code: `
var<workgroup> sums: array<vec2f, ${THREADS}>;
@compute @workgroup_size(${THREADS}) fn main(${builtins}) {
  let slice = thread / ${LANES}u;
  let c = ${groupIndex} * ${LANES}u + thread % ${LANES}u;
  var sum = vec2f(0.0);
  if (c < p.columns) {
    for (var row = slice; row < p.rows; row += ${SLICES}u) {
      let d = dy[p.start_dy + row * p.columns + c];
      sum += vec2f(d * values[p.start_values + row * p.columns + c], d);
    }
  }
  sums[thread] = sum;
  workgroupBarrier();
  for (var half = ${SLICES / 2}u; half > 0u; half /= 2u) {
    if (slice < half) { sums[thread] += sums[thread + half * ${LANES}u]; }
    workgroupBarrier();
  }
  if (slice == 0u && c < p.columns) { dgain[c] = sums[thread].x; dbias[c] = sums[thread].y; }
}`,
})

/** See `Device.layerNorm`. */
export function layerNorm(
  gpu: Gpu,
  x: GpuStorage,
  gain: GpuStorage,
  bias: GpuStorage | undefined,
  { values, scales }: Normalized<GpuStorage>,
  y: GpuStorage,
  eps: number,
): void {
  const storages = [x, gain, values, scales, y, ...(bias ? [bias] : [])]
  gpu.run(normShader(bias !== undefined), storages, [scales.length, gain.length, eps], spread(scales.length))
}

/** See `Device.layerNormGrad`. */
export function layerNormGrad(
  gpu: Gpu,
  dy: GpuStorage,
  gain: GpuStorage,
  { values, scales }: Normalized<GpuStorage>,
  dx: GpuStorage,
  dgain: GpuStorage,
  dbias: GpuStorage,
): void {
  const [rows, columns] = [scales.length, gain.length]
  gpu.run(inputGradShader, [dy, gain, values, scales, dx], [rows, columns], spread(rows))
  parameterGrads(gpu, [dy, values, dgain, dbias], rows)
}

/** dgain = Σ dy x̂ and dbias = Σ dy over `rows` rows, which may begin anywhere in the storages of dy and x̂. */
export function parameterGrads(
  gpu: Gpu,
  storages: readonly [dy: GpuStorage, values: GpuStorage, dgain: GpuStorage, dbias: GpuStorage],
  rows: number,
  { startDy = 0, startValues = 0 } = {},
): void {
  const columns = storages[2].length
  const params = [rows, columns, startDy, startValues]
  gpu.run(parameterGradShader, storages, params, spread(Math.ceil(columns / LANES)))
}
