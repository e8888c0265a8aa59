import { checkArgument, checkIterable, checkWhole, shown } from '../../core/check.js'
import { checkOptions, type OptionKinds } from '../../core/check-options.js'
import { DataError, OptionError } from '../../core/errors.js'
import { Generator } from '../../core/random.js'
import { packSequences } from '../../nn/sequences.js'
import { fromData } from '../../tensor/create.js'
import type { Tensor } from '../../tensor/tensor.js'
import { isList } from './metrics.js'

/** The target that `crossEntropy` ignores: what stands after the end of a sequence with a label for each token. */
export const NO_LABEL = -100

/** A sequence of tokens with its label, or with a label for each token, as numbers. */
export interface LabelledSequence {
  tokens: ArrayLike<number>
  label: number | ArrayLike<number>
  /** Where it comes from, for messages. */
  place?: string
}

/** Sequences side by side. */
export interface LabelledBatch {
  /** Tokens, int32 [batch, numSteps], and 0 after the end of a sequence. */
  x: Tensor
  lengths: number[]
  /** Labels, int32 [batch]; or [batch, numSteps], and −100 after the end of a sequence. */
  y: Tensor
  /** Where the longest sequence comes from, for messages. */
  place?: string
}

/** Options of LabelledData. */
export interface LabelledDataOptions {
  /** The number of sequences in a batch, or all if there are fewer. Default 32. */
  batchSize?: number
  /** Draws the order of each pass. Default: a new generator. */
  generator?: Generator
}

const labelledDataOptions: OptionKinds<LabelledDataOptions> = { batchSize: 'any', generator: 'generator' }

/**
 * Labelled sequences in batches. Each pass has a fresh order; what is left over after the last whole batch waits for
 * another pass.
 */
export class LabelledData {
  readonly batchSize: number
  readonly generator: Generator
  /** Whether each token has a label, for a SequenceTagger, instead of each sequence, for a SequenceClassifier. */
  readonly perToken: boolean

  /**
   * @throws DataError for no sequences, one without tokens, or one with more or fewer labels than tokens; OptionError for a
   *   label that is out of range
   */
  constructor(
    readonly sequences: readonly LabelledSequence[],
    readonly numLabels: number,
    options: LabelledDataOptions = {},
  ) {
    const where = 'LabelledData'
    checkOptions(where, options, labelledDataOptions)
    const { batchSize = 32, generator = new Generator() } = options
    checkWhole(where, 'batchSize', batchSize)
    checkWhole(where, 'numLabels', numLabels, 2)
    checkArgument(where, 'the sequences', sequences, Array.isArray(sequences), 'an array of { tokens, label }')
    if (sequences.length === 0) throw new DataError(`${where}: there are no sequences, expected at least one`)
    for (const [i, sequence] of sequences.entries()) {
      const { tokens, label } = Object(sequence) as Partial<LabelledSequence>
      const fits = isList(tokens) && (typeof label === 'number' || isList(label))
      checkArgument(where, `sequence ${i}`, sequence, fits, '{ tokens, label } with numbers')
    }
    this.perToken = typeof sequences[0].label !== 'number'
    for (const [i, sequence] of sequences.entries()) checkSequence(`${where}: sequence ${i}`, sequence, this)
    this.generator = generator
    this.batchSize = Math.min(batchSize, sequences.length)
  }

  get mostBatches(): number {
    return Math.floor(this.sequences.length / this.batchSize)
  }

  /** The number of sequences in a batch. */
  get batchItems(): number {
    return this.batchSize
  }

  /** One pass over the sequences, beginning with batch `from`; the generator draws as for the whole pass. */
  *batches(from = 0): IterableIterator<LabelledBatch> {
    checkWhole('LabelledData.batches', 'from', from, 0)
    const order = Int32Array.from(this.sequences.keys())
    this.generator.shuffle(order)
    for (let batch = from; batch < this.mostBatches; batch++) {
      yield this.batch(order.subarray(batch * this.batchSize, (batch + 1) * this.batchSize))
    }
  }

