import type { GpuStorage } from './buffers.js'
import type { Gpu } from './gpu.js'
import { functions, groupIndex, spread } from './math.js'
import { type Access, type ParamType, type Shader, shader } from './program.js'
import { maxOver, reducingMain, sumOver } from './reductions.js'

/** Threads that share a row. */
const WIDTH = 64

/** A loop over the columns of a row; `at` is the place of a value. */
const eachColumn = (statement: string): string =>
  `for (var c = thread; c < p.columns; c += ${WIDTH}u) { let at = row * p.columns + c; ${statement} }`

/** A shader that runs `body` with a workgroup for each row, number `row`. */
function rowsShader(
  name: string,
  storages: Record<string, Access>,
  body: string,
  params: Record<string, ParamType> = {},
): Shader {
  return shader({
    name,
    storages,
    params: { rows: 'u32', columns: 'u32', ...params },
    reductions: { largest_of: maxOver(WIDTH), sum_of: sumOver(WIDTH) },
    code: `
${functions('f32')}
${reducingMain(
  WIDTH,
  `let row = ${groupIndex};
  if (row >= p.rows) { return; }
  ${body}`,
)}`,
  })
}

/** The largest score of a row, and Σ e^(x − largest) over it, as \`largest\` and \`sum\`. A NaN makes the sum NaN. */
const sumOfExponentials = `
  var most = -3.4028234e38;
  ${eachColumn('most = max(most, x[at]);')}
  let largest = largest_of(most, own);
  var part = 0.0;
  ${eachColumn('part += exp_of(x[at] - largest);')}
  let sum = sum_of(part, own);`

const softmaxShader = rowsShader(
  'softmax',
  { x: 'read f32', y: 'write f32' },
  `${sumOfExponentials}
  ${eachColumn('y[at] = exp_of(x[at] - largest) / sum;')}`,
)

const logSoftmaxShader = rowsShader(
  'logSoftmax',
  { x: 'read f32', y: 'write f32' },
  `${sumOfExponentials}
  let log_sum = log_of(sum);
  ${eachColumn('y[at] = x[at] - largest - log_sum;')}`,
)

const softmaxGradShader = rowsShader(
  'softmaxGrad',
  { y: 'read f32', dy: 'read f32', dx: 'write f32' },
  `var part = 0.0;
  ${eachColumn('part += y[at] * dy[at];')}
  let dot = sum_of(part, own);
  ${eachColumn('dx[at] = y[at] * (dy[at] - dot);')}`,
)

const logSoftmaxGradShader = rowsShader(
  'logSoftmaxGrad',
  { y: 'read f32', dy: 'read f32', dx: 'write f32' },
  `var part = 0.0;
  ${eachColumn('part += dy[at];')}
  let sum = sum_of(part, own);
  ${eachColumn('dx[at] = dy[at] - exp_of(y[at]) * sum;')}`,
)

/** −log softmax of each row at its target, and the gradient of their mean. */
const crossEntropyShader = (withGrad: boolean): Shader =>
  rowsShader(
    'crossEntropy',
    {
      x: 'read f32',
      targets: 'read i32',
      losses: 'write f32',
      ...(withGrad && ({ grad: 'write f32' } as const)),
    },
    `${sumOfExponentials}
  let label = u32(targets[row]);
  if (thread == 0u) { losses[row] = log_of(sum) + (largest - x[row * p.columns + label]); }
  ${withGrad ? eachColumn('grad[at] = (exp_of(x[at] - largest) / sum - select(0.0, 1.0, c == label)) / f32(p.rows);') : ''}`,
  )

const lossShader = crossEntropyShader(false)
const lossAndGradShader = crossEntropyShader(true)

/** The sums over each row from which `Learning.temperature` is made: loss, slope and curvature. */
const temperatureShader = rowsShader(
  'temperature',
  { x: 'read f32', targets: 'read i32', moments: 'write f32' },
  `var most = -3.4028234e38;
  ${eachColumn('most = max(most, x[at]);')}
  let largest = largest_of(most, own);
  var parts = vec3f(0.0);
  ${eachColumn(`let distance = x[at] - largest;
    let weight = exp_of(p.beta * distance);
    parts += weight * vec3f(1.0, distance, distance * distance);`)}
  let total = sum_of(parts.x, own);
  let mean = sum_of(parts.y, own) / total;
  let square = sum_of(parts.z, own) / total;
  if (thread == 0u) {
    let missing = largest - x[row * p.columns + u32(targets[row])];
    moments[3u * row] = log_of(total) + p.beta * missing;
    moments[3u * row + 1u] = mean + missing;
    moments[3u * row + 2u] = square - mean * mean;
  }`,
  { beta: 'f32' },
)

type OverRows = (gpu: Gpu, storages: readonly GpuStorage[], rows: number, columns: number) => void

const over =
  (by: Shader): OverRows =>
  (gpu, storages, rows, columns) =>
    gpu.run(by, storages, [rows, columns], spread(rows))

/** [x, y]: y = softmax of each row of x */
export const softmax = over(softmaxShader)
/** [x, y]: y = logarithm of the softmax of each row of x */
export const logSoftmax = over(logSoftmaxShader)
/** [y, dy, dx]: dx = y (dy − Σ y dy) in each row */
export const softmaxGrad = over(softmaxGradShader)
/** [y, dy, dx]: dx = dy − e^y Σ dy in each row */
export const logSoftmaxGrad = over(logSoftmaxGradShader)

/** losses[rows] = −log softmax(x[row])[targets[row]], and the gradient of their mean in `grad` if that is given. */
export function crossEntropyRows(
  gpu: Gpu,
  x: GpuStorage,
  targets: GpuStorage,
  losses: GpuStorage,
  grad: GpuStorage | undefined,
  rows: number,
  columns: number,
): void {
  const by = grad ? lossAndGradShader : lossShader
  gpu.run(by, [x, targets, losses, ...(grad ? [grad] : [])], [rows, columns], spread(rows))
}

/** moments[rows, 3] = loss, slope and curvature of each row under softmax(β x). */
export function temperatureRows(
  gpu: Gpu,
  x: GpuStorage,
  targets: GpuStorage,
  moments: GpuStorage,
  beta: number,
  rows: number,
  columns: number,
): void {
  gpu.run(temperatureShader, [x, targets, moments], [rows, columns, beta], spread(rows))
}
