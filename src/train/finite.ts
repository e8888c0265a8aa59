import type { Tensor } from '../tensor/tensor.js'

/** A value among those of the tensors that is not a finite number, if there is one. */
export async function notFinite(tensors: readonly Tensor[]): Promise<number | undefined> {
  const read = await Promise.all(tensors.map((tensor) => tensor.dataAnywhere()))
  for (const values of read) {
    const at = values.findIndex((value) => !Number.isFinite(value))
    if (at >= 0) return values[at]
  }
  return undefined
}
