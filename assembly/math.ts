/**
 * exp, log, tanh and sigmoid of four values. Polynomials: Cephes Mathematical Library (S. Moshier),
 * expf and logf; within 2 units in the last place of float32, denormals and infinities included.
 */
import { madd, splat } from "./simd";

/**
 * Where constants lie in the memory. V8 makes vector constants anew wherever they are used, in three instructions;
 * a load that spreads one value is a single one (LOG.md).
 */
const ONE = memory.data<f32>([1.0]);
const TWO = memory.data<f32>([2.0]);
const LOG2_E = memory.data<f32>([1.44269504088896341]);
/** ln 2 in two parts, of which the first is exact in few bits. */
const LN2_HIGH = memory.data<f32>([0.693359375]);
const LN2_LOW = memory.data<f32>([-2.12194440e-4]);
const P5 = memory.data<f32>([1.9875691500e-4]);
const P4 = memory.data<f32>([1.3981999507e-3]);
const P3 = memory.data<f32>([8.3334519073e-3]);
const P2 = memory.data<f32>([4.1665795894e-2]);
const P1 = memory.data<f32>([1.6666665459e-1]);
const P0 = memory.data<f32>([5.0000001201e-1]);
/** 2^−64 */
const TINY = memory.data<f32>([5.42101086242752217e-20]);
/** Below it, e^x is 0. */
const LEAST = memory.data<f32>([-104.0]);
/** From 9.02 on, tanh is 1; of double that and more, this is as good. */
const MOST = memory.data<f32>([20.0]);
/** 1.5 · 2²³: a number so large that whole numbers are the next to it. Added, it rounds; its last bits are the result. */
const MAGIC = memory.data<f32>([12582912.0]);

// @ts-ignore: decorator
@inline
function constant(at: usize): v128 {
  return v128.load32_splat(at);
}

/** x / ln 2, rounded, plus MAGIC. */
// @ts-ignore: decorator
@inline
function rounded(x: v128): v128 {
  return madd(x, constant(LOG2_E), constant(MAGIC));
}

/** e^r − 1 for what is left of x when n · ln 2 is taken away, where n + MAGIC is `shifted`: |r| ≤ ½ ln 2. */
// @ts-ignore: decorator
@inline
function rest(x: v128, shifted: v128): v128 {
  const n = f32x4.sub(constant(MAGIC), shifted);
  let r = madd(n, constant(LN2_HIGH), x);
  r = madd(n, constant(LN2_LOW), r);
  let p = madd(constant(P5), r, constant(P4));
  p = madd(p, r, constant(P3));
  p = madd(p, r, constant(P2));
  p = madd(p, r, constant(P1));
  p = madd(p, r, constant(P0));
  return madd(p, f32x4.mul(r, r), r);
}

/** 2^n for whole n in −126…127, written into the exponent bits; of n only the last bits count. */
// @ts-ignore: decorator
@inline
function powerOfTwo(n: v128): v128 {
  return i32x4.add(i32x4.shl(n, 23), constant(ONE));
}

// @ts-ignore: decorator
@inline
export function exp(x: v128): v128 {
  // Beyond these bounds the result is 0 or infinite anyway.
  x = f32x4.max(f32x4.min(x, splat(89.0)), constant(LEAST));
  const shifted = rounded(x);
  const p = f32x4.add(rest(x, shifted), constant(ONE));
  // 2^n in two factors, so that results beyond the normal range round once, to a denormal or infinity.
  const n = i32x4.sub(shifted, constant(MAGIC));
  const half = i32x4.shr_s(n, 1);
  return f32x4.mul(f32x4.mul(p, powerOfTwo(half)), powerOfTwo(i32x4.sub(n, half)));
}

/** 1 / (1 + e^−x), from e^−|x| so that nothing overflows. */
// @ts-ignore: decorator
@inline
export function sigmoid(x: v128): v128 {
  const one = constant(ONE);
  const size = f32x4.max(f32x4.neg(f32x4.abs(x)), constant(LEAST));
  const shifted = rounded(size);
  // 2^(n + 64), then 2^−64: one rounding where the result is denormal.
  const power = powerOfTwo(i32x4.add(shifted, i32x4.splat(64)));
  const e = f32x4.mul(f32x4.mul(f32x4.add(rest(size, shifted), one), power), constant(TINY));
  const numerator = v128.bitselect(e, one, f32x4.lt(x, splat(0.0)));
  return f32x4.div(numerator, f32x4.add(one, e));
}

/** E / (E + 2), where E = e^2|x| − 1 = 2^n (e^r − 1) + (2^n − 1) keeps its digits near 0. */
// @ts-ignore: decorator
@inline
export function tanh(x: v128): v128 {
  const size = f32x4.abs(x);
  const double = f32x4.min(f32x4.add(size, size), constant(MOST));
  const shifted = rounded(double);
  const power = powerOfTwo(shifted);
  const e = madd(rest(double, shifted), power, f32x4.sub(power, constant(ONE)));
  return v128.or(f32x4.div(e, f32x4.add(e, constant(TWO))), v128.xor(x, size));
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
  y = madd(e, constant(LN2_LOW), y);
  y = madd(splat(-0.5), square, y);
  y = f32x4.add(m, y);
  y = madd(e, constant(LN2_HIGH), y);
  // log 0 = −∞, log ∞ = ∞, and NaN below zero.
  y = v128.bitselect(splat(-Infinity), y, f32x4.eq(x, splat(0.0)));
  y = v128.bitselect(x, y, f32x4.eq(x, splat(Infinity)));
  const valid = f32x4.ge(x, splat(0.0));
  return v128.bitselect(y, splat(NaN), valid);
}
