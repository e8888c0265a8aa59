/**
 * Matrix products over panels (see "Panels" in ARCHITECTURE.md). Both products run on one register tile
 * of 4 × 8 sums: per step of depth, 2 vectors of `b` and 4 broadcast values of `a` make 8 multiply-adds.
 */
import { bytes, madd, ROW } from "./simd";

/** Where `a` keeps the depth of the product: along the 8 lanes of its panels, or along their rows. */
type AlongLanes = i32;
type AlongRows = f32;

/**
 * y[4 × 8] += Σ over depth of a[4, depth] · b[depth, 8]. The depth comes in `blocks` of `quads` × 4 steps;
 * `strideA` and `strideB` are the bytes from one block to the next.
 */
// @ts-ignore: decorator
@inline
function tile<Depth>(y: usize, a: usize, strideA: usize, b: usize, strideB: usize, blocks: i32, quads: i32): void {
  // Bytes of `a` from one row of the tile to the next, and from one step of depth to the next.
  const M: usize = isInteger<Depth>() ? 32 : 4;
  const K: usize = isInteger<Depth>() ? 4 : 32;
  let y00 = v128.load(y, 0), y01 = v128.load(y, 16);
  let y10 = v128.load(y, 32), y11 = v128.load(y, 48);
  let y20 = v128.load(y, 64), y21 = v128.load(y, 80);
  let y30 = v128.load(y, 96), y31 = v128.load(y, 112);
  for (let block = 0; block < blocks; block++) {
    let p = a, q = b;
    const end: usize = q + (<usize>quads << 7);
    while (q < end) {
      let b0 = v128.load(q, 0), b1 = v128.load(q, 16);
      let x = v128.load32_splat(p, 0 * M + 0 * K); y00 = madd(x, b0, y00); y01 = madd(x, b1, y01);
      x = v128.load32_splat(p, 1 * M + 0 * K); y10 = madd(x, b0, y10); y11 = madd(x, b1, y11);
      x = v128.load32_splat(p, 2 * M + 0 * K); y20 = madd(x, b0, y20); y21 = madd(x, b1, y21);
      x = v128.load32_splat(p, 3 * M + 0 * K); y30 = madd(x, b0, y30); y31 = madd(x, b1, y31);
      b0 = v128.load(q, 32); b1 = v128.load(q, 48);
      x = v128.load32_splat(p, 0 * M + 1 * K); y00 = madd(x, b0, y00); y01 = madd(x, b1, y01);
      x = v128.load32_splat(p, 1 * M + 1 * K); y10 = madd(x, b0, y10); y11 = madd(x, b1, y11);
      x = v128.load32_splat(p, 2 * M + 1 * K); y20 = madd(x, b0, y20); y21 = madd(x, b1, y21);
      x = v128.load32_splat(p, 3 * M + 1 * K); y30 = madd(x, b0, y30); y31 = madd(x, b1, y31);
      b0 = v128.load(q, 64); b1 = v128.load(q, 80);
      x = v128.load32_splat(p, 0 * M + 2 * K); y00 = madd(x, b0, y00); y01 = madd(x, b1, y01);
      x = v128.load32_splat(p, 1 * M + 2 * K); y10 = madd(x, b0, y10); y11 = madd(x, b1, y11);
      x = v128.load32_splat(p, 2 * M + 2 * K); y20 = madd(x, b0, y20); y21 = madd(x, b1, y21);
      x = v128.load32_splat(p, 3 * M + 2 * K); y30 = madd(x, b0, y30); y31 = madd(x, b1, y31);
      b0 = v128.load(q, 96); b1 = v128.load(q, 112);
      x = v128.load32_splat(p, 0 * M + 3 * K); y00 = madd(x, b0, y00); y01 = madd(x, b1, y01);
      x = v128.load32_splat(p, 1 * M + 3 * K); y10 = madd(x, b0, y10); y11 = madd(x, b1, y11);
      x = v128.load32_splat(p, 2 * M + 3 * K); y20 = madd(x, b0, y20); y21 = madd(x, b1, y21);
      x = v128.load32_splat(p, 3 * M + 3 * K); y30 = madd(x, b0, y30); y31 = madd(x, b1, y31);
      p += 4 * K;
      q += 128;
    }
    a += strideA;
    b += strideB;
  }
  v128.store(y, y00, 0); v128.store(y, y01, 16);
  v128.store(y, y10, 32); v128.store(y, y11, 48);
  v128.store(y, y20, 64); v128.store(y, y21, 80);
  v128.store(y, y30, 96); v128.store(y, y31, 112);
}

