/**
 * Matrix products over panels (see "Panels" in ARCHITECTURE.md). They run on one register tile of 4 × 8 sums:
 * per step of depth, 2 vectors of `b` and 4 broadcast values of `a` make 8 multiply-adds. The loops are not
 * unrolled: V8 takes twice the time for loads at constant offsets on Node 20, and none less on Node 24 (LOG.md).
 */
import { madd, ROW, WIDE_ROW } from "./simd";

/** Where `a` keeps the depth of the product: along the 8 lanes of its panels, or along their rows. */
type AlongLanes = i32;
type AlongRows = f32;

/**
 * y[4 × 8] += Σ over depth of a[4, depth] · b[depth, 8]. The depth comes in `blocks` of `steps`; `strideA` is the
 * number of bytes from one block of `a` to the next, `b` is one stream.
 */
// @ts-ignore: decorator
@inline
function tile<Depth>(y: usize, a: usize, strideA: usize, b: usize, blocks: i32, steps: i32): void {
  // Bytes of `a` from one row of the tile to the next, and from one step of depth to the next.
  const M: usize = isInteger<Depth>() ? 32 : 4;
  const K: usize = isInteger<Depth>() ? 4 : 32;
  let y00 = v128.load(y, 0), y01 = v128.load(y, 16);
  let y10 = v128.load(y, 32), y11 = v128.load(y, 48);
  let y20 = v128.load(y, 64), y21 = v128.load(y, 80);
  let y30 = v128.load(y, 96), y31 = v128.load(y, 112);
  for (let block = 0; block < blocks; block++, a += strideA) {
    let p = a;
    for (const end = b + <usize>steps * ROW; b < end; b += ROW, p += K) {
      const b0 = v128.load(b, 0), b1 = v128.load(b, 16);
      let x = v128.load32_splat(p, 0 * M); y00 = madd(x, b0, y00); y01 = madd(x, b1, y01);
      x = v128.load32_splat(p, 1 * M); y10 = madd(x, b0, y10); y11 = madd(x, b1, y11);
      x = v128.load32_splat(p, 2 * M); y20 = madd(x, b0, y20); y21 = madd(x, b1, y21);
      x = v128.load32_splat(p, 3 * M); y30 = madd(x, b0, y30); y31 = madd(x, b1, y31);
    }
  }
  v128.store(y, y00, 0); v128.store(y, y01, 16);
  v128.store(y, y10, 32); v128.store(y, y11, 48);
  v128.store(y, y20, 64); v128.store(y, y21, 80);
  v128.store(y, y30, 96); v128.store(y, y31, 112);
}

/**
 * y[rows, columns] += a[rows, depth] · b[depth, columns], all in panels of 8 columns; those of `a` and `y` lie
 * `panelA` and `panelY` bytes apart. rows are taken by fours, depth and columns are multiples of 8.
 */
export function multiply(
  a: usize, panelA: usize, b: usize, y: usize, panelY: usize, rows: i32, depth: i32, columns: i32
): void {
  for (let j = 0; j < columns; j += 8, b += <usize>depth * ROW, y += panelY) {
    for (let i: usize = 0, end: usize = <usize>rows * ROW; i < end; i += 4 * ROW) {
      tile<AlongLanes>(y + i, a + i, panelA, b, depth >> 3, 8);
    }
  }
}

/**
 * The product of one row, y[columns] += a[depth] · b[depth, columns], bound by the reading of b: it is in panels of 24
 * columns, each one stream, the last filled up with zeros. Those of `a` and `y` have 8, `panelA` and `panelY` bytes apart.
 */
export function multiplyVector(
  a: usize, panelA: usize, b: usize, y: usize, panelY: usize, depth: i32, columns: i32
): void {
  const last = y + <usize>(columns / 8 - 1) * panelY;
  for (; y <= last; y += 3 * panelY) {
    // Past the last column, sums are the last panel's own, unchanged, and stored before it is.
    const q = min(y + panelY, last), r = min(q + panelY, last);
    let y0 = v128.load(y, 0), y1 = v128.load(y, 16);
    let y2 = v128.load(q, 0), y3 = v128.load(q, 16);
    let y4 = v128.load(r, 0), y5 = v128.load(r, 16);
    let lanes = a;
    for (const end = b + <usize>depth * WIDE_ROW; b < end; lanes += panelA) {
      for (let k = lanes; k < lanes + ROW; k += 4, b += WIDE_ROW) {
        const x = v128.load32_splat(k);
        y0 = madd(x, v128.load(b, 0), y0); y1 = madd(x, v128.load(b, 16), y1);
        y2 = madd(x, v128.load(b, 32), y2); y3 = madd(x, v128.load(b, 48), y3);
        y4 = madd(x, v128.load(b, 64), y4); y5 = madd(x, v128.load(b, 80), y5);
      }
    }
    v128.store(r, y4, 0); v128.store(r, y5, 16);
    v128.store(q, y2, 0); v128.store(q, y3, 16);
    v128.store(y, y0, 0); v128.store(y, y1, 16);
  }
}

/**
 * y[m, n] += aᵀ[m, depth] · b[depth, n], all in panels of 8 columns, `panel` bytes apart in `a` and `b` and
 * `panelY` in `y`: the weight gradients of a whole sequence. m is a multiple of 4, n of 8.
 */
export function multiplyTransposed(
  a: usize, b: usize, panel: usize, y: usize, panelY: usize, depth: i32, m: i32, n: i32
): void {
  for (let j = 0; j < n; j += 8, b += panel, y += panelY) {
    for (let i = 0; i < m; i += 4) {
      tile<AlongRows>(y + <usize>i * ROW, a + <usize>(i >> 3) * panel + ((i & 4) << 2), 0, b, 1, depth);
    }
  }
}
