/**
 * Matrix products over panels (see "Panels" in ARCHITECTURE.md). Both products run on one register tile
 * of 4 × 8 sums: per step of depth, 2 vectors of `b` and 4 broadcast values of `a` make 8 multiply-adds.
 */
import { madd, ROW } from "./simd";

/** Where `a` keeps the depth of the product: along the 8 lanes of its panels, or along their rows. */
type AlongLanes = i32;
type AlongRows = f32;

/**
 * y[4 × 8] += Σ over depth of a[4, depth] · b[depth, 8]. The depth comes in `blocks` of `quads` × 4 steps;
 * `strideA` is the number of bytes from one block of `a` to the next, `b` is one stream.
 */
// @ts-ignore: decorator
@inline
function tile<Depth>(y: usize, a: usize, strideA: usize, b: usize, blocks: i32, quads: i32): void {
  // Bytes of `a` from one row of the tile to the next, and from one step of depth to the next.
  const M: usize = isInteger<Depth>() ? 32 : 4;
  const K: usize = isInteger<Depth>() ? 4 : 32;
  let y00 = v128.load(y, 0), y01 = v128.load(y, 16);
  let y10 = v128.load(y, 32), y11 = v128.load(y, 48);
  let y20 = v128.load(y, 64), y21 = v128.load(y, 80);
  let y30 = v128.load(y, 96), y31 = v128.load(y, 112);
  for (let block = 0; block < blocks; block++) {
    let p = a;
    const end: usize = b + (<usize>quads << 7);
    while (b < end) {
      let b0 = v128.load(b, 0), b1 = v128.load(b, 16);
      let x = v128.load32_splat(p, 0 * M + 0 * K); y00 = madd(x, b0, y00); y01 = madd(x, b1, y01);
      x = v128.load32_splat(p, 1 * M + 0 * K); y10 = madd(x, b0, y10); y11 = madd(x, b1, y11);
      x = v128.load32_splat(p, 2 * M + 0 * K); y20 = madd(x, b0, y20); y21 = madd(x, b1, y21);
      x = v128.load32_splat(p, 3 * M + 0 * K); y30 = madd(x, b0, y30); y31 = madd(x, b1, y31);
      b0 = v128.load(b, 32); b1 = v128.load(b, 48);
      x = v128.load32_splat(p, 0 * M + 1 * K); y00 = madd(x, b0, y00); y01 = madd(x, b1, y01);
      x = v128.load32_splat(p, 1 * M + 1 * K); y10 = madd(x, b0, y10); y11 = madd(x, b1, y11);
      x = v128.load32_splat(p, 2 * M + 1 * K); y20 = madd(x, b0, y20); y21 = madd(x, b1, y21);
      x = v128.load32_splat(p, 3 * M + 1 * K); y30 = madd(x, b0, y30); y31 = madd(x, b1, y31);
      b0 = v128.load(b, 64); b1 = v128.load(b, 80);
      x = v128.load32_splat(p, 0 * M + 2 * K); y00 = madd(x, b0, y00); y01 = madd(x, b1, y01);
      x = v128.load32_splat(p, 1 * M + 2 * K); y10 = madd(x, b0, y10); y11 = madd(x, b1, y11);
      x = v128.load32_splat(p, 2 * M + 2 * K); y20 = madd(x, b0, y20); y21 = madd(x, b1, y21);
      x = v128.load32_splat(p, 3 * M + 2 * K); y30 = madd(x, b0, y30); y31 = madd(x, b1, y31);
      b0 = v128.load(b, 96); b1 = v128.load(b, 112);
      x = v128.load32_splat(p, 0 * M + 3 * K); y00 = madd(x, b0, y00); y01 = madd(x, b1, y01);
      x = v128.load32_splat(p, 1 * M + 3 * K); y10 = madd(x, b0, y10); y11 = madd(x, b1, y11);
      x = v128.load32_splat(p, 2 * M + 3 * K); y20 = madd(x, b0, y20); y21 = madd(x, b1, y21);
      x = v128.load32_splat(p, 3 * M + 3 * K); y30 = madd(x, b0, y30); y31 = madd(x, b1, y31);
      p += 4 * K;
      b += 128;
    }
    a += strideA;
  }
  v128.store(y, y00, 0); v128.store(y, y01, 16);
  v128.store(y, y10, 32); v128.store(y, y11, 48);
  v128.store(y, y20, 64); v128.store(y, y21, 80);
  v128.store(y, y30, 96); v128.store(y, y31, 112);
}

