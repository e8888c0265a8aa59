/**
 * A gated recurrent unit (Cho et al. 2014) as PyTorch has it, over `length` values of one time step:
 *
 *   r = σ(W_ir x + b_ir + W_hr h' + b_hr)      z = σ(W_iz x + b_iz + W_hz h' + b_hz)
 *   n = tanh(W_in x + b_in + r q)              q = W_hn h' + b_hn
 *   h = (1 − z) n + z h'
 *
 * `gates` has four blocks, `stride` bytes apart, in the order n, r, z, q: the input's products fill the first
 * three, the hidden state's the last three.
 */
import { one, sigmoid, tanh } from "./math";
import { bytes, madd, SECOND } from "./simd";

// @ts-ignore: decorator
@inline
function two(gates: usize, previous: usize, h: usize, stride: usize, second: usize): void {
  const r0 = sigmoid(v128.load(gates + stride)), r1 = sigmoid(v128.load(gates + stride + second));
  const z0 = sigmoid(v128.load(gates + 2 * stride)), z1 = sigmoid(v128.load(gates + 2 * stride + second));
  const a0 = madd(r0, v128.load(gates + 3 * stride), v128.load(gates));
  const a1 = madd(r1, v128.load(gates + 3 * stride + second), v128.load(gates + second));
  const n0 = tanh(a0), n1 = tanh(a1);
  const h0 = madd(z0, f32x4.sub(v128.load(previous), n0), n0);
  const h1 = madd(z1, f32x4.sub(v128.load(previous + second), n1), n1);
  v128.store(gates, n0); v128.store(gates + second, n1);
  v128.store(gates + stride, r0); v128.store(gates + stride + second, r1);
  v128.store(gates + 2 * stride, z0); v128.store(gates + 2 * stride + second, z1);
  v128.store(h, h0); v128.store(h + second, h1);
}

/** Turns the sums in `gates` into n, r, z, q and writes h. */
export function gru(gates: usize, previous: usize, h: usize, length: i32, stride: usize): void {
  const end = gates + bytes(length);
  for (; gates + SECOND < end; gates += 2 * SECOND, previous += 2 * SECOND, h += 2 * SECOND) {
    two(gates, previous, h, stride, SECOND);
  }
  if (gates < end) two(gates, previous, h, stride, 0);
}

// @ts-ignore: decorator
@inline
function twoBackward(gates: usize, previous: usize, dh: usize, stride: usize, second: usize): void {
  const n0 = v128.load(gates), n1 = v128.load(gates + second);
  const r0 = v128.load(gates + stride), r1 = v128.load(gates + stride + second);
  const z0 = v128.load(gates + 2 * stride), z1 = v128.load(gates + 2 * stride + second);
  const q0 = v128.load(gates + 3 * stride), q1 = v128.load(gates + 3 * stride + second);
  const p0 = v128.load(previous), p1 = v128.load(previous + second);
  const d0 = v128.load(dh), d1 = v128.load(dh + second);
  const direct0 = f32x4.mul(d0, z0), direct1 = f32x4.mul(d1, z1);
  const dn0 = f32x4.mul(f32x4.sub(d0, direct0), f32x4.sub(one(), f32x4.mul(n0, n0)));
  const dn1 = f32x4.mul(f32x4.sub(d1, direct1), f32x4.sub(one(), f32x4.mul(n1, n1)));
  const dq0 = f32x4.mul(dn0, r0), dq1 = f32x4.mul(dn1, r1);
  const dr0 = f32x4.mul(f32x4.mul(dq0, q0), f32x4.sub(one(), r0));
  const dr1 = f32x4.mul(f32x4.mul(dq1, q1), f32x4.sub(one(), r1));
  const dz0 = f32x4.mul(f32x4.mul(f32x4.mul(d0, f32x4.sub(p0, n0)), z0), f32x4.sub(one(), z0));
  const dz1 = f32x4.mul(f32x4.mul(f32x4.mul(d1, f32x4.sub(p1, n1)), z1), f32x4.sub(one(), z1));
  v128.store(gates, dn0); v128.store(gates + second, dn1);
  v128.store(gates + stride, dr0); v128.store(gates + stride + second, dr1);
  v128.store(gates + 2 * stride, dz0); v128.store(gates + 2 * stride + second, dz1);
  v128.store(gates + 3 * stride, dq0); v128.store(gates + 3 * stride + second, dq1);
  v128.store(dh, direct0); v128.store(dh + second, direct1);
}

/** Turns n, r, z, q in `gates` into the gradients of the four sums; dh becomes its direct path dh z. */
export function gruBackward(gates: usize, previous: usize, dh: usize, length: i32, stride: usize): void {
  const end = gates + bytes(length);
  for (; gates + SECOND < end; gates += 2 * SECOND, previous += 2 * SECOND, dh += 2 * SECOND) {
    twoBackward(gates, previous, dh, stride, SECOND);
  }
  if (gates < end) twoBackward(gates, previous, dh, stride, 0);
}
