import { broadcastShapes, type Shape, sameShape } from '../../core/shape.js'
import type { BinaryOp, Device, Storage, UnaryOp } from '../../device/device.js'
import type { Result, Value } from '../value.js'
import { expand, sumTo } from './broadcast.js'

const apply = (device: Device, op: UnaryOp, x: Storage): Storage => {
  const y = device.zeros(x.length)
  device.unary(op, x, y)
  return y
}

const combine = (device: Device, op: BinaryOp, a: Storage, b: Storage): Storage => {
  const y = device.zeros(a.length)
  device.binary(op, a, b, y)
  return y
}

const scaled = (device: Device, x: Storage, scale: number, shift = 0): Storage => {
  const y = device.zeros(x.length)
  device.affine(x, scale, shift, y)
  return y
}

/** An operation on each value; its gradient is computed from the output's gradient, the output and the input. */
const map =
  (op: UnaryOp, gradient: (device: Device, dy: Storage, y: Storage, x: Storage) => Storage) =>
  ({ storage: x, shape, device }: Value): Result => {
    const y = apply(device, op, x)
    return { storage: y, shape, device, backward: (dy) => [gradient(device, dy, y, x)] }
  }

export const exp = map('exp', (device, dy, y) => combine(device, 'mul', dy, y))
export const log = map('log', (device, dy, _y, x) => combine(device, 'div', dy, x))
export const tanh = map('tanh', (device, dy, y) => combine(device, 'tanhGrad', dy, y))
export const sigmoid = map('sigmoid', (device, dy, y) => combine(device, 'sigmoidGrad', dy, y))
export const relu = map('relu', (device, dy, y) => combine(device, 'reluGrad', dy, y))
export const sqrt = map('sqrt', (device, dy, y) => scaled(device, combine(device, 'div', dy, y), 0.5))
export const abs = map('abs', (device, dy, _y, x) => combine(device, 'mul', dy, apply(device, 'sign', x)))

/** x to the power p; its gradient is p · x to the power p − 1, as in PyTorch. */
export function pow({ storage: x, shape, device }: Value, p: number): Result {
  return {
    storage: power(device, x, p),
    shape,
    device,
    backward: (dy) => [
      p === 0 ? device.zeros(x.length) : combine(device, 'mul', dy, scaled(device, power(device, x, p - 1), p)),
    ],
  }
}

/** Whole powers are products, halves are square roots: exact, and defined for negative numbers as C's pow is. */
function power(device: Device, x: Storage, p: number): Storage {
  const one = scaled(device, device.zeros(x.length), 0, 1)
  if (p < 0) return combine(device, 'div', one, power(device, x, -p))
  const fraction = p % 1
  let y = one
  if (fraction === 0.5) y = apply(device, 'sqrt', x)
  else if (fraction > 0) y = apply(device, 'exp', scaled(device, apply(device, 'log', x), fraction))
  let square = x
  for (let rest = Math.floor(p); rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) y = combine(device, 'mul', y, square)
    if (rest > 1) square = combine(device, 'mul', square, square)
  }
  return y
}

/** scale · x + shift */
export function affine({ storage, shape, device }: Value, scale: number, shift: number): Result {
  return {
    storage: scaled(device, storage, scale, shift),
    shape,
    device,
    backward: (dy) => [scaled(device, dy, scale)],
  }
}

/** Broadcasts two operands to one shape; `back` brings their gradients back to their own shapes. */
function together(where: string, a: Value, b: Value) {
  const shape: Shape = sameShape(a.shape, b.shape) ? a.shape : broadcastShapes(where, a.shape, b.shape)
  return {
    device: a.device,
    shape,
    x: expand(a, shape),
    y: expand(b, shape),
    back: ([wantsA, wantsB]: readonly boolean[], da: () => Storage, db: () => Storage) => [
      wantsA ? sumTo(a, da(), shape) : undefined,
      wantsB ? sumTo(b, db(), shape) : undefined,
    ],
  }
}

export function add(a: Value, b: Value): Result {
  const { device, shape, x, y, back } = together('add', a, b)
  return {
    storage: combine(device, 'add', x, y),
    shape,
    device,
    backward: (dz, wanted) =>
      back(
        wanted,
        () => dz,
        () => dz,
      ),
  }
}

export function sub(a: Value, b: Value): Result {
  const { device, shape, x, y, back } = together('sub', a, b)
  return {
    storage: combine(device, 'sub', x, y),
    shape,
    device,
    backward: (dz, wanted) =>
      back(
        wanted,
        () => dz,
        () => scaled(device, dz, -1),
      ),
  }
}

export function mul(a: Value, b: Value): Result {
  const { device, shape, x, y, back } = together('mul', a, b)
  const backward: Result['backward'] = (dz, wanted) =>
    back(
      wanted,
      () => combine(device, 'mul', dz, y),
      () => combine(device, 'mul', dz, x),
    )
  return { storage: combine(device, 'mul', x, y), shape, device, backward }
}

export function div(a: Value, b: Value): Result {
  const { device, shape, x, y, back } = together('div', a, b)
  const z = combine(device, 'div', x, y)
  const backward: Result['backward'] = (dz, wanted) => {
    const da = combine(device, 'div', dz, y)
    return back(
      wanted,
      () => da,
      () => scaled(device, combine(device, 'mul', da, z), -1),
    )
  }
  return { storage: z, shape, device, backward }
}
