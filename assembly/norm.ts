/**
 * Layer normalization (Ba, Kiros & Hinton 2016) in a recurrent layer: of what the input adds to the gates, of what the hidden
 * state adds, and of an LSTM's c. In each row, and there in each group of gates by itself:
 *
 *   x̂ = (x − mean) s      s = 1 / √(variance + ε)      y = x̂ gain + bias
 */
import { strip } from "./panels";
import { Plan } from "./plan";
import { clearUnused } from "./sequences";
import { bytes, madd, splat, upper } from "./simd";

/** src/kernels/wasm/normalization.ts writes it. */
@unmanaged
export class Norm {
  /** In panels, at all time steps: x, which becomes x̂ and, in the backward pass, the gradient of x. */
  values: usize;
  /** s of each row, [parts, groups, steps × rows]. */
  scales: usize;
  /** [blocks × units], with zeros as padding. */
  gain: usize;
  /** The gradient of the gain, [parts, blocks × units]. */
  dgain: usize;
  blocks: i32;
  /** Blocks in the first of one or two groups. */
  split: i32;
}

/** PyTorch's default of ε. */
const EPSILON: f32 = 1e-5;

/** What a vector holds: columns of a row where panels are PANEL wide, rows of a column where they are one column wide. */
type Columns = i32;
type Rows = f32;

/** The values of one part at step `s`. */
export function valuesOf(plan: Plan, norm: Norm, part: i32, s: i32): usize {
  return norm.values + plan.span(part * norm.blocks * plan.units) + <usize>s * plan.step;
}

/** What the input adds to the gates of one part, at all time steps: apart from the gates if it is normalized. */
export function inputSumsOf(plan: Plan, part: i32): usize {
  if (plan.inputNorm) return valuesOf(plan, changetype<Norm>(plan.inputNorm), part, 0);
  return plan.gates + plan.span((part * plan.blocks + plan.inputFirst) * plan.units);
}

/** The same of the hidden state. */
export function hiddenSumsOf(plan: Plan, part: i32): usize {
  if (plan.hiddenNorm) return valuesOf(plan, changetype<Norm>(plan.hiddenNorm), part, 0);
  return plan.gates + plan.span((part * plan.blocks + plan.hiddenFirst) * plan.units);
}

/**
 * Normalizes x (panels) of one part, at `steps` steps from `s` on: x̂ becomes the part's values, and x̂ gain is added to y
 * (panels). The padding of x becomes zeros.
 */
export function normalize(plan: Plan, norm: Norm, part: i32, s: i32, steps: i32, x: usize, y: usize): void {
  const values = valuesOf(plan, norm, part, s), rows = steps * plan.rows;
  for (let i = 0; i < steps; i++) {
    clearUnused(plan, part, s + i, x + <usize>i * plan.step, plan.panel, norm.blocks, 0, plan.units);
  }
  for (let group = 0, first = 0; first < norm.blocks; group++) {
    const end = group ? norm.blocks : norm.split;
    let scale = scaleOf(plan, norm, part, group, s);
    if (plan.width == 1) {
      for (let at: usize = 0; at < bytes(rows); at += 16, scale += 16) {
        v128.store(scale, normalizeRow<Rows>(plan, norm, first, end, x + at, values + at, y + at));
      }
    } else {
      for (let at: usize = 0; at < bytes(rows * plan.width); at += bytes(plan.width), scale += 4) {
        v128.store32_lane(scale, normalizeRow<Columns>(plan, norm, first, end, x + at, values + at, y + at), 0);
      }
    }
    first = end;
  }
}

/** The blocks `first` to `end` − 1 of a row, or of four; returns s. */
function normalizeRow<V>(plan: Plan, norm: Norm, first: i32, end: i32, x: usize, values: usize, y: usize): v128 {
  const panel = plan.panel, units = plan.units, used = plan.hiddenSize;
  const share = splat(1.0 / <f32>((end - first) * used));
  let sum = splat(0.0), squares = sum;
  for (let block = first * units; block < end * units; block += units) {
    for (let c = 0; c < used; c += columns<V>()) sum = f32x4.add(sum, v128.load(column<V>(x, panel, block + c)));
  }
  const mean = f32x4.mul(total<V>(sum), share);
  for (let block = first * units; block < end * units; block += units) {
    for (let c = 0; c < used; c += columns<V>()) {
      const d = present<V>(f32x4.sub(v128.load(column<V>(x, panel, block + c)), mean), used - c);
      squares = madd(d, d, squares);
    }
  }
  const variance = f32x4.mul(total<V>(squares), share);
  const s = f32x4.div(splat(1.0), f32x4.sqrt(f32x4.add(variance, splat(EPSILON))));
  for (let block = first * units; block < end * units; block += units) {
    for (let c = 0; c < used; c += columns<V>()) {
      const from = column<V>(x, panel, block + c), to = column<V>(y, panel, block + c);
      const value = present<V>(f32x4.mul(f32x4.sub(v128.load(from), mean), s), used - c);
      v128.store(column<V>(values, panel, block + c), value);
      v128.store(to, madd(value, coefficient<V>(norm.gain + bytes(block + c)), v128.load(to)));
    }
  }
  return s;
}

