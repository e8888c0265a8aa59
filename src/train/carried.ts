import { FormatError } from '../core/errors.js'
import type { SequenceData } from '../data/sequences.js'
import type { RNNModel } from '../nn/model.js'
import type { RecurrentState } from '../nn/state.js'
import { valuesFor } from '../tensor/state.js'
import { Tensor } from '../tensor/tensor.js'
import { tensorsUnder } from './state.js'

/** A recurrent state as tensors by name. */
export const partsOf = (state: RecurrentState): Record<string, Tensor> =>
  state instanceof Tensor ? { h: state } : { h: state.h, c: state.c }

/**
 * The recurrent state that a snapshot carries to the batch after `batch`: one only within an epoch, and only under
 * sequential sampling.
 * @throws FormatError where it is missing or has another shape
 */
export function carriedState<S extends RecurrentState>(
  where: string,
  model: RNNModel<S>,
  data: SequenceData,
  batch: number,
  tensors: Readonly<Record<string, Tensor>>,
): S | undefined {
  if (batch === 0 || data.sampling !== 'sequential') return undefined
  const expected = new Map(Object.entries(partsOf(model.beginState(data.batchSize))))
  const { values, problems } = valuesFor(expected, tensorsUnder('state', tensors))
  if (problems.length > 0) {
    throw new FormatError(`${where}: the state carried to batch ${batch + 1}: ${problems.join('; ')}`)
  }
  const part = (name: string) => expected.get(name)!.copy_(values.get(name)!)
  return (expected.has('c') ? { h: part('h'), c: part('c') } : part('h')) as S
}
