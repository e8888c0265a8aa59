/**
 * Matrix products over panels (see "Panels" in ARCHITECTURE.md). They run on one register tile of 4 rows and a panel's
 * columns: per step of depth, the vectors of a row of `b` and 4 broadcast values of `a`. Two vectors of a panel of 8 make 8
 * sums of 128 bits, four of a panel of 16 make 8 sums of 256. The loops are not unrolled: V8 takes twice the time for loads
 * at constant offsets on Node 20, and none less on Node 24 (LOG.md).
 */
import { PANEL, WIDE } from "./constants";
import { madd, ROW, WIDE_ROW } from "./simd";

/** Where `a` keeps the depth of the product: along the lanes of its panels, or along their rows. */
type AlongLanes = i32;
type AlongRows = f32;

/**
 * y[4, PANEL] += Σ over depth of a[4, depth] · b[depth, PANEL]. The depth comes in `blocks` of `steps`; `strideA` is the
 * number of bytes from one block of `a` to the next, `b` is one stream.
 */
// @ts-ignore: decorator
@inline
function tile<Depth>(y: usize, a: usize, strideA: usize, b: usize, blocks: i32, steps: i32): void {
  // Bytes of `a` from one row of the tile to the next, and from one step of depth to the next.
  const M: usize = isInteger<Depth>() ? ROW : 4;
  const K: usize = isInteger<Depth>() ? 4 : ROW;
  let y00 = v128.load(y, 0), y01 = v128.load(y, 16), y02 = y00, y03 = y01;
  let y10 = v128.load(y, ROW), y11 = v128.load(y, ROW + 16), y12 = y10, y13 = y11;
  let y20 = v128.load(y, 2 * ROW), y21 = v128.load(y, 2 * ROW + 16), y22 = y20, y23 = y21;
  let y30 = v128.load(y, 3 * ROW), y31 = v128.load(y, 3 * ROW + 16), y32 = y30, y33 = y31;
  if (WIDE) {
    y02 = v128.load(y, 32); y03 = v128.load(y, 48);
    y12 = v128.load(y, ROW + 32); y13 = v128.load(y, ROW + 48);
    y22 = v128.load(y, 2 * ROW + 32); y23 = v128.load(y, 2 * ROW + 48);
    y32 = v128.load(y, 3 * ROW + 32); y33 = v128.load(y, 3 * ROW + 48);
  }
  for (let block = 0; block < blocks; block++, a += strideA) {
    let p = a;
    for (const end = b + <usize>steps * ROW; b < end; b += ROW, p += K) {
      const b0 = v128.load(b, 0), b1 = v128.load(b, 16);
      let b2 = b0, b3 = b1;
      if (WIDE) { b2 = v128.load(b, 32); b3 = v128.load(b, 48); }
      let x = v128.load32_splat(p, 0 * M);
      y00 = madd(x, b0, y00); y01 = madd(x, b1, y01);
      if (WIDE) { y02 = madd(x, b2, y02); y03 = madd(x, b3, y03); }
      x = v128.load32_splat(p, 1 * M);
      y10 = madd(x, b0, y10); y11 = madd(x, b1, y11);
      if (WIDE) { y12 = madd(x, b2, y12); y13 = madd(x, b3, y13); }
      x = v128.load32_splat(p, 2 * M);
      y20 = madd(x, b0, y20); y21 = madd(x, b1, y21);
      if (WIDE) { y22 = madd(x, b2, y22); y23 = madd(x, b3, y23); }
      x = v128.load32_splat(p, 3 * M);
      y30 = madd(x, b0, y30); y31 = madd(x, b1, y31);
      if (WIDE) { y32 = madd(x, b2, y32); y33 = madd(x, b3, y33); }
    }
  }
  v128.store(y, y00, 0); v128.store(y, y01, 16);
  if (WIDE) { v128.store(y, y02, 32); v128.store(y, y03, 48); }
  v128.store(y, y10, ROW); v128.store(y, y11, ROW + 16);
  if (WIDE) { v128.store(y, y12, ROW + 32); v128.store(y, y13, ROW + 48); }
  v128.store(y, y20, 2 * ROW); v128.store(y, y21, 2 * ROW + 16);
  if (WIDE) { v128.store(y, y22, 2 * ROW + 32); v128.store(y, y23, 2 * ROW + 48); }
  v128.store(y, y30, 3 * ROW); v128.store(y, y31, 3 * ROW + 16);
  if (WIDE) { v128.store(y, y32, 3 * ROW + 32); v128.store(y, y33, 3 * ROW + 48); }
}

/**
 * y[rows, columns] += a[rows, depth] · b[depth, columns], all in panels; those of `a` and `y` lie `panelA` and `panelY`
 * bytes apart. rows are taken by fours, depth and columns are multiples of a panel's columns.
 */