/**
 * The gradients of what `normalize` normalized, from those of its y in `dy` (`panelY` bytes from panel to panel). They take
 * the place of the part's values, and those of the gain are added to the part's sums.
 */
export function normalizeBackward(
  plan: Plan, norm: Norm, part: i32, s: i32, steps: i32, dy: usize, panelY: usize
): void {
  const values = valuesOf(plan, norm, part, s), rows = steps * plan.rows;
  const dgain = norm.dgain + bytes(part * norm.blocks * plan.units);
  for (let group = 0, first = 0; first < norm.blocks; group++) {
    const end = group ? norm.blocks : norm.split;
    let scale = scaleOf(plan, norm, part, group, s);
    if (plan.width == 1) {
      for (let at: usize = 0; at < bytes(rows); at += 16, scale += 16) {
        gradientRow<Rows>(plan, norm, first, end, dy + at, panelY, values + at, v128.load(scale), dgain);
      }
    } else {
      for (let at: usize = 0; at < bytes(rows * plan.width); at += bytes(plan.width), scale += 4) {
        gradientRow<Columns>(plan, norm, first, end, dy + at, panelY, values + at, v128.load32_splat(scale), dgain);
      }
    }
    first = end;
  }
}

/** dx = (g − mean(g) − x̂ mean(g x̂)) s, where g = dy gain; and dgain += dy x̂. */
function gradientRow<V>(
  plan: Plan, norm: Norm, first: i32, end: i32, dy: usize, panelY: usize, values: usize, s: v128, dgain: usize
): void {
  const panel = plan.panel, units = plan.units, used = plan.hiddenSize;
  const share = splat(1.0 / <f32>((end - first) * used));
  let sum = splat(0.0), sumX = sum;
  for (let block = first * units; block < end * units; block += units) {
    for (let c = 0; c < used; c += columns<V>()) {
      const gain = coefficient<V>(norm.gain + bytes(block + c));
      const g = f32x4.mul(v128.load(column<V>(dy, panelY, block + c)), gain);
      sum = f32x4.add(sum, g);
      sumX = madd(g, v128.load(column<V>(values, panel, block + c)), sumX);
    }
  }
  const mean = f32x4.mul(total<V>(sum), share), meanX = f32x4.mul(total<V>(sumX), share);
  for (let block = first * units; block < end * units; block += units) {
    for (let c = 0; c < used; c += columns<V>()) {
      const at = column<V>(values, panel, block + c), x = v128.load(at);
      const d = v128.load(column<V>(dy, panelY, block + c)), gain = coefficient<V>(norm.gain + bytes(block + c));
      const rest = f32x4.sub(f32x4.mul(d, gain), madd(x, meanX, mean));
      v128.store(at, present<V>(f32x4.mul(rest, s), used - c));
      addCoefficient<V>(dgain + bytes(block + c), f32x4.mul(d, x));
    }
  }
}

/** Where s of the first row of step `s` is, in a group of gates. */
function scaleOf(plan: Plan, norm: Norm, part: i32, group: i32, s: i32): usize {
  const groups = norm.split < norm.blocks ? 2 : 1;
  return norm.scales + bytes(((part * groups + group) * plan.steps + s) * plan.rows);
}

/** Columns in a vector. */
// @ts-ignore: decorator
@inline
function columns<V>(): i32 {
  return isInteger<V>() ? 4 : 1;
}

// @ts-ignore: decorator
@inline
function column<V>(x: usize, panel: usize, c: i32): usize {
  return isInteger<V>() ? strip(x, panel, c) : x + <usize>c * panel;
}

/** The values of a vector's columns. */
// @ts-ignore: decorator
@inline
function coefficient<V>(x: usize): v128 {
  return isInteger<V>() ? v128.load(x) : v128.load32_splat(x);
}

// @ts-ignore: decorator
@inline
function addCoefficient<V>(x: usize, value: v128): void {
  if (isInteger<V>()) v128.store(x, f32x4.add(v128.load(x), value));
  else store<f32>(x, load<f32>(x) + f32x4.extract_lane(across(value), 0));
}

/** The sums of rows, in all lanes of a row. */
// @ts-ignore: decorator
@inline
function total<V>(sums: v128): v128 {
  return isInteger<V>() ? across(sums) : sums;
}

/** The sum of all lanes, in all lanes. */
function across(x: v128): v128 {
  const half = f32x4.add(x, upper(x));
  return f32x4.add(half, v128.shuffle<f32>(half, half, 1, 0, 3, 2));
}

/** Zeros for the lanes of columns that are padding, where `rest` columns are left. */
// @ts-ignore: decorator
@inline
function present<V>(x: v128, rest: i32): v128 {
  return v128.and(x, i32x4.gt_s(i32x4.splat(rest), isInteger<V>() ? i32x4(0, 1, 2, 3) : i32x4.splat(0)));
}
