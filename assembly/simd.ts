import { PANEL, STREAMS } from "./constants";

/** Values in a vector. */
export const LANES: i32 = 4;
/** Bytes of a row of a panel, and of the panels that `multiplyVector` reads together. */
export const ROW: usize = 4 * PANEL;
export const WIDE_ROW: usize = <usize>STREAMS * ROW;

/** a · b + c: fused where the engine has relaxed SIMD, else multiplied and added. */
// @ts-ignore: decorator
@inline
export function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(f32x4.mul(a, b), c);
}

// @ts-ignore: decorator
@inline
export function splat(x: f32): v128 {
  return f32x4.splat(x);
}

/** The upper two lanes of a vector, first. */
// @ts-ignore: decorator
@inline
export function upper(x: v128): v128 {
  return v128.shuffle<f32>(x, x, 2, 3, 0, 1);
}

/** Number of bytes of so many values. */
// @ts-ignore: decorator
@inline
export function bytes(length: i32): usize {
  return <usize>length << 2;
}
