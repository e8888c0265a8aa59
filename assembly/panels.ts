/**
 * Between row-major matrices and panels. Element (row, column) of a matrix in panels of `width` columns lies at
 * (column / width) · panel + row · width · 4 + (column % width) · 4 bytes, where `panel` is the number of bytes
 * from one panel to the next. The width is PANEL, or 1: then a panel is one column, as the system's BLAS wants it.
 * Where two vectors are worked on at a time, a panel is one or two strips of EIGHT columns.
 */
import { PANEL } from "./constants";
import { bytes, ROW, splat, upper } from "./simd";
import { addCopiedRows, addTransposed, copyRows, transpose, transpose4 } from "./transpose";

/** Columns of two vectors. */
const EIGHT: i32 = 8;

/** The address of the first row of columns c … c + 7. */
// @ts-ignore: decorator
@inline
export function strip(x: usize, panel: usize, c: i32): usize {
  return x + <usize>(c / PANEL) * panel + bytes(c % PANEL);
}

/** y (panels) = x[rows, columns] (row-major) */
export function loadRows(x: usize, rows: i32, columns: i32, y: usize, panel: usize, width: i32): void {
  const stride = bytes(columns);
  if (width == 1) return transpose(x, stride, y, panel, rows, columns);
  for (let c = 0; c < columns; c += PANEL, y += panel) {
    copyRows(x + bytes(c), stride, y, ROW, rows, min(PANEL, columns - c));
  }
}

/** y (panels) += x[rows, columns] (row-major, `stride` bytes from row to row) */
export function addRows(x: usize, stride: usize, rows: i32, columns: i32, y: usize, panel: usize, width: i32): void {
  if (width == 1) return addTransposed(x, stride, y, panel, rows, columns);
  for (let c = 0; c < columns; c += PANEL, y += panel) {
    addCopiedRows(x + bytes(c), stride, y, ROW, rows, min(PANEL, columns - c));
  }
}

/** y[rows, columns] (row-major) = x (panels) */
export function storeRows(x: usize, panel: usize, y: usize, rows: i32, columns: i32, width: i32): void {
  const stride = bytes(columns);
  if (width == 1) return transpose(x, panel, y, stride, columns, rows);
  for (let c = 0; c < columns; c += PANEL, x += panel) {
    copyRows(x, ROW, y + bytes(c), stride, rows, min(PANEL, columns - c));
  }
}

/** y (panels) = the transpose of x[rows, columns] (row-major) */
export function loadColumns(x: usize, rows: i32, columns: i32, y: usize, panel: usize, width: i32): void {
  const stride = bytes(columns);
  if (width == 1) return copyRows(x, stride, y, panel, rows, columns);
  for (let r = 0; r < rows; r += PANEL, y += panel) {
    transpose(x + <usize>r * stride, stride, y, ROW, min(PANEL, rows - r), columns);
  }
}

/** y[rows, columns] (row-major) = the transpose of x (panels) */
export function storeColumns(x: usize, panel: usize, y: usize, rows: i32, columns: i32, width: i32): void {
  const stride = bytes(columns);
  if (width == 1) return copyRows(x, panel, y, stride, rows, columns);
  for (let r = 0; r < rows; r += PANEL, x += panel) {
    transpose(x, ROW, y + <usize>r * stride, stride, columns, min(PANEL, rows - r));
  }
}

/** Every row of y[rows, columns] (panels) becomes x[columns]. With a width of 1, rows are a multiple of 4. */
export function fillRows(x: usize, y: usize, panel: usize, rows: i32, columns: i32, width: i32): void {
  if (width == 1) {
    for (let c = 0; c < columns; c++, x += 4, y += panel) {
      const value = v128.load32_splat(x);
      for (let r = 0; r < rows; r += 4) v128.store(y + bytes(r), value);
    }
    return;
  }
  for (let c = 0; c < columns; c += EIGHT, x += bytes(EIGHT)) {
    const low = v128.load(x, 0), high = v128.load(x, 16);
    for (let to = strip(y, panel, c), end = to + <usize>rows * ROW; to < end; to += ROW) {
      v128.store(to, low, 0);
      v128.store(to, high, 16);
    }
  }
}

/**
 * Zeros for the padding of x[rows, columns] (panels): the rows from `count` on, and the columns from `columns` to
 * `padded`. Products run over the padding too, where an infinity or NaN times a zero weight would spread as NaN.
 */
export function clearPadding(
  x: usize, panel: usize, count: i32, rows: i32, columns: i32, padded: i32, width: i32
): void {
  const used = columns / width * width;
  if (count < rows) {
    for (let c = 0, p = x; c < padded; c += width, p += panel) clear(p + bytes(count * width), p + bytes(rows * width));
  }
  if (columns == padded) return;
  x += <usize>(used / width) * panel;
  if (width == 1) {
    for (let c = columns; c < padded; c++, x += panel) clear(x, x + bytes(rows));
  } else {
    for (let c = 0; c < PANEL; c += EIGHT, x += bytes(EIGHT)) {
      const first = i32x4.splat(columns - used - c);
      const low = i32x4.lt_s(i32x4(0, 1, 2, 3), first), high = i32x4.lt_s(i32x4(4, 5, 6, 7), first);
      for (let at = x, end = x + <usize>rows * ROW; at < end; at += ROW) {
        const kept0 = v128.and(v128.load(at, 0), low), kept1 = v128.and(v128.load(at, 16), high);
        v128.store(at, kept0, 0);
        v128.store(at, kept1, 16);
      }
    }
  }
}

