/** Copies and transpositions of matrices whose rows lie any number of bytes apart. */
import { bytes } from "./simd";

/** y[rows, columns] = x[rows, columns] */
export function copyRows(x: usize, strideX: usize, y: usize, strideY: usize, rows: i32, columns: i32): void {
  for (let r = 0; r < rows; r++, x += strideX, y += strideY) {
    let c = 0;
    for (; c + 4 <= columns; c += 4) v128.store(y + bytes(c), v128.load(x + bytes(c)));
    for (; c < columns; c++) store<f32>(y + bytes(c), load<f32>(x + bytes(c)));
  }
}

/** y[rows, columns] += x[rows, columns] */
export function addCopiedRows(x: usize, strideX: usize, y: usize, strideY: usize, rows: i32, columns: i32): void {
  for (let r = 0; r < rows; r++, x += strideX, y += strideY) {
    let c = 0;
    for (; c + 4 <= columns; c += 4) {
      v128.store(y + bytes(c), f32x4.add(v128.load(y + bytes(c)), v128.load(x + bytes(c))));
    }
    for (; c < columns; c++) store<f32>(y + bytes(c), load<f32>(y + bytes(c)) + load<f32>(x + bytes(c)));
  }
}

// @ts-ignore: decorator
@inline
function put<Add>(y: usize, values: v128): void {
  v128.store(y, isInteger<Add>() ? f32x4.add(v128.load(y), values) : values);
}

// @ts-ignore: decorator
@inline
function putOne<Add>(y: usize, value: f32): void {
  store<f32>(y, isInteger<Add>() ? load<f32>(y) + value : value);
}

/** The transpose of four vectors, stored to (or, where `Add` is an integer type, added to) four places in turn. */
// @ts-ignore: decorator
@inline
export function transpose4<Add>(a: v128, b: v128, c: v128, d: v128, y0: usize, y1: usize, y2: usize, y3: usize): void {
  const ab = v128.shuffle<f32>(a, b, 0, 4, 1, 5), AB = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
  const cd = v128.shuffle<f32>(c, d, 0, 4, 1, 5), CD = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
  put<Add>(y0, v128.shuffle<f32>(ab, cd, 0, 1, 4, 5));
  put<Add>(y1, v128.shuffle<f32>(ab, cd, 2, 3, 6, 7));
  put<Add>(y2, v128.shuffle<f32>(AB, CD, 0, 1, 4, 5));
  put<Add>(y3, v128.shuffle<f32>(AB, CD, 2, 3, 6, 7));
}

/** Rows that are transposed together: their values fill a cache line of each column. */
const STRIP: i32 = 16;

// @ts-ignore: decorator
@inline
function transposeTo<Add>(x: usize, strideX: usize, y: usize, strideY: usize, rows: i32, columns: i32): void {
  for (let r = 0; r < rows; r += STRIP, x += STRIP * strideX) {
    const count = min(STRIP, rows - r);
    let c = 0, to = y + bytes(r);
    for (; c + 4 <= columns; c += 4, to += 4 * strideY) {
      let i = 0, from = x + bytes(c);
      for (; i + 4 <= count; i += 4, from += 4 * strideX) {
        const x1 = from + strideX, x2 = x1 + strideX, x3 = x2 + strideX;
        const y0 = to + bytes(i), y1 = y0 + strideY, y2 = y1 + strideY, y3 = y2 + strideY;
        transpose4<Add>(v128.load(from), v128.load(x1), v128.load(x2), v128.load(x3), y0, y1, y2, y3);
      }
      for (; i < count; i++, from += strideX) {
        for (let j = 0; j < 4; j++) putOne<Add>(to + <usize>j * strideY + bytes(i), load<f32>(from + bytes(j)));
      }
    }
    for (; c < columns; c++, to += strideY) {
      for (let i = 0; i < count; i++) putOne<Add>(to + bytes(i), load<f32>(x + <usize>i * strideX + bytes(c)));
    }
  }
}

/** y[columns, rows] = xᵀ, where x is [rows, columns] */
export function transpose(x: usize, strideX: usize, y: usize, strideY: usize, rows: i32, columns: i32): void {
  transposeTo<f32>(x, strideX, y, strideY, rows, columns);
}

/** y[columns, rows] += xᵀ */
export function addTransposed(x: usize, strideX: usize, y: usize, strideY: usize, rows: i32, columns: i32): void {
  transposeTo<i32>(x, strideX, y, strideY, rows, columns);
}