/**
 * y[rows, columns] += a[rows, depth] · b[depth, columns], all in panels; `a` and `y` have `rows` rows in
 * each panel, `b` has `depth`. rows is 1 or a multiple of 4, depth and columns are multiples of 8.
 */
export function multiply(a: usize, b: usize, y: usize, rows: i32, depth: i32, columns: i32): void {
  if (rows == 1) return multiplyVector(a, b, y, depth, columns);
  const stride: usize = <usize>rows * ROW;
  for (let j = 0; j < columns; j += 8) {
    for (let i: usize = 0; i < stride; i += 4 * ROW) {
      tile<AlongLanes>(y + i, a + i, stride, b, 8 * ROW, depth >> 3, 2);
    }
    b += <usize>depth * ROW;
    y += stride;
  }
}

/** The product of one row, whose panels are a plain vector: four panels of `b` at a time, so that sums don't wait. */
function multiplyVector(a: usize, b: usize, y: usize, depth: i32, columns: i32): void {
  const panel: usize = <usize>depth * ROW;
  const end: usize = a + bytes(depth);
  let j = 0;
  for (; j + 32 <= columns; j += 32) {
    let y0 = v128.load(y, 0), y1 = v128.load(y, 16), y2 = v128.load(y, 32), y3 = v128.load(y, 48);
    let y4 = v128.load(y, 64), y5 = v128.load(y, 80), y6 = v128.load(y, 96), y7 = v128.load(y, 112);
    let p = b, q = b + panel, r = b + 2 * panel, s = b + 3 * panel;
    for (let k = a; k < end; k += 4) {
      const x = v128.load32_splat(k);
      y0 = madd(x, v128.load(p, 0), y0); y1 = madd(x, v128.load(p, 16), y1);
      y2 = madd(x, v128.load(q, 0), y2); y3 = madd(x, v128.load(q, 16), y3);
      y4 = madd(x, v128.load(r, 0), y4); y5 = madd(x, v128.load(r, 16), y5);
      y6 = madd(x, v128.load(s, 0), y6); y7 = madd(x, v128.load(s, 16), y7);
      p += ROW; q += ROW; r += ROW; s += ROW;
    }
    v128.store(y, y0, 0); v128.store(y, y1, 16); v128.store(y, y2, 32); v128.store(y, y3, 48);
    v128.store(y, y4, 64); v128.store(y, y5, 80); v128.store(y, y6, 96); v128.store(y, y7, 112);
    b += 4 * panel;
    y += 4 * ROW;
  }
  for (; j < columns; j += 8) {
    let y0 = v128.load(y, 0), y1 = v128.load(y, 16);
    let p = b;
    for (let k = a; k < end; k += 4) {
      const x = v128.load32_splat(k);
      y0 = madd(x, v128.load(p, 0), y0); y1 = madd(x, v128.load(p, 16), y1);
      p += ROW;
    }
    v128.store(y, y0, 0); v128.store(y, y1, 16);
    b += panel;
    y += ROW;
  }
}

/**
 * y[m, n] += Σ over `steps` of aᵀ[m, rows] · b[rows, n], all in panels: the weight gradients of a whole
 * sequence. Steps lie `stepA` and `stepB` bytes apart. rows is a multiple of 4, m and n of 8.
 */
export function multiplyTransposed(
  a: usize, stepA: usize, b: usize, stepB: usize, y: usize, steps: i32, rows: i32, m: i32, n: i32
): void {
  const stride: usize = <usize>rows * ROW;
  for (let j = 0; j < n; j += 8) {
    for (let i = 0; i < m; i += 4) {
      const panel: usize = a + <usize>(i >> 3) * stride + ((i & 4) << 2);
      tile<AlongRows>(y + <usize>i * ROW, panel, stepA, b, stepB, steps, rows >> 2);
    }
    b += stride;
    y += <usize>m * ROW;
  }
}
