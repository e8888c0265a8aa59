import { fromData, zerosOn } from './create.js'
import { concatenate } from './functions.js'
import type { Tensor } from './tensor.js'

// Some rows of a matrix by themselves, so that the others cost no work.

/** The rows with these numbers, which are all different. */
export const takeRows = (x: Tensor, rows: Int32Array): Tensor => x.gatherRows(fromData(rows, [rows.length]))

/**
 * The opposite: a matrix of `count` rows that has these rows at these numbers.
 * @param other the row [1, …] elsewhere; zeros if absent
 */
export function spreadRows(
  x: Tensor,
  rows: Int32Array,
  count: number,
  other: Tensor = zerosOn(x.device, [1, x.shape[1]]),
): Tensor {
  const places = new Int32Array(count).fill(rows.length)
  for (const [place, row] of rows.entries()) places[row] = place
  return concatenate([x, other]).gatherRows(fromData(places, [count]))
}
