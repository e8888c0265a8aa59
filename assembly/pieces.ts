/** Work on whole arrays, cut into pieces that threads share: optimizers, sums for clipping, and weights into panels. */
import {
  PIECE_ADAM, PIECE_LOAD_COLUMNS, PIECE_LOAD_ROWS, PIECE_MOMENTUM, PIECE_NESTEROV, PIECE_RMSPROP, PIECE_SCALE, PIECE_SGD,
  PANEL, PIECE_WIDE_COLUMNS, PIECE_WIDE_ROWS, STREAMS,
} from "./constants";
import { loadColumns, loadRows } from "./panels";
import { bytes, ROW, upper, WIDE_ROW } from "./simd";
import { copyRows, transpose } from "./transpose";
import { adam, momentum, rmsprop, Rule, sgd } from "./update";

/** src/kernels/wasm/pieces.ts writes it. */
@unmanaged
export class Pieces {
  /** See `Plan`. */
  beat: i32;
  /** The descriptions of all pieces, one after another. */
  list: usize;
}

/** What each field is for depends on the kind of the piece. */
@unmanaged
export class Piece {
  kind: i32;
  length: i32;
  x: usize;
  y: usize;
  /** The buffers of an optimizer. */
  first: usize;
  second: usize;
  third: usize;
  rule: usize;
  /** Of weights: their columns, and the bytes from one panel to the next, of so many columns. */
  columns: i32;
  panel: usize;
  width: i32;
  /** Of weights for the products of a single row: the bytes from one of their rows to the next; `first` is a panel's number. */
  stride: usize;
}

export function piece(pieces: Pieces, item: i32): void {
  const at = changetype<Piece>(pieces.list + <usize>item * offsetof<Piece>());
  const kind = at.kind, x = at.x, y = at.y, first = at.first, second = at.second, third = at.third, length = at.length;
  const rule = changetype<Rule>(at.rule);
  if (kind == PIECE_SGD) sgd(rule, x, y, length);
  else if (kind == PIECE_MOMENTUM || kind == PIECE_NESTEROV) momentum(rule, kind == PIECE_NESTEROV, x, y, first, length);
  else if (kind == PIECE_ADAM) adam(rule, x, y, first, second, length);
  else if (kind == PIECE_RMSPROP) rmsprop(rule, x, y, first, second, third, length);
  else if (kind == PIECE_SCALE) scale(x, length, rule.rate);
  else if (kind == PIECE_LOAD_ROWS) loadRows(x, length, at.columns, y, at.panel, at.width);
  else if (kind == PIECE_LOAD_COLUMNS) loadColumns(x, length, at.columns, y, at.panel, at.width);
  else if (kind == PIECE_WIDE_ROWS || kind == PIECE_WIDE_COLUMNS) widen(at, kind == PIECE_WIDE_COLUMNS);
  else store<f64>(y, squares(x, length));
  pieces.beat++;
}

/** Panels of weights beside each other by threes, `panel` bytes from three to three: see `multiplyVector`. */
function widen(piece: Piece, transposed: bool): void {
  const stride = piece.stride, rows = piece.length, columns = piece.columns, count = transposed ? rows : columns;
  for (let c = 0, panel = <i32>piece.first; c < count; c += PANEL, panel++) {
    const y = piece.y + <usize>(panel / STREAMS) * piece.panel + <usize>(panel % STREAMS) * ROW, used = min(PANEL, count - c);
    if (transposed) transpose(piece.x + <usize>c * stride, stride, y, WIDE_ROW, used, columns);
    else copyRows(piece.x + bytes(c), stride, y, WIDE_ROW, rows, used);
  }
}

/** Σ x², in double precision. */
function squares(x: usize, length: i32): f64 {
  let low = f64x2.splat(0), high = f64x2.splat(0);
  const end = x + bytes(length & ~3);
  for (; x < end; x += 16) {
    const value = v128.load(x);
    const a = f64x2.promote_low_f32x4(value);
    const b = f64x2.promote_low_f32x4(upper(value));
    low = f64x2.add(low, f64x2.mul(a, a));
    high = f64x2.add(high, f64x2.mul(b, b));
  }
  const sums = f64x2.add(low, high);
  let sum = f64x2.extract_lane(sums, 0) + f64x2.extract_lane(sums, 1);
  for (let rest = length & 3; rest > 0; rest--, x += 4) {
    const value = <f64>load<f32>(x);
    sum += value * value;
  }
  return sum;
}

/** x *= factor */
function scale(x: usize, length: i32, factor: f32): void {
  const all = f32x4.splat(factor);
  for (const end = x + bytes(length); x < end; x += 16) v128.store(x, f32x4.mul(v128.load(x), all));
}
