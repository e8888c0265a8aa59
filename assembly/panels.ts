/**
 * Between row-major matrices and panels: a panel holds `width` columns (a multiple of 8), its `depth` rows one
 * after another, so that element (r, c) lies at panel c / width, row r, lane c % width. Lanes past the last
 * column are zero. The panels of a matrix that is as wide as a panel are the matrix itself, row-major.
 */
import { bytes, PANEL, ROW } from "./simd";

/** to = from, 8 lanes. */
// @ts-ignore: decorator
@inline
function copyLanes(from: usize, to: usize): void {
  v128.store(to, v128.load(from, 0), 0);
  v128.store(to, v128.load(from, 16), 16);
}

/** to += from, 8 lanes. */
// @ts-ignore: decorator
@inline
function addLanes(from: usize, to: usize): void {
  v128.store(to, f32x4.add(v128.load(to, 0), v128.load(from, 0)), 0);
  v128.store(to, f32x4.add(v128.load(to, 16), v128.load(from, 16)), 16);
}

/** x[rows, columns] (row-major) into panels. */
export function pack(x: usize, rows: i32, columns: i32, y: usize, depth: i32, width: i32): void {
  for (let c = 0; c < columns; c += width) {
    for (let r = 0; r < rows; r++) {
      let from = x + bytes(r * columns + c), to = y + bytes(r * width);
      const end = from + bytes(min(width, columns - c));
      for (; from + ROW <= end; from += ROW, to += ROW) copyLanes(from, to);
      if (from < end) {
        memory.fill(to, 0, ROW);
        memory.copy(to, from, end - from);
      }
    }
    y += bytes(depth * width);
  }
}

/** Panels += x[rows, columns] (row-major). */
export function addPacked(x: usize, rows: i32, columns: i32, y: usize, depth: i32, width: i32): void {
  for (let c = 0; c < columns; c += width) {
    for (let r = 0; r < rows; r++) {
      let from = x + bytes(r * columns + c), to = y + bytes(r * width);
      const end = from + bytes(min(width, columns - c));
      for (; from + ROW <= end; from += ROW, to += ROW) addLanes(from, to);
      for (; from < end; from += 4, to += 4) store<f32>(to, load<f32>(to) + load<f32>(from));
    }
    y += bytes(depth * width);
  }
}

/** Panels into y[rows, columns] (row-major). */
export function unpack(x: usize, y: usize, rows: i32, columns: i32, depth: i32, width: i32): void {
  for (let c = 0; c < columns; c += width) {
    for (let r = 0; r < rows; r++) {
      let from = x + bytes(r * width), to = y + bytes(r * columns + c);
      const end = to + bytes(min(width, columns - c));
      for (; to + ROW <= end; from += ROW, to += ROW) copyLanes(from, to);
      if (to < end) memory.copy(to, from, end - to);
    }
    x += bytes(depth * width);
  }
}

/** The transpose of x[rows, columns] (row-major) into panels. */
export function packTransposed(x: usize, rows: i32, columns: i32, y: usize, depth: i32, width: i32): void {
  for (let r = 0; r < ((rows + PANEL - 1) & -PANEL); r++) {
    let out: usize = y + bytes(r / width * depth * width + r % width);
    for (let c = 0; c < columns; c++, out += bytes(width)) {
      store<f32>(out, r < rows ? load<f32>(x + bytes(r * columns + c)) : <f32>0.0);
    }
  }
}

/** The transpose of panels into y[rows, columns] (row-major). */
export function unpackTransposed(x: usize, y: usize, rows: i32, columns: i32, depth: i32, width: i32): void {
  for (let r = 0; r < rows; r++) {
    let from: usize = x + bytes(r / width * depth * width + r % width);
    for (const end = y + bytes(columns); y < end; y += 4, from += bytes(width)) store<f32>(y, load<f32>(from));
  }
}

/** Every row of y[rows, columns] (panels) becomes x[columns]. */
export function fillRows(x: usize, y: usize, rows: i32, columns: i32, width: i32): void {
  for (let c = 0; c < columns; c += width, x += bytes(width)) {
    for (let r = 0; r < rows; r++) {
      for (let i: usize = 0; i < bytes(width); i += ROW, y += ROW) copyLanes(x + i, y);
    }
  }
}

/** y[rows, columns] += the rows of `table` that `tokens` name: the product of a one-hot matrix with it. */
export function addTokenRows(
  tokens: usize, count: i32, table: usize, depth: i32, y: usize, rows: i32, columns: i32, width: i32
): void {
  for (let c = 0; c < columns; c += width) {
    for (let r = 0; r < count; r++) {
      const from: usize = table + bytes(load<i32>(tokens + bytes(r)) * width);
      const to: usize = y + bytes(r * width);
      for (let i: usize = 0; i < bytes(width); i += ROW) addLanes(from + i, to + i);
    }
    table += bytes(depth * width);
    y += bytes(rows * width);
  }
}

/** The rows of `table` that `tokens` name += the rows of x: the gradient of `addTokenRows`. */
export function scatterTokenRows(
  tokens: usize, count: i32, table: usize, depth: i32, x: usize, rows: i32, columns: i32, width: i32
): void {
  for (let c = 0; c < columns; c += width) {
    for (let r = 0; r < count; r++) {
      const from: usize = x + bytes(r * width);
      const to: usize = table + bytes(load<i32>(tokens + bytes(r)) * width);
      for (let i: usize = 0; i < bytes(width); i += ROW) addLanes(from + i, to + i);
    }
    table += bytes(depth * width);
    x += bytes(rows * width);
  }
}

/** y[columns] += the sum of the rows of x[rows, columns] (panels). */
export function sumRows(x: usize, y: usize, rows: i32, columns: i32, width: i32): void {
  for (let c = 0; c < columns; c += width) {
    for (let i = 0; i < width; i += PANEL, y += ROW) {
      let low = v128.load(y, 0), high = v128.load(y, 16);
      let from: usize = x + bytes(i);
      for (let r = 0; r < rows; r++, from += bytes(width)) {
        low = f32x4.add(low, v128.load(from, 0));
        high = f32x4.add(high, v128.load(from, 16));
      }
      v128.store(y, low, 0);
      v128.store(y, high, 16);
    }
    x += bytes(rows * width);
  }
}
