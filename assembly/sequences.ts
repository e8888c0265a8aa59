/** Between matrices [numSteps, batch, …], which have sequences in the batch's order, and the rows of one part at one step. */
import { addRows, clearPadding, loadRows, storeRows } from "./panels";
import { Plan } from "./plan";
import { bytes } from "./simd";

/** How many rows lie beside each other in both. */
function together(plan: Plan, count: i32): i32 {
  return plan.order ? 1 : count;
}

/** y (panels) = the rows of x[numSteps, batch, columns]; zeros for sequences that have ended. */
export function loadStep(plan: Plan, part: i32, s: i32, x: usize, columns: i32, y: usize, padded: i32): void {
  const count = plan.countOf(part, s), width = plan.width, panel = plan.panel, rows = together(plan, count);
  for (let r = 0; r < count; r += rows) {
    const from = x + bytes(plan.placeOf(part, r, s) * columns);
    loadRows(from, rows, columns, y + bytes(r * width), panel, width);
  }
  if (plan.lengths) clearPadding(y, panel, count, plan.rows, padded, padded, width);
}

/**
 * Zeros for the padding of one part at step `s`, in `units` units from `first` on of each of some blocks: x (panels) lies at
 * the first of these units. An infinity times a zero has made NaN there.
 */
export function clearUnused(
  plan: Plan, part: i32, s: i32, x: usize, panel: usize, blocks: i32, first: i32, units: i32
): void {
  const count = plan.countOf(part, s), hidden = min(plan.hiddenSize - first, units);
  for (let block = 0; block < blocks; block++, x += plan.span(plan.units)) {
    clearPadding(x, panel, count, plan.rows, hidden, units, plan.width);
  }
}

/** y (panels of one time step) += `used` columns from `first` on of the rows of x[numSteps, batch, columns] */
export function addStep(
  plan: Plan, part: i32, s: i32, x: usize, columns: i32, first: i32, used: i32, y: usize
): void {
  const count = plan.countOf(part, s), width = plan.width, rows = together(plan, count);
  for (let r = 0; r < count; r += rows) {
    const from = x + bytes(plan.placeOf(part, r, s) * columns + first);
    addRows(from, bytes(columns), rows, used, y + bytes(r * width), plan.step, width);
  }
}

/** The rows of y[numSteps, batch, columns] = x (panels) */
export function storeStep(plan: Plan, part: i32, s: i32, x: usize, y: usize, columns: i32): void {
  const count = plan.countOf(part, s), width = plan.width, rows = together(plan, count);
  for (let r = 0; r < count; r += rows) {
    const to = y + bytes(plan.placeOf(part, r, s) * columns);
    storeRows(x + bytes(r * width), plan.panel, to, rows, columns, width);
  }
}

/** The gradients of the last states of the sequences that end with step `s`: until then, their rows of dh and dc are unused. */
export function loadLastGradients(plan: Plan, part: i32, s: i32, dh: usize, dc: usize): void {
  const first = plan.firstOf(part), size = plan.hiddenSize, step = plan.step, width = plan.width;
  for (let r = plan.countOf(part, s + 1), count = plan.countOf(part, s); r < count; r++) {
    const at = bytes(plan.sequenceOf(first + r) * size), row = bytes(r * width);
    loadRows(plan.dhn + at, 1, size, dh + row, step, width);
    loadRows(plan.dcn + at, 1, size, dc + row, step, width);
  }
}
