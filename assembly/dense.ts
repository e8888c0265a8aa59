/** A product of row-major matrices, y[m, n] = op(a) · op(b), in pieces of rows that threads share. */
import { PANEL } from "./constants";
import { multiply } from "./matmul";
import { loadRows, storeRows } from "./panels";
import { bytes, ROW } from "./simd";
import { transpose } from "./transpose";

/** src/kernels/wasm/matmul.ts writes it. */
@unmanaged
export class Product {
  /** See `Plan`. */
  beat: i32;
  m: i32;
  n: i32;
  k: i32;
  /** k and n, padded. */
  depth: i32;
  columns: i32;
  /** Rows in a piece, a multiple of 4. */
  rows: i32;
  /** `a` is stored as [k, m]. */
  transposeA: i32;
  a: usize;
  y: usize;
  /** op(b) in panels. */
  b: usize;
  /** Room for each piece's rows of op(a), [rows, depth], and of y, [rows, columns]: zeros. */
  left: usize;
  sums: usize;
}

/** Rows item · rows … of y. */
export function productRows(plan: Product, item: i32): void {
  const rows = plan.rows, first = item * rows, count = min(rows, plan.m - first);
  const left = plan.left + bytes(first * plan.depth), sums = plan.sums + bytes(first * plan.columns);
  const panel: usize = <usize>rows * ROW;
  if (plan.transposeA) {
    for (let k = 0, to = left; k < plan.k; k += PANEL, to += panel) {
      transpose(plan.a + bytes(k * plan.m + first), bytes(plan.m), to, ROW, min(PANEL, plan.k - k), count);
    }
  } else {
    loadRows(plan.a + bytes(first * plan.k), count, plan.k, left, panel, PANEL);
  }
  multiply(left, panel, plan.b, sums, panel, rows, plan.depth, plan.columns);
  storeRows(sums, panel, plan.y + bytes(first * plan.n), count, plan.n, PANEL);
  plan.beat++;
}
