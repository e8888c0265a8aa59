import type { BinaryOp, UnaryOp } from '../../device/device.js'

export const sigmoid = (x: number): number => (x < 0 ? Math.exp(x) / (1 + Math.exp(x)) : 1 / (1 + Math.exp(-x)))

export const unary: Record<UnaryOp, (x: number) => number> = {
  exp: Math.exp,
  log: Math.log,
  tanh: Math.tanh,
  sigmoid,
  relu: (x) => Math.max(x, 0),
  sqrt: Math.sqrt,
  abs: Math.abs,
  sign: Math.sign,
}

/** For gradients, a is the gradient of the output and b the output itself. */
export const binary: Record<BinaryOp, (a: number, b: number) => number> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  tanhGrad: (dy, y) => dy * (1 - y * y),
  sigmoidGrad: (dy, y) => dy * y * (1 - y),
  reluGrad: (dy, y) => (y > 0 ? dy : 0),
}
