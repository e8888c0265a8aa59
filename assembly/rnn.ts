/** h = tanh(a) or relu(a), where a = W_ih x + b_ih + W_hh h' + b_hh. Over `length` values of one time step. */
import { tanh } from "./math";
import { bytes, splat } from "./simd";

export function rnnTanh(a: usize, h: usize, length: i32): void {
  for (const end = a + bytes(length); a < end; a += 16, h += 16) v128.store(h, tanh(v128.load(a)));
}

export function rnnRelu(a: usize, h: usize, length: i32): void {
  for (const end = a + bytes(length); a < end; a += 16, h += 16) v128.store(h, f32x4.max(v128.load(a), splat(0.0)));
}

/** da = dh (1 − h²); dh becomes 0, for the product da · W_hh to be added to. */
export function rnnTanhBackward(h: usize, dh: usize, da: usize, length: i32): void {
  for (const end = h + bytes(length); h < end; h += 16, dh += 16, da += 16) {
    const y = v128.load(h);
    v128.store(da, f32x4.mul(v128.load(dh), f32x4.sub(splat(1.0), f32x4.mul(y, y))));
    v128.store(dh, splat(0.0));
  }
}

/** da = dh where h > 0; dh becomes 0. */
export function rnnReluBackward(h: usize, dh: usize, da: usize, length: i32): void {
  for (const end = h + bytes(length); h < end; h += 16, dh += 16, da += 16) {
    v128.store(da, v128.and(v128.load(dh), f32x4.gt(v128.load(h), splat(0.0))));
    v128.store(dh, splat(0.0));
  }
}
