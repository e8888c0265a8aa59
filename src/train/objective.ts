import type { Generator } from '../core/random.js'
import type { Module } from '../nn/module.js'
import type { Tensor } from '../tensor/tensor.js'

/** What a training goes through, pass by pass. */
export interface TrainingData<B> {
  /** Where the order of a pass is drawn from, at its beginning: put back, it gives the same pass again. */
  readonly generator: Generator
  /** The batches of one pass, from one of them on; the generator draws for the whole pass all the same. */
  batches(from?: number): IterableIterator<B>
  /** Batches of the longest pass. */
  readonly mostBatches: number
  /** What each batch counts for, such as its tokens. */
  readonly batchItems: number
}

/** What comes of a batch. */
export interface BatchLoss<C> {
  /** The mean over the items of the batch, such as its tokens: a scalar. */
  loss: Tensor
  items: number
  /** What the next batch of this pass begins with, such as a recurrent state. */
  carried?: C
}

/** What is carried from batch to batch, as a snapshot keeps it. */
export interface Carrying<M, D, C> {
  /** As tensors by name. */
  tensorsOf(carried: C): Record<string, Tensor>
  /**
   * From these tensors again.
   * @param batch how many batches of the pass are done
   * @throws FormatError, whose message begins with `where`, for what this training cannot have carried
   */
  from(where: string, model: M, data: D, batch: number, tensors: Readonly<Record<string, Tensor>>): C | undefined
}

/**
 * What a training makes small. `languageModeling` is the objective of an `RNNModel` on a text.
 *
 * `M` is the model, `B` a batch, `D` the data that give batches, `H` what is held out, `C` what is carried.
 */
export interface Objective<M extends Module, B, D extends TrainingData<B>, H, C> {
  /** @throws OptionError, DataError where model, data and what is held out do not go together */
  check(where: string, model: M, data: D, validation: { corpus: H } | undefined): void
  /** The loss of a batch, for a backward pass. */
  loss(model: M, batch: B, carried: C | undefined, data: D): BatchLoss<C>
  /** The mean loss of what is held out. @throws the signal's reason */
  validate(model: M, heldOut: H, data: D, signal: AbortSignal | undefined): Promise<number>
  /** Absent where nothing is carried. */
  carrying?: Carrying<M, D, C>
}
