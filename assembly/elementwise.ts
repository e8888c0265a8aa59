/**
 * y = f(x) and y = f(a, b) over `length` values, with room for whole vectors; y may be an operand. See `SECOND` in simd.ts.
 */
import * as math from "./math";
import { bytes, SECOND, splat } from "./simd";

/** Operations of one vector, or of two. They are numbers that are known where `unary` and `binary` are inlined. */
const EXP: i32 = 0, LOG: i32 = 1, TANH: i32 = 2, SIGMOID: i32 = 3, RELU: i32 = 4, SQRT: i32 = 5, ABS: i32 = 6;
const ADD: i32 = 0, SUB: i32 = 1, MUL: i32 = 2, DIV: i32 = 3, TANH_GRAD: i32 = 4, SIGMOID_GRAD: i32 = 5, RELU_GRAD: i32 = 6;

// @ts-ignore: decorator
@inline
function unary(op: i32, x: v128): v128 {
  if (op == EXP) return math.exp(x);
  if (op == LOG) return math.log(x);
  if (op == TANH) return math.tanh(x);
  if (op == SIGMOID) return math.sigmoid(x);
  if (op == RELU) return f32x4.max(x, splat(0.0));
  return op == SQRT ? f32x4.sqrt(x) : f32x4.abs(x);
}

// @ts-ignore: decorator
@inline
function binary(op: i32, a: v128, b: v128): v128 {
  if (op == ADD) return f32x4.add(a, b);
  if (op == SUB) return f32x4.sub(a, b);
  if (op == MUL) return f32x4.mul(a, b);
  if (op == DIV) return f32x4.div(a, b);
  // dx = dy f'(x), where a is dy and b the output y: 1 − y² of tanh, y (1 − y) of σ, and 1 where relu is above 0.
  if (op == TANH_GRAD) return f32x4.mul(a, f32x4.sub(math.one(), f32x4.mul(b, b)));
  if (op == SIGMOID_GRAD) return f32x4.mul(f32x4.mul(a, b), f32x4.sub(math.one(), b));
  return v128.and(a, f32x4.gt(b, splat(0.0)));
}

// @ts-ignore: decorator
@inline
function unaryTwo(op: i32, x: usize, y: usize, second: usize): void {
  const y0 = unary(op, v128.load(x)), y1 = unary(op, v128.load(x + second));
  v128.store(y, y0); v128.store(y + second, y1);
}

// @ts-ignore: decorator
@inline
function binaryTwo(op: i32, a: usize, b: usize, y: usize, second: usize): void {
  const y0 = binary(op, v128.load(a), v128.load(b)), y1 = binary(op, v128.load(a + second), v128.load(b + second));
  v128.store(y, y0); v128.store(y + second, y1);
}

// @ts-ignore: decorator
@inline
function unaryAll(op: i32, x: usize, y: usize, length: i32): void {
  const end = x + bytes(length);
  for (; x + SECOND < end; x += 2 * SECOND, y += 2 * SECOND) unaryTwo(op, x, y, SECOND);
  if (x < end) unaryTwo(op, x, y, 0);
}

// @ts-ignore: decorator
@inline
function binaryAll(op: i32, a: usize, b: usize, y: usize, length: i32): void {
  const end = a + bytes(length);
  for (; a + SECOND < end; a += 2 * SECOND, b += 2 * SECOND, y += 2 * SECOND) binaryTwo(op, a, b, y, SECOND);
  if (a < end) binaryTwo(op, a, b, y, 0);
}

export function exp(x: usize, y: usize, length: i32): void { unaryAll(EXP, x, y, length); }
export function log(x: usize, y: usize, length: i32): void { unaryAll(LOG, x, y, length); }
export function tanh(x: usize, y: usize, length: i32): void { unaryAll(TANH, x, y, length); }
export function sigmoid(x: usize, y: usize, length: i32): void { unaryAll(SIGMOID, x, y, length); }
export function relu(x: usize, y: usize, length: i32): void { unaryAll(RELU, x, y, length); }
export function sqrt(x: usize, y: usize, length: i32): void { unaryAll(SQRT, x, y, length); }
export function abs(x: usize, y: usize, length: i32): void { unaryAll(ABS, x, y, length); }

export function add(a: usize, b: usize, y: usize, length: i32): void { binaryAll(ADD, a, b, y, length); }
export function sub(a: usize, b: usize, y: usize, length: i32): void { binaryAll(SUB, a, b, y, length); }
export function mul(a: usize, b: usize, y: usize, length: i32): void { binaryAll(MUL, a, b, y, length); }
export function div(a: usize, b: usize, y: usize, length: i32): void { binaryAll(DIV, a, b, y, length); }
export function tanhGrad(a: usize, b: usize, y: usize, length: i32): void { binaryAll(TANH_GRAD, a, b, y, length); }
export function sigmoidGrad(a: usize, b: usize, y: usize, length: i32): void { binaryAll(SIGMOID_GRAD, a, b, y, length); }
export function reluGrad(a: usize, b: usize, y: usize, length: i32): void { binaryAll(RELU_GRAD, a, b, y, length); }