// @ts-ignore: decorator
@inline
function clear(from: usize, end: usize): void {
  for (; from + 16 <= end; from += 16) v128.store(from, splat(0.0));
  for (; from < end; from += 4) store<f32>(from, 0.0);
}

/** y[columns] += the sum of the rows of x[rows, columns] (panels). With a width of 1, rows are a multiple of 4. */
export function sumRows(x: usize, panel: usize, y: usize, rows: i32, columns: i32, width: i32): void {
  if (width == 1) {
    for (let c = 0; c < columns; c++, y += 4, x += panel) {
      let sum = v128.load32_zero(y);
      for (let r = 0; r < rows; r += 4) sum = f32x4.add(sum, v128.load(x + bytes(r)));
      sum = f32x4.add(sum, upper(sum));
      store<f32>(y, f32x4.extract_lane(sum, 0) + f32x4.extract_lane(sum, 1));
    }
    return;
  }
  for (let c = 0; c < columns; c += EIGHT, y += bytes(EIGHT)) {
    let low = v128.load(y, 0), high = v128.load(y, 16);
    for (let from = strip(x, panel, c), end = from + <usize>rows * ROW; from < end; from += ROW) {
      low = f32x4.add(low, v128.load(from, 0));
      high = f32x4.add(high, v128.load(from, 16));
    }
    v128.store(y, low, 0);
    v128.store(y, high, 16);
  }
}

/**
 * The product of one-hot rows with a table, plus a bias: the rows of y (panels) become `bias` and, of the first `count`,
 * the rows of the table that `tokens` name. The table has a row of `columns` values for each token: itself in panels
 * where the width is PANEL, `table` bytes apart; where it is 1, row-major with `table` bytes from row to row.
 */
export function tokenRows(
  tokens: usize, count: i32, w: usize, table: usize, bias: usize,
  y: usize, panel: usize, rows: i32, columns: i32, width: i32
): void {
  if (count < rows) fillRows(bias, y, panel, rows, columns, width);
  if (width == 1) {
    let r = 0;
    for (; r + 4 <= count; r += 4, y += 16) {
      const a = row(tokens, r, w, table), b = row(tokens, r + 1, w, table);
      const c = row(tokens, r + 2, w, table), d = row(tokens, r + 3, w, table);
      for (let i: usize = 0, y0 = y, end = bytes(columns); i < end; i += 16, y0 += 4 * panel) {
        const y1 = y0 + panel, y2 = y1 + panel, y3 = y2 + panel, shift = v128.load(bias + i);
        transpose4<f32>(
          f32x4.add(v128.load(a + i), shift), f32x4.add(v128.load(b + i), shift),
          f32x4.add(v128.load(c + i), shift), f32x4.add(v128.load(d + i), shift), y0, y1, y2, y3
        );
      }
    }
    for (; r < count; r++, y += 4) addTransposed(row(tokens, r, w, table), 0, y, panel, 1, columns);
  } else {
    for (let c = 0; c < columns; c += EIGHT, bias += bytes(EIGHT)) {
      const low = v128.load(bias, 0), high = v128.load(bias, 16), rows = strip(w, table, c);
      for (let r = 0, to = strip(y, panel, c); r < count; r++, to += ROW) {
        const from = row(tokens, r, rows, ROW);
        const sum0 = f32x4.add(v128.load(from, 0), low), sum1 = f32x4.add(v128.load(from, 16), high);
        v128.store(to, sum0, 0);
        v128.store(to, sum1, 16);
      }
    }
  }
}

/** The gradient of `tokenRows`: the rows of the table that `tokens` name += the rows of x (panels). */
export function scatterTokenRows(
  tokens: usize, count: i32, w: usize, table: usize, x: usize, panel: usize, columns: i32, width: i32
): void {
  if (width == 1) {
    let r = 0;
    for (; r + 4 <= count; r += 4, x += 16) {
      const a = row(tokens, r, w, table), b = row(tokens, r + 1, w, table);
      const c = row(tokens, r + 2, w, table), d = row(tokens, r + 3, w, table);
      for (let i: usize = 0, x0 = x, end = bytes(columns); i < end; i += 16, x0 += 4 * panel) {
        const x1 = x0 + panel, x2 = x1 + panel, x3 = x2 + panel;
        transpose4<i32>(v128.load(x0), v128.load(x1), v128.load(x2), v128.load(x3), a + i, b + i, c + i, d + i);
      }
    }
    for (; r < count; r++, x += 4) addTransposed(x, panel, row(tokens, r, w, table), 0, columns, 1);
  } else {
    for (let c = 0; c < columns; c += EIGHT) {
      const rows = strip(w, table, c);
      for (let r = 0, from = strip(x, panel, c); r < count; r++, from += ROW) {
        const to = row(tokens, r, rows, ROW);
        const sum0 = f32x4.add(v128.load(to, 0), v128.load(from, 0));
        const sum1 = f32x4.add(v128.load(to, 16), v128.load(from, 16));
        v128.store(to, sum0, 0);
        v128.store(to, sum1, 16);
      }
    }
  }
}

/** The address of token `r`'s row in the table. */
// @ts-ignore: decorator
@inline
function row(tokens: usize, r: i32, table: usize, stride: usize): usize {
  return table + <usize>load<i32>(tokens + bytes(r)) * stride;
}
