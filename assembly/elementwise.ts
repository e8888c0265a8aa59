/** y = f(x) over `length` values, padded by the caller to whole vectors. */
import * as math from "./math";
import { bytes } from "./simd";

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
