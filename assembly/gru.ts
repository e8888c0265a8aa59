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
import { sigmoid, tanh } from "./math";
import { bytes, madd, splat } from "./simd";

/** Turns the sums in `gates` into n, r, z, q and writes h. */
export function gru(gates: usize, previous: usize, h: usize, length: i32, stride: usize): void {
  for (const end = gates + bytes(length); gates < end; gates += 16, previous += 16, h += 16) {
    const r = sigmoid(v128.load(gates + stride));
    const z = sigmoid(v128.load(gates + 2 * stride));
    const n = tanh(madd(r, v128.load(gates + 3 * stride), v128.load(gates)));
    v128.store(gates, n);
    v128.store(gates + stride, r);
    v128.store(gates + 2 * stride, z);
    v128.store(h, madd(z, f32x4.sub(v128.load(previous), n), n));
  }
}

/** Turns n, r, z, q in `gates` into the gradients of the four sums; dh becomes its direct path dh z. */
export function gruBackward(gates: usize, previous: usize, dh: usize, length: i32, stride: usize): void {
  const one = splat(1.0);
  for (const end = gates + bytes(length); gates < end; gates += 16, previous += 16, dh += 16) {
    const n = v128.load(gates);
    const r = v128.load(gates + stride);
    const z = v128.load(gates + 2 * stride);
    const q = v128.load(gates + 3 * stride);
    const d = v128.load(dh);
    const direct = f32x4.mul(d, z);
    const dn = f32x4.mul(f32x4.sub(d, direct), f32x4.sub(one, f32x4.mul(n, n)));
    const dq = f32x4.mul(dn, r);
    const dr = f32x4.mul(f32x4.mul(dq, q), f32x4.sub(one, r));
    const dz = f32x4.mul(f32x4.mul(f32x4.mul(d, f32x4.sub(v128.load(previous), n)), z), f32x4.sub(one, z));
    v128.store(gates, dn);
    v128.store(gates + stride, dr);
    v128.store(gates + 2 * stride, dz);
    v128.store(gates + 3 * stride, dq);
    v128.store(dh, direct);
  }
}