  /**
   * All sequences in their order, `size` side by side; the last batch may be smaller, and so is one that would have more than
   * `mostTokens` with its padding. A longer sequence is a batch by itself.
   */
  *inOrder(size: number, mostTokens = Infinity): IterableIterator<LabelledBatch> {
    checkWhole('LabelledData.inOrder', 'size', size)
    const order = Int32Array.from(this.sequences.keys())
    const lengths = this.sequences.map(({ tokens }) => tokens.length)
    for (const [from, to] of cuts(lengths, size, mostTokens)) yield this.batch(order.subarray(from, to))
  }

  /** The sequences with these numbers, side by side. */
  batch(numbers: Iterable<number>): LabelledBatch {
    const where = 'LabelledData.batch'
    checkIterable(where, 'the numbers', numbers, 'an array of numbers of sequences')
    const sequences = Array.from(numbers, (number) => {
      checkWhole(where, 'a number', number, 0, this.sequences.length - 1)
      return this.sequences[number]
    })
    if (sequences.length === 0) throw new DataError(`${where}: there are no numbers, expected at least one`)
    const { padded: x, lengths } = tokenBatch(sequences.map(({ tokens }) => tokens))
    const { place } = sequences[lengths.indexOf(x.shape[1])]
    if (!this.perToken) {
      return {
        ...{ x, lengths, place },
        y: fromData(
          Int32Array.from(sequences, ({ label }) => label as number),
          [sequences.length],
        ),
      }
    }
    const labels = sequences.map(({ label }) => Array.from(label as ArrayLike<number>))
    const options = { batchFirst: true, dtype: 'int32', paddingValue: NO_LABEL } as const
    return { x, lengths, place, y: packSequences(labels, options).padded }
  }
}

/** Sequences of tokens side by side, [batch, numSteps], with their lengths. */
export const tokenBatch = (sequences: readonly ArrayLike<number>[]): { padded: Tensor; lengths: number[] } =>
  packSequences(
    sequences.map((tokens) => Array.from(tokens)),
    { batchFirst: true, dtype: 'int32' },
  )

/** Where each batch of `inOrder` begins and ends. */
export function* cuts(
  lengths: readonly number[],
  size: number,
  mostTokens: number,
): IterableIterator<[number, number]> {
  let [from, longest] = [0, 0]
  for (const [i, length] of lengths.entries()) {
    longest = Math.max(longest, length)
    const full = i - from === size || (i - from + 1) * longest > mostTokens
    if (i === from || !full) continue
    yield [from, i]
    from = i
    longest = length
  }
  if (from < lengths.length) yield [from, lengths.length]
}

function checkSequence(
  where: string,
  { tokens, label }: LabelledSequence,
  { perToken, numLabels }: Pick<LabelledData, 'perToken' | 'numLabels'>,
): void {
  if (tokens.length === 0) throw new DataError(`${where} has no tokens, expected at least one`)
  if ((typeof label !== 'number') !== perToken) {
    const [one, each] = ['one label', 'a label for each token']
    throw new DataError(`${where} has ${perToken ? one : each}, expected ${perToken ? each : one}, like sequence 0`)
  }
  const bad = Array.from(tokens).find((token) => !Number.isSafeInteger(token) || token < 0)
  if (bad !== undefined) {
    throw new OptionError(`${where} has the token ${shown(bad)}, expected a whole number of 0 or more`)
  }
  const labels = typeof label === 'number' ? [label] : Array.from(label)
  if (perToken && labels.length !== tokens.length) {
    throw new DataError(`${where} has ${tokens.length} tokens and ${labels.length} labels, expected as many of both`)
  }
  const wrong = labels.find((one) => !Number.isSafeInteger(one) || one < 0 || one >= numLabels)
  if (wrong !== undefined) {
    throw new OptionError(`${where} has the label ${shown(wrong)}, expected a whole number from 0 to ${numLabels - 1}`)
  }
}
