/**
 * One step of an optimizer on parameters p with gradients g, as src/kernels/host/update.ts has it: there are the formulas.
 * Over `length` values, with room for whole vectors.
 */
import { bytes, upper } from "./simd";

/** The numbers of an update: src/kernels/wasm/pieces.ts writes them. */
@unmanaged
export class Rule {
  rate: f32;
  /** The factor of p that is added to g. Where it is 0 an infinite parameter has no part in its gradient. */
  decay: f32;
  /** The factor of p before the step. */
  kept: f32;
  /** The shares of the first average, and of the second, that are kept, and of what is added. */
  keep1: f32;
  take1: f32;
  keep2: f32;
  take2: f32;
  eps: f32;
  /** The factor of the root of the second average. */
  correction: f32;
}

/** All bits or none, in each lane. */
// @ts-ignore: decorator
@inline
function mask(flag: bool): v128 {
  return i32x4.splat(flag ? -1 : 0);
}

// @ts-ignore: decorator
@inline
function decayed(g: v128, p: v128, decay: v128, some: v128): v128 {
  return f32x4.add(g, f32x4.mul(v128.and(p, some), decay));
}

export function adam(rule: Rule, p: usize, g: usize, m: usize, v: usize, length: i32): void {
  const decay = f32x4.splat(rule.decay), some = mask(rule.decay != 0);
  const keep1 = f32x4.splat(rule.keep1), take1 = f32x4.splat(rule.take1), kept = f32x4.splat(rule.kept);
  const keep2 = f32x4.splat(rule.keep2), take2 = f32x4.splat(rule.take2), rate = f32x4.splat(rule.rate);
  const correction = f32x4.splat(rule.correction), eps = f32x4.splat(rule.eps);
  for (const end = p + bytes(length); p < end; p += 16, g += 16, m += 16, v += 16) {
    const old = v128.load(p);
    const d = decayed(v128.load(g), old, decay, some);
    const mean = f32x4.add(f32x4.mul(keep1, v128.load(m)), f32x4.mul(take1, d));
    const square = f32x4.add(f32x4.mul(keep2, v128.load(v)), f32x4.mul(f32x4.mul(take2, d), d));
    const divisor = f32x4.add(f32x4.mul(f32x4.sqrt(square), correction), eps);
    v128.store(m, mean);
    v128.store(v, square);
    v128.store(p, f32x4.sub(f32x4.mul(kept, old), f32x4.mul(rate, f32x4.div(mean, divisor))));
  }
}

export function sgd(rule: Rule, p: usize, g: usize, length: i32): void {
  const rate = f32x4.splat(rule.rate), decay = f32x4.splat(rule.decay), some = mask(rule.decay != 0);
  for (const end = p + bytes(length); p < end; p += 16, g += 16) {
    const old = v128.load(p);
    const d = decayed(v128.load(g), old, decay, some);
    v128.store(p, f32x4.sub(old, f32x4.mul(rate, d)));
  }
}

export function momentum(rule: Rule, nesterov: bool, p: usize, g: usize, v: usize, length: i32): void {
  const rate = f32x4.splat(rule.rate), decay = f32x4.splat(rule.decay), some = mask(rule.decay != 0);
  const keep = f32x4.splat(rule.keep1), take = f32x4.splat(rule.take1), ahead = mask(nesterov);
  for (const end = p + bytes(length); p < end; p += 16, g += 16, v += 16) {
    const old = v128.load(p);
    const d = decayed(v128.load(g), old, decay, some);
    const velocity = f32x4.add(f32x4.mul(keep, v128.load(v)), f32x4.mul(take, d));
    const step = v128.bitselect(f32x4.add(d, f32x4.mul(keep, velocity)), velocity, ahead);
    v128.store(v, velocity);
    v128.store(p, f32x4.sub(old, f32x4.mul(rate, step)));
  }
}

/** `a` is s where the variance is not centered, and `b` is s where there is no momentum. */
export function rmsprop(rule: Rule, p: usize, g: usize, s: usize, a: usize, b: usize, length: i32): void {
  average(rule, true, p, g, s, length);
  if (a != s) average(rule, false, p, g, a, length);
  const rate = f32x4.splat(rule.rate), decay = f32x4.splat(rule.decay), some = mask(rule.decay != 0);
  const eps = f32x4.splat(rule.eps), keep = f32x4.splat(rule.keep1), centered = mask(a != s), moving = mask(b != s);
  for (const end = p + bytes(length); p < end; p += 16, g += 16, s += 16, a += 16, b += 16) {
    const old = v128.load(p);
    const before = v128.load(b);
    const step = f32x4.div(decayed(v128.load(g), old, decay, some), deviation(v128.load(s), v128.load(a), centered, eps));
    const velocity = f32x4.add(step, f32x4.mul(keep, v128.and(before, moving)));
    v128.store(b, v128.bitselect(velocity, before, moving));
    v128.store(p, f32x4.sub(old, f32x4.mul(rate, velocity)));
  }
}

/** The average of the gradients, or of their squares. */
function average(rule: Rule, squares: bool, p: usize, g: usize, y: usize, length: i32): void {
  const decay = f32x4.splat(rule.decay), some = mask(rule.decay != 0), square = mask(squares);
  const keep = f32x4.splat(rule.keep2), take = f32x4.splat(rule.take2);
  for (const end = p + bytes(length); p < end; p += 16, g += 16, y += 16) {
    const d = decayed(v128.load(g), v128.load(p), decay, some);
    const added = v128.bitselect(f32x4.mul(f32x4.mul(take, d), d), f32x4.mul(take, d), square);
    v128.store(y, f32x4.add(f32x4.mul(keep, v128.load(y)), added));
  }
}

/** The root of the variance, which is not negative in spite of rounding, plus eps; in double precision, where no square is infinite. */
// @ts-ignore: decorator
@inline
function deviation(s: v128, a: v128, centered: v128, eps: v128): v128 {
  const mean = v128.and(a, centered);
  const low = f32x4.demote_f64x2_zero(root(f64x2.promote_low_f32x4(s), f64x2.promote_low_f32x4(mean)));
  const high = f32x4.demote_f64x2_zero(root(f64x2.promote_low_f32x4(upper(s)), f64x2.promote_low_f32x4(upper(mean))));
  return f32x4.add(v128.shuffle<f32>(low, high, 0, 1, 4, 5), eps);
}

/** √(s − a²) of two values. */
// @ts-ignore: decorator
@inline
function root(s: v128, a: v128): v128 {
  return f64x2.sqrt(f64x2.max(f64x2.sub(s, f64x2.mul(a, a)), f64x2.splat(0)));
}
