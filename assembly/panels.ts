/**
 * Between row-major matrices and panels: a panel holds 8 columns, its rows one after another, so that
 * element (r, c) lies at panel c / 8, row r, lane c % 8. Lanes past the last column are zero.
 */
import { bytes, PANEL, ROW } from "./simd";

/** to += from, one row of a panel. */
// @ts-ignore: decorator
@inline
function addRow(from: usize, to: usize): void {
  v128.store(to, f32x4.add(v128.load(to, 0), v128.load(from, 0)), 0);
  v128.store(to, f32x4.add(v128.load(to, 16), v128.load(from, 16)), 16);
}

/** x[rows, columns] (row-major) into panels `stride` bytes apart. */
export function pack(x: usize, rows: i32, columns: i32, y: usize, stride: usize): void {
  for (let r = 0; r < rows; r++) {
    let out: usize = y + <usize>r * ROW;
    const end: usize = x + bytes(columns);
    for (; x + ROW <= end; x += ROW, out += stride) {
      v128.store(out, v128.load(x, 0), 0);
      v128.store(out, v128.load(x, 16), 16);
    }
    if (x < end) {
      memory.fill(out, 0, ROW);
      memory.copy(out, x, end - x);
      x = end;
    }
  }
}

/** Panels += x[rows, columns] (row-major). */
export function addPacked(x: usize, rows: i32, columns: i32, y: usize, stride: usize): void {
  for (let r = 0; r < rows; r++) {
    const row: usize = y + <usize>r * ROW;
    let c = 0;
    for (; c + PANEL <= columns; c += PANEL, x += ROW) {
      addRow(x, row + <usize>(c >> 3) * stride);
    }
    for (; c < columns; c++, x += 4) {
      const out: usize = row + <usize>(c >> 3) * stride + bytes(c & 7);
      store<f32>(out, load<f32>(out) + load<f32>(x));
    }
  }
}

/** The transpose of x[rows, columns] (row-major) into panels: of 8 rows of x each. */
export function packTransposed(x: usize, rows: i32, columns: i32, y: usize, stride: usize): void {
  for (let r = 0; r < rows; r += PANEL) {
    const height = min(PANEL, rows - r);
    if (height < PANEL) memory.fill(y, 0, <usize>columns * ROW);
    for (let i = 0; i < height; i++) {
      let out: usize = y + bytes(i);
      for (const end = x + bytes(columns); x < end; x += 4, out += ROW) store<f32>(out, load<f32>(x));
    }
    y += stride;
  }
}

/** Panels into y[rows, columns] (row-major). */
export function unpack(x: usize, stride: usize, y: usize, rows: i32, columns: i32): void {
  for (let r = 0; r < rows; r++) {
    let from: usize = x + <usize>r * ROW;
    const end: usize = y + bytes(columns);
    for (; y + ROW <= end; y += ROW, from += stride) {
      v128.store(y, v128.load(from, 0), 0);
      v128.store(y, v128.load(from, 16), 16);
    }
    if (y < end) {
      memory.copy(y, from, end - y);
      y = end;
    }
  }
}

/** The transpose of panels into y[rows, columns] (row-major): a panel fills 8 rows of y. */
export function unpackTransposed(x: usize, stride: usize, y: usize, rows: i32, columns: i32): void {
  for (let r = 0; r < rows; r++) {
    let from: usize = x + <usize>(r >> 3) * stride + bytes(r & 7);
    for (const end = y + bytes(columns); y < end; y += 4, from += ROW) store<f32>(y, load<f32>(from));
  }
}

/** Every row of y[rows, columns] (panels) becomes x[columns]. */
export function fillRows(x: usize, y: usize, rows: i32, columns: i32): void {
  for (let c = 0; c < columns; c += PANEL, x += ROW) {
    const low = v128.load(x, 0), high = v128.load(x, 16);
    for (const end = y + <usize>rows * ROW; y < end; y += ROW) {
      v128.store(y, low, 0);
      v128.store(y, high, 16);
    }
  }
}

/** y[rows, columns] += the rows of `table` that `tokens` name: the product of a one-hot matrix with it. */
export function addTokenRows(tokens: usize, count: i32, table: usize, depth: i32, y: usize, rows: i32, columns: i32): void {
  for (let c = 0; c < columns; c += PANEL) {
    for (let r = 0; r < count; r++) addRow(table + <usize>load<i32>(tokens + bytes(r)) * ROW, y + <usize>r * ROW);
    table += <usize>depth * ROW;
    y += <usize>rows * ROW;
  }
}

/** The rows of `table` that `tokens` name += the rows of x: the gradient of `addTokenRows`. */
export function scatterTokenRows(tokens: usize, count: i32, table: usize, depth: i32, x: usize, rows: i32, columns: i32): void {
  for (let c = 0; c < columns; c += PANEL) {
    for (let r = 0; r < count; r++) addRow(x + <usize>r * ROW, table + <usize>load<i32>(tokens + bytes(r)) * ROW);
    table += <usize>depth * ROW;
    x += <usize>rows * ROW;
  }
}

/** y[columns] += the sum of the rows of x[rows, columns] (panels). */
export function sumRows(x: usize, y: usize, rows: i32, columns: i32): void {
  for (let c = 0; c < columns; c += PANEL, y += ROW) {
    let low = v128.load(y, 0), high = v128.load(y, 16);
    for (const end = x + <usize>rows * ROW; x < end; x += ROW) {
      low = f32x4.add(low, v128.load(x, 0));
      high = f32x4.add(high, v128.load(x, 16));
    }
    v128.store(y, low, 0);
    v128.store(y, high, 16);
  }
}
