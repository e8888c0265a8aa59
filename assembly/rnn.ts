/**
 * h = tanh(a) or relu(a), where a = W_ih x + b_ih + W_hh h' + b_hh. Over `length` values of one time step; the forward pass
 * is `tanh` or `relu` of elementwise.ts.
 */
import { one } from "./math";
import { bytes, SECOND, splat } from "./simd";

/** da = dh f'(a) from h = f(a): 1 − h² of tanh, and 1 where relu is above 0. dh becomes 0, for da · W_hh to be added to. */
// @ts-ignore: decorator
@inline
function two(relu: bool, h: usize, dh: usize, da: usize, second: usize): void {
  const h0 = v128.load(h), h1 = v128.load(h + second);
  const d0 = v128.load(dh), d1 = v128.load(dh + second);
  let a0: v128, a1: v128;
  if (relu) {
    a0 = v128.and(d0, f32x4.gt(h0, splat(0.0)));
    a1 = v128.and(d1, f32x4.gt(h1, splat(0.0)));
  } else {
    a0 = f32x4.mul(d0, f32x4.sub(one(), f32x4.mul(h0, h0)));
    a1 = f32x4.mul(d1, f32x4.sub(one(), f32x4.mul(h1, h1)));
  }
  v128.store(da, a0); v128.store(da + second, a1);
  v128.store(dh, splat(0.0)); v128.store(dh + second, splat(0.0));
}

export function rnnTanhBackward(h: usize, dh: usize, da: usize, length: i32): void {
  const end = h + bytes(length);
  for (; h + SECOND < end; h += 2 * SECOND, dh += 2 * SECOND, da += 2 * SECOND) two(false, h, dh, da, SECOND);
  if (h < end) two(false, h, dh, da, 0);
}

export function rnnReluBackward(h: usize, dh: usize, da: usize, length: i32): void {
  const end = h + bytes(length);
  for (; h + SECOND < end; h += 2 * SECOND, dh += 2 * SECOND, da += 2 * SECOND) two(true, h, dh, da, SECOND);
  if (h < end) two(true, h, dh, da, 0);
}
