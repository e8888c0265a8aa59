import type { Tensor } from '../tensor/tensor.js'

/** A value among those of the tensors that is not a finite number, if there is one. */
export async function notFinite(tensors: readonly Tensor[]): Promise<number | undefined> {
  const read = await Promise.all(tensors.map((tensor) => tensor.dataAnywhere()))
  for (const values of read) {
    // Faster than a question for each value: zero times infinity or NaN is NaN.
    let zeros = 0
    for (let i = 0; i < values.length; i++) zeros += 0 * values[i]
    if (Number.isNaN(zeros)) return values.find((value) => !Number.isFinite(value))
  }
  return undefined
}
