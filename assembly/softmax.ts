/**
 * Softmax, its logarithm and the cross entropy, row by row of x[rows, columns] (row-major). The largest score is
 * subtracted before anything is added: beside a score of 10⁶ a logarithm of 0.7 would lose its digits.
 */
import { WIDE } from "./constants";
import { exp, log } from "./math";
import { bytes, LANES, splat, upper } from "./simd";

function maximum(x: usize, columns: i32): f32 {
  let largest = load<f32>(x);
  let c = 0;
  if (columns >= LANES) {
    let lanes = v128.load(x);
    for (c = LANES; c + LANES <= columns; c += LANES) lanes = f32x4.max(lanes, v128.load(x + bytes(c)));
    lanes = f32x4.max(lanes, upper(lanes));
    largest = max(f32x4.extract_lane(lanes, 0), f32x4.extract_lane(lanes, 1));
  }
  for (; c < columns; c++) largest = max(largest, load<f32>(x + bytes(c)));
  return largest;
}

/** y = e^(x − shift) of one row; returns the row's sum. */
function expRow(x: usize, y: usize, columns: i32, shift: f32): f32 {
  let sums = splat(0.0);
  let c = 0;
  // Two vectors at a time, where the engine merges them.
  for (; WIDE && c + 2 * LANES <= columns; c += 2 * LANES) {
    const from = x + bytes(c), to = y + bytes(c);
    const e0 = exp(f32x4.sub(v128.load(from), splat(shift))), e1 = exp(f32x4.sub(v128.load(from, 16), splat(shift)));
    v128.store(to, e0);
    v128.store(to, e1, 16);
    sums = f32x4.add(f32x4.add(sums, e0), e1);
  }
  for (; c + LANES <= columns; c += LANES) {
    const e = exp(f32x4.sub(v128.load(x + bytes(c)), splat(shift)));
    v128.store(y + bytes(c), e);
    sums = f32x4.add(sums, e);
  }
  let sum = f32x4.extract_lane(sums, 0) + f32x4.extract_lane(sums, 1) + f32x4.extract_lane(sums, 2) + f32x4.extract_lane(sums, 3);
  for (; c < columns; c++) {
    const e = f32x4.extract_lane(exp(splat(load<f32>(x + bytes(c)) - shift)), 0);
    store<f32>(y + bytes(c), e);
    sum += e;
  }
  return sum;
}

function scaleRow(y: usize, columns: i32, scale: f32): void {
  let c = 0;
  for (; c + LANES <= columns; c += LANES) v128.store(y + bytes(c), f32x4.mul(v128.load(y + bytes(c)), splat(scale)));
  for (; c < columns; c++) store<f32>(y + bytes(c), load<f32>(y + bytes(c)) * scale);
}

function logOf(x: f32): f32 {
  return f32x4.extract_lane(log(splat(x)), 0);
}

export function softmax(x: usize, y: usize, rows: i32, columns: i32): void {
  for (let r = 0; r < rows; r++, x += bytes(columns), y += bytes(columns)) {
    scaleRow(y, columns, <f32>1.0 / expRow(x, y, columns, maximum(x, columns)));
  }
}

export function logSoftmax(x: usize, y: usize, rows: i32, columns: i32): void {
  for (let r = 0; r < rows; r++, x += bytes(columns), y += bytes(columns)) {
    const largest = maximum(x, columns);
    const logSum = logOf(expRow(x, y, columns, largest));
    for (let c = 0; c < columns; c++) store<f32>(y + bytes(c), load<f32>(x + bytes(c)) - largest - logSum);
  }
}

/** src/kernels/wasm/cross-entropy.ts writes it. */
@unmanaged
export class CrossEntropy {
  /** See `Plan`. */
  beat: i32;
  rows: i32;
  columns: i32;
  /** Rows in a piece. */
  count: i32;
  x: usize;
  targets: usize;
  grad: usize;
  /** A sum of each piece, in double precision. */
  sums: usize;
}

/**
 * The sum of −log softmax(x)[target] over the rows item · count …; `grad` becomes (softmax(x) − one-hot(target)) / rows of
 * all rows.
 */
export function crossEntropyRows(plan: CrossEntropy, item: i32): void {
  const columns = plan.columns, from = item * plan.count, end = min(from + plan.count, plan.rows);
  const weight = <f32>1.0 / <f32>plan.rows;
  let x = plan.x + bytes(from * columns), grad = plan.grad + bytes(from * columns);
  let loss: f64 = 0.0;
  for (let r = from; r < end; r++, x += bytes(columns), grad += bytes(columns)) {
    const largest = maximum(x, columns);
    const sum = expRow(x, grad, columns, largest);
    const target = bytes(load<i32>(plan.targets + bytes(r)));
    loss += <f64>logOf(sum) + (<f64>largest - <f64>load<f32>(x + target));
    scaleRow(grad, columns, weight / sum);
    store<f32>(grad + target, load<f32>(grad + target) - weight);
  }
  store<f64>(plan.sums + (<usize>item << 3), loss);
  plan.beat++;
}
