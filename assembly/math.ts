/**
 * exp, log, tanh and sigmoid of four values. Polynomials: Cephes Mathematical Library (S. Moshier),
 * expf and logf; within 2 units in the last place of float32, denormals and infinities included.
 */
import { madd, splat } from "./simd";

/** 1.5 · 2²³: a number so large that whole numbers are the next to it. Added, it rounds; its last bits are the result. */
const MAGIC: f32 = 12582912.0;

/** x / ln 2, rounded, plus MAGIC. */
// @ts-ignore: decorator
@inline
function rounded(x: v128): v128 {
  return madd(x, splat(1.44269504088896341), splat(MAGIC));
}

/** e^r − 1 for what is left of x when n · ln 2 is taken away, where n + MAGIC is `shifted`: |r| ≤ ½ ln 2. */
// @ts-ignore: decorator
@inline
function rest(x: v128, shifted: v128): v128 {
  const n = f32x4.sub(shifted, splat(MAGIC));
  // ln 2 in two parts, of which the first is exact in few bits.
  let r = madd(n, splat(-0.693359375), x);
  r = madd(n, splat(2.12194440e-4), r);
  let p = madd(splat(1.9875691500e-4), r, splat(1.3981999507e-3));
  p = madd(p, r, splat(8.3334519073e-3));
  p = madd(p, r, splat(4.1665795894e-2));
  p = madd(p, r, splat(1.6666665459e-1));
  p = madd(p, r, splat(5.0000001201e-1));
  return madd(p, f32x4.mul(r, r), r);
}

/** 2^n for whole n in −126…127, written into the exponent bits; of n only the last bits count. */
// @ts-ignore: decorator
@inline
function powerOfTwo(n: v128): v128 {
  return i32x4.add(i32x4.shl(n, 23), splat(1.0));
}

// @ts-ignore: decorator
@inline
export function exp(x: v128): v128 {
  // Beyond these bounds the result is 0 or infinite anyway.
  x = f32x4.max(f32x4.min(x, splat(89.0)), splat(-104.0));
  const shifted = rounded(x);
  const p = f32x4.add(rest(x, shifted), splat(1.0));
  // 2^n in two factors, so that results beyond the normal range round once, to a denormal or infinity.
  const n = i32x4.sub(shifted, splat(MAGIC));
  const half = i32x4.shr_s(n, 1);
  return f32x4.mul(f32x4.mul(p, powerOfTwo(half)), powerOfTwo(i32x4.sub(n, half)));
}

/** 1 / (1 + e^−x), from e^−|x| so that nothing overflows. */
// @ts-ignore: decorator
@inline
export function sigmoid(x: v128): v128 {
  const one = splat(1.0);
  const size = f32x4.max(f32x4.neg(f32x4.abs(x)), splat(-104.0));
  const shifted = rounded(size);
  // 2^(n + 64), then 2^−64: one rounding where the result is denormal.
  const power = powerOfTwo(i32x4.add(shifted, i32x4.splat(64)));
  const e = f32x4.mul(f32x4.mul(f32x4.add(rest(size, shifted), one), power), splat(5.42101086242752217e-20));
  const numerator = v128.bitselect(e, one, f32x4.lt(x, splat(0.0)));
  return f32x4.div(numerator, f32x4.add(one, e));
}

/** E / (E + 2), where E = e^2|x| − 1 = 2^n (e^r − 1) + (2^n − 1) keeps its digits near 0. */
// @ts-ignore: decorator
@inline
export function tanh(x: v128): v128 {
  const size = f32x4.abs(x);
  // From 9.02 on, tanh is 1.
  const double = f32x4.min(f32x4.add(size, size), splat(20.0));
  const shifted = rounded(double);
  const power = powerOfTwo(shifted);
  const e = madd(rest(double, shifted), power, f32x4.sub(power, splat(1.0)));
  return v128.or(f32x4.div(e, f32x4.add(e, splat(2.0))), v128.xor(x, size));
}

/** Natural logarithm: of the mantissa in [√½, √2), plus the exponent times ln 2. */
// @ts-ignore: decorator
@inline
export function log(x: v128): v128 {
  const denormal = f32x4.lt(x, splat(1.17549435e-38));
  const scaled = v128.bitselect(f32x4.mul(x, splat(33554432.0)), x, denormal);
  const bits = i32x4.sub(scaled, i32x4.splat(0x3f3504f3));
  let e = f32x4.convert_i32x4_s(i32x4.shr_s(bits, 23));
  e = f32x4.sub(e, v128.and(denormal, splat(25.0)));
  const mantissa = i32x4.add(v128.and(bits, i32x4.splat(0x007fffff)), i32x4.splat(0x3f3504f3));
  const m = f32x4.sub(mantissa, splat(1.0));
  const square = f32x4.mul(m, m);
  let p = madd(splat(7.0376836292e-2), m, splat(-1.1514610310e-1));
  p = madd(p, m, splat(1.1676998740e-1));
  p = madd(p, m, splat(-1.2420140846e-1));
  p = madd(p, m, splat(1.4249322787e-1));
  p = madd(p, m, splat(-1.6668057665e-1));
  p = madd(p, m, splat(2.0000714765e-1));
  p = madd(p, m, splat(-2.4999993993e-1));
  p = madd(p, m, splat(3.3333331174e-1));
  let y = f32x4.mul(f32x4.mul(p, m), square);
  y = madd(e, splat(-2.12194440e-4), y);
  y = madd(splat(-0.5), square, y);
  y = f32x4.add(m, y);
  y = madd(e, splat(0.693359375), y);
  // log 0 = −∞, log ∞ = ∞, and NaN below zero.
  y = v128.bitselect(splat(-Infinity), y, f32x4.eq(x, splat(0.0)));
  y = v128.bitselect(x, y, f32x4.eq(x, splat(Infinity)));
  const valid = f32x4.ge(x, splat(0.0));
  return v128.bitselect(y, splat(NaN), valid);
}
