import { broadcastShapes, type Shape, sameShape } from '../../core/shape.js'
import { kernels } from '../../kernels/index.js'
import type { BinaryOp, FloatArray, UnaryOp } from '../../kernels/kernels.js'
import { floats, type Result, type Value } from '../value.js'
import { expand, sumTo } from './broadcast.js'

const apply = (op: UnaryOp, x: FloatArray): FloatArray => {
  const y = floats(x.length)
  kernels().unary(op, x, y)
  return y
}

const combine = (op: BinaryOp, a: FloatArray, b: FloatArray): FloatArray => {
  const y = floats(a.length)
  kernels().binary(op, a, b, y)
  return y
}

const scaled = (x: FloatArray, scale: number, shift = 0): FloatArray => {
  const y = floats(x.length)
  kernels().affine(x, scale, shift, y)
  return y
}

/** An operation on each value, its gradient made from the output's gradient and the output. */
const map =
  (op: UnaryOp, gradient: (dy: FloatArray, y: FloatArray, x: FloatArray) => FloatArray) =>
  (x: Value): Result => {
    const y = apply(op, x.data)
    return { data: y, shape: x.shape, backward: (dy) => [gradient(dy, y, x.data)] }
  }

export const exp = map('exp', (dy, y) => combine('mul', dy, y))
export const log = map('log', (dy, _y, x) => combine('div', dy, x))
export const tanh = map('tanh', (dy, y) => combine('tanhGrad', dy, y))
export const sigmoid = map('sigmoid', (dy, y) => combine('sigmoidGrad', dy, y))
export const relu = map('relu', (dy, y) => combine('reluGrad', dy, y))
export const sqrt = map('sqrt', (dy, y) => scaled(combine('div', dy, y), 0.5))
export const abs = map('abs', (dy, _y, x) => combine('mul', dy, x.map(Math.sign) as FloatArray))

/** scale · x + shift */
export function affine(x: Value, scale: number, shift: number): Result {
  return { data: scaled(x.data, scale, shift), shape: x.shape, backward: (dy) => [scaled(dy, scale)] }
}

/** Two operands brought to one shape, and the way back for their gradients. */
function together(where: string, a: Value, b: Value) {
  const shape: Shape = sameShape(a.shape, b.shape) ? a.shape : broadcastShapes(where, a.shape, b.shape)
  return {
    shape,
    x: expand(a, shape),
    y: expand(b, shape),
    back: ([wantsA, wantsB]: readonly boolean[], da: () => FloatArray, db: () => FloatArray) => [
      wantsA ? sumTo(da(), shape, a.shape) : undefined,
      wantsB ? sumTo(db(), shape, b.shape) : undefined,
    ],
  }
}

export function add(a: Value, b: Value): Result {
  const { shape, x, y, back } = together('add', a, b)
  return {
    data: combine('add', x, y),
    shape,
    backward: (dz, wanted) =>
      back(
        wanted,
        () => dz,
        () => dz,
      ),
  }
}

export function sub(a: Value, b: Value): Result {
  const { shape, x, y, back } = together('sub', a, b)
  return {
    data: combine('sub', x, y),
    shape,
    backward: (dz, wanted) =>
      back(
        wanted,
        () => dz,
        () => scaled(dz, -1),
      ),
  }
}

export function mul(a: Value, b: Value): Result {
  const { shape, x, y, back } = together('mul', a, b)
  const backward: Result['backward'] = (dz, wanted) =>
    back(
      wanted,
      () => combine('mul', dz, y),
      () => combine('mul', dz, x),
    )
  return { data: combine('mul', x, y), shape, backward }
}

export function div(a: Value, b: Value): Result {
  const { shape, x, y, back } = together('div', a, b)
  const z = combine('div', x, y)
  const backward: Result['backward'] = (dz, wanted) => {
    const da = combine('div', dz, y)
    return back(
      wanted,
      () => da,
      () => scaled(combine('mul', da, z), -1),
    )
  }
  return { data: z, shape, backward }
}
