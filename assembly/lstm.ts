/**
 * Long short-term memory (Hochreiter & Schmidhuber 1997, Gers et al. 2000) as PyTorch has it, over `length`
 * values of one time step:
 *
 *   i = σ(a_i)   f = σ(a_f)   g = tanh(a_g)   o = σ(a_o)      a = W_ih x + b_ih + W_hh h' + b_hh
 *   c = f c' + i g                            h = o tanh(c)
 *
 * With peepholes (Gers, Schraudolph & Schmidhuber 2002), layer.ts adds p_i c' to a_i, p_f c' to a_f and p_o c to a_o, which
 * is why o is left to `lstmOutput`.
 *
 * `gates` has four blocks, `stride` bytes apart, in the order i, f, g, o.
 */
import { sigmoid, tanh } from "./math";
import { bytes, madd, splat } from "./simd";

/** Turns the sums of i, f, g in `gates` into these and writes c. */
export function lstm(gates: usize, previous: usize, c: usize, length: i32, stride: usize): void {
  for (const end = gates + bytes(length); gates < end; gates += 16, previous += 16, c += 16) {
    const i = sigmoid(v128.load(gates));
    const f = sigmoid(v128.load(gates + stride));
    const g = tanh(v128.load(gates + 2 * stride));
    v128.store(gates, i);
    v128.store(gates + stride, f);
    v128.store(gates + 2 * stride, g);
    v128.store(c, madd(f, v128.load(previous), f32x4.mul(i, g)));
  }
}

/** Turns the sum of o into o, and writes h, from c or what layer normalization makes of it. */
export function lstmOutput(o: usize, c: usize, h: usize, length: i32): void {
  for (const end = o + bytes(length); o < end; o += 16, c += 16, h += 16) {
    const open = sigmoid(v128.load(o));
    const y = tanh(v128.load(c));
    v128.store(o, open);
    v128.store(h, f32x4.mul(open, y));
  }
}

/** Turns o into the gradient of its sum, and adds that of `lstmOutput`'s c to dc; dh becomes 0. */
export function lstmOutputBackward(o: usize, c: usize, dh: usize, dc: usize, length: i32): void {
  const one = splat(1.0);
  for (const end = o + bytes(length); o < end; o += 16, c += 16, dh += 16, dc += 16) {
    const open = v128.load(o);
    const y = tanh(v128.load(c));
    const d = v128.load(dh);
    v128.store(dc, madd(f32x4.mul(d, open), f32x4.sub(one, f32x4.mul(y, y)), v128.load(dc)));
    v128.store(o, f32x4.mul(f32x4.mul(f32x4.mul(d, y), open), f32x4.sub(one, open)));
    v128.store(dh, splat(0.0));
  }
}

/** Turns i, f, g in `gates` into the gradients of their sums; dc becomes that of c'. */
export function lstmBackward(gates: usize, previous: usize, dc: usize, length: i32, stride: usize): void {
  const one = splat(1.0);
  for (const end = gates + bytes(length); gates < end; gates += 16, previous += 16, dc += 16) {
    const i = v128.load(gates);
    const f = v128.load(gates + stride);
    const g = v128.load(gates + 2 * stride);
    const d = v128.load(dc);
    v128.store(gates, f32x4.mul(f32x4.mul(f32x4.mul(d, g), i), f32x4.sub(one, i)));
    v128.store(gates + stride, f32x4.mul(f32x4.mul(f32x4.mul(d, v128.load(previous)), f), f32x4.sub(one, f)));
    v128.store(gates + 2 * stride, f32x4.mul(f32x4.mul(d, i), f32x4.sub(one, f32x4.mul(g, g))));
    v128.store(dc, f32x4.mul(d, f));
  }
}
