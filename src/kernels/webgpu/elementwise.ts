import type { BinaryOp, UnaryOp } from '../../device/device.js'
import type { GpuStorage } from './buffers.js'
import type { Gpu } from './gpu.js'
import { builtins, functions, spread, THREADS, threadIndex } from './math.js'
import { type Access, family, type ParamType, type Shader, shader } from './program.js'

// Operations value by value. A thread takes four values at a time; those beyond the end of a storage are padding.

/** A shader that runs a statement for every four values, number i. */
function quads(
  name: string,
  storages: Record<string, Access>,
  params: Record<string, ParamType>,
  statement: string,
  declarations = '',
): Shader {
  return shader({
    name,
    storages,
    params: { quads: 'u32', ...params },
    code: `${declarations}
@compute @workgroup_size(${THREADS}) fn main(${builtins}) {
  let i = ${threadIndex};
  if (i >= p.quads) { return; }
  ${statement}
}`,
  })
}

function runQuads(gpu: Gpu, by: Shader, storages: readonly GpuStorage[], params: readonly number[] = []): void {
  const count = Math.ceil(storages[0].length / 4)
  gpu.run(by, storages, [count, ...params], spread(Math.ceil(count / THREADS)))
}

/** Comparisons rather than max, which may drop a NaN. */
const unaryCode: Record<UnaryOp, string> = {
  exp: 'exp_of(x[i])',
  log: 'log_of(x[i])',
  tanh: 'tanh_of(x[i])',
  sigmoid: 'sigmoid_of(x[i])',
  relu: 'select(x[i], vec4f(0), x[i] < vec4f(0))',
  sqrt: 'sqrt(x[i])',
  abs: 'abs(x[i])',
  sign: 'unless_nan(sign(x[i]), x[i])',
}

/** For gradients, a is the gradient of the output and b the output itself. */
const binaryCode: Record<BinaryOp, string> = {
  add: 'a[i] + b[i]',
  sub: 'a[i] - b[i]',
  mul: 'a[i] * b[i]',
  div: 'a[i] / b[i]',
  tanhGrad: 'a[i] * (1.0 - b[i] * b[i])',
  sigmoidGrad: 'a[i] * b[i] * (1.0 - b[i])',
  reluGrad: 'select(vec4f(0), a[i], b[i] > vec4f(0))',
}

const unaryShader = family((op: UnaryOp) =>
  quads(op, { x: 'read vec4f', y: 'write vec4f' }, {}, `y[i] = ${unaryCode[op]};`, functions('vec4f')),
)

const binaryShader = family((op: BinaryOp) =>
  quads(op, { a: 'read vec4f', b: 'read vec4f', y: 'write vec4f' }, {}, `y[i] = ${binaryCode[op]};`),
)

const affineShader = quads(
  'affine',
  { x: 'read vec4f', y: 'write vec4f' },
  { scale: 'f32', shift: 'f32' },
  'y[i] = p.scale * x[i] + p.shift;',
)

const scaleShader = quads(
  'scale',
  { x: 'read vec4f', factor: 'read f32', y: 'write vec4f' },
  {},
  'y[i] = factor[0] * x[i];',
)

const addScaledShader = quads(
  'addScaled',
  { x: 'read vec4f', y: 'update vec4f' },
  { alpha: 'f32' },
  'y[i] += p.alpha * x[i];',
)

const clampShader = quads(
  'clamp',
  { x: 'read vec4f', y: 'write vec4f' },
  { low: 'f32', high: 'f32' },
  `let v = x[i];
  y[i] = select(select(v, vec4f(p.high), v > vec4f(p.high)), vec4f(p.low), v < vec4f(p.low));`,
)

/** y = op(x) */
export const unary = (gpu: Gpu, op: UnaryOp, x: GpuStorage, y: GpuStorage): void =>
  runQuads(gpu, unaryShader(op), [x, y])

/** y = op(a, b) */
export const binary = (gpu: Gpu, op: BinaryOp, a: GpuStorage, b: GpuStorage, y: GpuStorage): void =>
  runQuads(gpu, binaryShader(op), [a, b, y])

/** y = scale · x + shift */
export const affine = (gpu: Gpu, x: GpuStorage, scale: number, shift: number, y: GpuStorage): void =>
  runQuads(gpu, affineShader, [x, y], [scale, shift])

/** y = factor[0] · x */
export const scale = (gpu: Gpu, x: GpuStorage, factor: GpuStorage, y: GpuStorage): void =>
  runQuads(gpu, scaleShader, [x, factor, y])

/** y += alpha · x */
export const addScaled = (gpu: Gpu, alpha: number, x: GpuStorage, y: GpuStorage): void =>
  runQuads(gpu, addScaledShader, [x, y], [alpha])

/** y = x within [low, high]; NaN stays NaN. */
export const clamp = (gpu: Gpu, x: GpuStorage, low: number, high: number, y: GpuStorage): void =>
  runQuads(gpu, clampShader, [x, y], [low, high])
