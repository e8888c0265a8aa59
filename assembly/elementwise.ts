/** y = f(x) and y = f(a, b) over `length` values, with room for whole vectors. y may be an operand. */
import * as math from "./math";
import { bytes, splat } from "./simd";

export function exp(x: usize, y: usize, length: i32): void {
  for (const end = x + bytes(length); x < end; x += 16, y += 16) v128.store(y, math.exp(v128.load(x)));
}

export function log(x: usize, y: usize, length: i32): void {
  for (const end = x + bytes(length); x < end; x += 16, y += 16) v128.store(y, math.log(v128.load(x)));
}

export function tanh(x: usize, y: usize, length: i32): void {
  for (const end = x + bytes(length); x < end; x += 16, y += 16) v128.store(y, math.tanh(v128.load(x)));
}

export function sigmoid(x: usize, y: usize, length: i32): void {
  for (const end = x + bytes(length); x < end; x += 16, y += 16) v128.store(y, math.sigmoid(v128.load(x)));
}

export function relu(x: usize, y: usize, length: i32): void {
  for (const end = x + bytes(length); x < end; x += 16, y += 16) v128.store(y, f32x4.max(v128.load(x), splat(0.0)));
}

export function sqrt(x: usize, y: usize, length: i32): void {
  for (const end = x + bytes(length); x < end; x += 16, y += 16) v128.store(y, f32x4.sqrt(v128.load(x)));
}

export function abs(x: usize, y: usize, length: i32): void {
  for (const end = x + bytes(length); x < end; x += 16, y += 16) v128.store(y, f32x4.abs(v128.load(x)));
}

export function add(a: usize, b: usize, y: usize, length: i32): void {
  for (const end = a + bytes(length); a < end; a += 16, b += 16, y += 16) {
    v128.store(y, f32x4.add(v128.load(a), v128.load(b)));
  }
}

export function sub(a: usize, b: usize, y: usize, length: i32): void {
  for (const end = a + bytes(length); a < end; a += 16, b += 16, y += 16) {
    v128.store(y, f32x4.sub(v128.load(a), v128.load(b)));
  }
}

export function mul(a: usize, b: usize, y: usize, length: i32): void {
  for (const end = a + bytes(length); a < end; a += 16, b += 16, y += 16) {
    v128.store(y, f32x4.mul(v128.load(a), v128.load(b)));
  }
}

export function div(a: usize, b: usize, y: usize, length: i32): void {
  for (const end = a + bytes(length); a < end; a += 16, b += 16, y += 16) {
    v128.store(y, f32x4.div(v128.load(a), v128.load(b)));
  }
}

/** dx = dy (1 − y²) of y = tanh x; dy is `a`, y is `b`. */
export function tanhGrad(a: usize, b: usize, y: usize, length: i32): void {
  for (const end = a + bytes(length); a < end; a += 16, b += 16, y += 16) {
    const output = v128.load(b);
    v128.store(y, f32x4.mul(v128.load(a), f32x4.sub(splat(1.0), f32x4.mul(output, output))));
  }
}

/** dx = dy y (1 − y) of y = σ(x). */
export function sigmoidGrad(a: usize, b: usize, y: usize, length: i32): void {
  for (const end = a + bytes(length); a < end; a += 16, b += 16, y += 16) {
    const output = v128.load(b);
    v128.store(y, f32x4.mul(f32x4.mul(v128.load(a), output), f32x4.sub(splat(1.0), output)));
  }
}

/** dx = dy where y = relu(x) > 0. */
export function reluGrad(a: usize, b: usize, y: usize, length: i32): void {
  for (const end = a + bytes(length); a < end; a += 16, b += 16, y += 16) {
    v128.store(y, v128.and(v128.load(a), f32x4.gt(v128.load(b), splat(0.0))));
  }
}