/**
 * y[rows, columns] += a[rows, depth] · b[depth, columns], all in panels of 8 columns; those of `a` and `y` lie
 * `panelA` and `panelY` bytes apart. rows is 1 or a multiple of 4, depth and columns are multiples of 8.
 */
export function multiply(
  a: usize, panelA: usize, b: usize, y: usize, panelY: usize, rows: i32, depth: i32, columns: i32
): void {
  if (rows == 1) return multiplyVector(a, panelA, b, y, panelY, depth, columns);
  for (let j = 0; j < columns; j += 8, b += <usize>depth * ROW, y += panelY) {
    for (let i: usize = 0, end: usize = <usize>rows * ROW; i < end; i += 4 * ROW) {
      tile<AlongLanes>(y + i, a + i, panelA, b, depth >> 3, 2);
    }
  }
}

/** The product of one row: four panels of `b` at a time, so that sums don't wait for one another. */
function multiplyVector(a: usize, panelA: usize, b: usize, y: usize, panelY: usize, depth: i32, columns: i32): void {
  const panel: usize = <usize>depth * ROW;
  let j = 0;
  for (; j + 32 <= columns; j += 32, b += 4 * panel, y += 4 * panelY) {
    const yq = y + panelY, yr = yq + panelY, ys = yr + panelY;
    let y0 = v128.load(y, 0), y1 = v128.load(y, 16), y2 = v128.load(yq, 0), y3 = v128.load(yq, 16);
    let y4 = v128.load(yr, 0), y5 = v128.load(yr, 16), y6 = v128.load(ys, 0), y7 = v128.load(ys, 16);
    let p = b, q = b + panel, r = b + 2 * panel, s = b + 3 * panel;
    for (let x = a; p < b + panel; x += panelA) {
      for (let k: usize = 0; k < ROW; k += 4) {
        const value = v128.load32_splat(x + k);
        y0 = madd(value, v128.load(p, 0), y0); y1 = madd(value, v128.load(p, 16), y1);
        y2 = madd(value, v128.load(q, 0), y2); y3 = madd(value, v128.load(q, 16), y3);
        y4 = madd(value, v128.load(r, 0), y4); y5 = madd(value, v128.load(r, 16), y5);
        y6 = madd(value, v128.load(s, 0), y6); y7 = madd(value, v128.load(s, 16), y7);
        p += ROW; q += ROW; r += ROW; s += ROW;
      }
    }
    v128.store(y, y0, 0); v128.store(y, y1, 16); v128.store(yq, y2, 0); v128.store(yq, y3, 16);
    v128.store(yr, y4, 0); v128.store(yr, y5, 16); v128.store(ys, y6, 0); v128.store(ys, y7, 16);
  }
  for (; j < columns; j += 8, b += panel, y += panelY) {
    let y0 = v128.load(y, 0), y1 = v128.load(y, 16);
    let p = b;
    for (let x = a; p < b + panel; x += panelA) {
      for (let k: usize = 0; k < ROW; k += 4, p += ROW) {
        const value = v128.load32_splat(x + k);
        y0 = madd(value, v128.load(p, 0), y0); y1 = madd(value, v128.load(p, 16), y1);
      }
    }
    v128.store(y, y0, 0); v128.store(y, y1, 16);
  }
}

/**
 * y[m, n] += aᵀ[m, depth] · b[depth, n], all in panels of 8 columns, `panel` bytes apart in `a` and `b` and
 * `panelY` in `y`: the weight gradients of a whole sequence. depth and m are multiples of 4, n of 8.
 */
export function multiplyTransposed(
  a: usize, b: usize, panel: usize, y: usize, panelY: usize, depth: i32, m: i32, n: i32
): void {
  for (let j = 0; j < n; j += 8, b += panel, y += panelY) {
    for (let i = 0; i < m; i += 4) {
      tile<AlongRows>(y + <usize>i * ROW, a + <usize>(i >> 3) * panel + ((i & 4) << 2), 0, b, 1, depth >> 2);
    }
  }
}
