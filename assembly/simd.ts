/** Values in a vector. */
export const LANES: i32 = 4;
/** Columns of a panel, and bytes of one of its rows (8 floats): see "Panels" in ARCHITECTURE.md. */
export const PANEL: i32 = 8;
export const ROW: usize = 32;
/** Bytes of a row of the panels that a single row is multiplied by (24 floats). */
export const WIDE_ROW: usize = 96;

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

/** Number of bytes of so many values. */
// @ts-ignore: decorator
@inline
export function bytes(length: i32): usize {
  return <usize>length << 2;
}
