/**
 * Long short-term memory (Hochreiter & Schmidhuber 1997, Gers et al. 2000) as PyTorch has it, over `length`
 * values of one time step:
 *
 *   i = σ(a_i)   f = σ(a_f)   g = tanh(a_g)   o = σ(a_o)      a = W_ih x + b_ih + W_hh h' + b_hh
 *   c = f c' + i g                            h = o tanh(c)
 *
 * `gates` has four blocks, `stride` bytes apart, in the order i, f, g, o.
 */
import { one, sigmoid, tanh } from "./math";
import { bytes, madd, SECOND, splat } from "./simd";

// @ts-ignore: decorator
@inline
function two(gates: usize, previous: usize, c: usize, h: usize, stride: usize, second: usize): void {
  const i0 = sigmoid(v128.load(gates)), i1 = sigmoid(v128.load(gates + second));
  const f0 = sigmoid(v128.load(gates + stride)), f1 = sigmoid(v128.load(gates + stride + second));
  const g0 = tanh(v128.load(gates + 2 * stride)), g1 = tanh(v128.load(gates + 2 * stride + second));
  const o0 = sigmoid(v128.load(gates + 3 * stride)), o1 = sigmoid(v128.load(gates + 3 * stride + second));
  const c0 = madd(f0, v128.load(previous), f32x4.mul(i0, g0));
  const c1 = madd(f1, v128.load(previous + second), f32x4.mul(i1, g1));
  const h0 = f32x4.mul(o0, tanh(c0)), h1 = f32x4.mul(o1, tanh(c1));
  v128.store(gates, i0); v128.store(gates + second, i1);
  v128.store(gates + stride, f0); v128.store(gates + stride + second, f1);
  v128.store(gates + 2 * stride, g0); v128.store(gates + 2 * stride + second, g1);
  v128.store(gates + 3 * stride, o0); v128.store(gates + 3 * stride + second, o1);
  v128.store(c, c0); v128.store(c + second, c1);
  v128.store(h, h0); v128.store(h + second, h1);
}

/** Turns the sums in `gates` into i, f, g, o and writes c and h. */
export function lstm(gates: usize, previous: usize, c: usize, h: usize, length: i32, stride: usize): void {
  const end = gates + bytes(length);
  for (; gates + SECOND < end; gates += 2 * SECOND, previous += 2 * SECOND, c += 2 * SECOND, h += 2 * SECOND) {
    two(gates, previous, c, h, stride, SECOND);
  }
  if (gates < end) two(gates, previous, c, h, stride, 0);
}

// @ts-ignore: decorator
@inline
function twoBackward(gates: usize, previous: usize, c: usize, dh: usize, dc: usize, stride: usize, second: usize): void {
  const i0 = v128.load(gates), i1 = v128.load(gates + second);
  const f0 = v128.load(gates + stride), f1 = v128.load(gates + stride + second);
  const g0 = v128.load(gates + 2 * stride), g1 = v128.load(gates + 2 * stride + second);
  const o0 = v128.load(gates + 3 * stride), o1 = v128.load(gates + 3 * stride + second);
  const p0 = v128.load(previous), p1 = v128.load(previous + second);
  const y0 = tanh(v128.load(c)), y1 = tanh(v128.load(c + second));
  const d0 = v128.load(dh), d1 = v128.load(dh + second);
  const dc0 = madd(f32x4.mul(d0, o0), f32x4.sub(one(), f32x4.mul(y0, y0)), v128.load(dc));
  const dc1 = madd(f32x4.mul(d1, o1), f32x4.sub(one(), f32x4.mul(y1, y1)), v128.load(dc + second));
  const di0 = f32x4.mul(f32x4.mul(f32x4.mul(dc0, g0), i0), f32x4.sub(one(), i0));
  const di1 = f32x4.mul(f32x4.mul(f32x4.mul(dc1, g1), i1), f32x4.sub(one(), i1));
  const df0 = f32x4.mul(f32x4.mul(f32x4.mul(dc0, p0), f0), f32x4.sub(one(), f0));
  const df1 = f32x4.mul(f32x4.mul(f32x4.mul(dc1, p1), f1), f32x4.sub(one(), f1));
  const dg0 = f32x4.mul(f32x4.mul(dc0, i0), f32x4.sub(one(), f32x4.mul(g0, g0)));
  const dg1 = f32x4.mul(f32x4.mul(dc1, i1), f32x4.sub(one(), f32x4.mul(g1, g1)));
  const do0 = f32x4.mul(f32x4.mul(f32x4.mul(d0, y0), o0), f32x4.sub(one(), o0));
  const do1 = f32x4.mul(f32x4.mul(f32x4.mul(d1, y1), o1), f32x4.sub(one(), o1));
  const before0 = f32x4.mul(dc0, f0), before1 = f32x4.mul(dc1, f1);
  v128.store(gates, di0); v128.store(gates + second, di1);
  v128.store(gates + stride, df0); v128.store(gates + stride + second, df1);
  v128.store(gates + 2 * stride, dg0); v128.store(gates + 2 * stride + second, dg1);
  v128.store(gates + 3 * stride, do0); v128.store(gates + 3 * stride + second, do1);
  v128.store(dc, before0); v128.store(dc + second, before1);
  v128.store(dh, splat(0.0)); v128.store(dh + second, splat(0.0));
}

/** Turns i, f, g, o in `gates` into the gradients of the four sums; dc becomes that of c', and dh 0. */
export function lstmBackward(
  gates: usize, previous: usize, c: usize, dh: usize, dc: usize, length: i32, stride: usize
): void {
  const end = gates + bytes(length);
  for (; gates + SECOND < end; gates += 2 * SECOND, previous += 2 * SECOND, c += 2 * SECOND) {
    twoBackward(gates, previous, c, dh, dc, stride, SECOND);
    dh += 2 * SECOND; dc += 2 * SECOND;
  }
  if (gates < end) twoBackward(gates, previous, c, dh, dc, stride, 0);
}