export function multiply(
  a: usize, panelA: usize, b: usize, y: usize, panelY: usize, rows: i32, depth: i32, columns: i32
): void {
  for (let j = 0; j < columns; j += PANEL, b += <usize>depth * ROW, y += panelY) {
    for (let i: usize = 0, end: usize = <usize>rows * ROW; i < end; i += 4 * ROW) {
      tile<AlongLanes>(y + i, a + i, panelA, b, depth / PANEL, PANEL);
    }
  }
}

/**
 * The product of one row, y[columns] += a[depth] · b[depth, columns], bound by the reading of b: its panels lie beside each
 * other by threes, each three one stream, the last filled up with zeros. Those of `a` and `y` lie `panelA` and `panelY`
 * bytes apart, in `y` with `gap` more after each `run` columns.
 */
export function multiplyVector(
  a: usize, panelA: usize, b: usize, y: usize, panelY: usize, depth: i32, columns: i32, run: i32, gap: usize
): void {
  for (let c = 0; c < columns; c += 3 * PANEL) {
    // Past the last column, sums are the last panel's own, unchanged, and stored before it is.
    const q = c + PANEL < columns ? nextPanel(y, panelY, c, run, gap) : y;
    const r = c + 2 * PANEL < columns ? nextPanel(q, panelY, c + PANEL, run, gap) : q;
    let y0 = v128.load(y, 0), y1 = v128.load(y, 16), y2 = y0, y3 = y1;
    let q0 = v128.load(q, 0), q1 = v128.load(q, 16), q2 = q0, q3 = q1;
    let r0 = v128.load(r, 0), r1 = v128.load(r, 16), r2 = r0, r3 = r1;
    if (WIDE) {
      y2 = v128.load(y, 32); y3 = v128.load(y, 48);
      q2 = v128.load(q, 32); q3 = v128.load(q, 48);
      r2 = v128.load(r, 32); r3 = v128.load(r, 48);
    }
    let lanes = a;
    for (const end = b + <usize>depth * WIDE_ROW; b < end; lanes += panelA) {
      for (let k = lanes; k < lanes + ROW; k += 4, b += WIDE_ROW) {
        const x = v128.load32_splat(k);
        y0 = madd(x, v128.load(b, 0), y0); y1 = madd(x, v128.load(b, 16), y1);
        if (WIDE) { y2 = madd(x, v128.load(b, 32), y2); y3 = madd(x, v128.load(b, 48), y3); }
        q0 = madd(x, v128.load(b, ROW), q0); q1 = madd(x, v128.load(b, ROW + 16), q1);
        if (WIDE) { q2 = madd(x, v128.load(b, ROW + 32), q2); q3 = madd(x, v128.load(b, ROW + 48), q3); }
        r0 = madd(x, v128.load(b, 2 * ROW), r0); r1 = madd(x, v128.load(b, 2 * ROW + 16), r1);
        if (WIDE) { r2 = madd(x, v128.load(b, 2 * ROW + 32), r2); r3 = madd(x, v128.load(b, 2 * ROW + 48), r3); }
      }
    }
    v128.store(r, r0, 0); v128.store(r, r1, 16);
    if (WIDE) { v128.store(r, r2, 32); v128.store(r, r3, 48); }
    v128.store(q, q0, 0); v128.store(q, q1, 16);
    if (WIDE) { v128.store(q, q2, 32); v128.store(q, q3, 48); }
    v128.store(y, y0, 0); v128.store(y, y1, 16);
    if (WIDE) { v128.store(y, y2, 32); v128.store(y, y3, 48); }
    y = nextPanel(r, panelY, c + 2 * PANEL, run, gap);
  }
}

/** The panel after the one of columns c …, which lies at `y`. */
function nextPanel(y: usize, panelY: usize, c: i32, run: i32, gap: usize): usize {
  return y + panelY + ((c + PANEL) % run ? 0 : gap);
}

/**
 * y[m, n] += aᵀ[m, depth] · b[depth, n], all in panels, `panel` bytes apart in `a` and `b` and `panelY` in `y`: the weight
 * gradients of a whole sequence. m is a multiple of 4, n of a panel's columns.
 */
export function multiplyTransposed(
  a: usize, b: usize, panel: usize, y: usize, panelY: usize, depth: i32, m: i32, n: i32
): void {
  for (let j = 0; j < n; j += PANEL, b += panel, y += panelY) {
    for (let i = 0; i < m; i += 4) {
      const from = a + <usize>(i / PANEL) * panel + <usize>(i % PANEL) * 4;
      tile<AlongRows>(y + <usize>i * ROW, from, 0, b, 1, depth);
    }
  }
}
