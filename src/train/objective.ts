import { checkArgument, shown } from '../core/check.js'
import { OptionError } from '../core/errors.js'
import type { Generator } from '../core/random.js'
import type { Module } from '../nn/module.js'
import { Tensor } from '../tensor/tensor.js'

/** The data of a training, in passes of batches. */
export interface TrainingData<B> {
  /** Draws the order of a pass when it begins. Restoring the generator's state repeats the pass. */
  readonly generator: Generator
  /** The batches of one pass, beginning with batch `from`; the generator draws as for the whole pass. */
  batches(from?: number): IterableIterator<B>
  /** The number of batches in the longest pass. */
  readonly mostBatches: number
  /** The number of items in a batch, such as its tokens. */
  readonly batchItems: number
}

/** The result of an objective for a batch. */
export interface BatchLoss<C> {
  /** The mean loss over the items of the batch, such as its tokens: a scalar. */
  loss: Tensor
  items: number
  /** The value that the next batch of this pass begins with, such as a recurrent state. */
  carried?: C
}

/** Converts the value that is carried from batch to batch for a snapshot. */
export interface Carrying<M, D, C> {
  /** Returns the carried value as tensors by name. */
  tensorsOf(carried: C): Record<string, Tensor>
  /**
   * Returns the carried value that these tensors stand for.
   * @param batch how many batches of the pass are done
   * @throws FormatError, whose message begins with `where`, for what this training cannot have carried
   */
  from(where: string, model: M, data: D, batch: number, tensors: Readonly<Record<string, Tensor>>): C | undefined
}

/**
 * The loss that a training minimizes. `languageModeling` is the objective of an `RNNModel` on a text.
 *
 * `M` is the model, `B` a batch, `D` the data that give batches, `H` the held-out data, `C` the carried value.
 */
export interface Objective<M extends Module, B, D extends TrainingData<B>, H, C> {
  /** @throws OptionError, DataError if the model, the data and the held-out data do not fit together */
  check(where: string, model: M, data: D, validation: { corpus: H } | undefined): void
  /** The loss of a batch, for a backward pass. */
  loss(model: M, batch: B, carried: C | undefined, data: D): BatchLoss<C>
  /** The mean loss of the held-out data. @throws the signal's reason */
  validate(model: M, heldOut: H, data: D, signal: AbortSignal | undefined): Promise<number>
  /** Absent if nothing is carried. */
  carrying?: Carrying<M, D, C>
}

/**
 * Checks the result of an objective for a batch.
 * @param items the number of items in a batch according to the data, its `batchItems`
 * @param carries whether the objective has `carrying`, which converts a carried value for snapshots
 * @throws OptionError for a result that a training cannot sum up, or cannot keep in a snapshot
 */
export function checkResult(where: string, result: BatchLoss<unknown>, items: number, carries: boolean): void {
  const { loss, items: counted, carried } = (result ?? {}) as Partial<BatchLoss<unknown>>
  const scalar = loss instanceof Tensor && loss.size === 1
  checkArgument(where, "the objective's loss", scalar ? loss : (loss ?? result), scalar, 'a tensor of one value')
  if (counted !== items) {
    throw new OptionError(
      `${where}: the objective counts ${shown(counted)} items in a batch, expected ${items}, the batchItems of the data`,
    )
  }
  if (carried !== undefined && !carries) {
    throw new OptionError(
      `${where}: the objective returned \`carried\`, a value for the next batch, but has no \`carrying\`, expected { tensorsOf, from }, which convert that value for snapshots`,
    )
  }
}
