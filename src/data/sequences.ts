import { checkArgument, checkWhole, checkWord } from '../core/check.js'
import { checkOptions, type OptionKinds } from '../core/check-options.js'
import { DataError } from '../core/errors.js'
import { Generator } from '../core/random.js'
import { fromData } from '../tensor/create.js'
import type { Tensor } from '../tensor/tensor.js'

/** How batches are drawn: each batch continues the last one (`sequential`), or sequences come in random order. */
export type Sampling = 'sequential' | 'random'

/** Token numbers, in as few bytes as the vocabulary allows: a typed array, or an object that reads a file like one. */
export interface Corpus {
  readonly length: number
  /** The tokens from `from` up to, not including, `to`. */
  subarray(from: number, to: number): Uint8Array | Uint16Array | Int32Array
}

/** The inputs and labels of one step, both int32 [batch, numSteps]; labels are the inputs one token later. */
export interface Batch {
  x: Tensor
  y: Tensor
}

/** The sizes and the order of batches. */
export interface SequenceOptions {
  /** The number of sequences in a batch. Default 32. */
  batchSize?: number
  /** The number of tokens in a sequence. Default 35. */
  numSteps?: number
  /** Default 'sequential'. */
  sampling?: Sampling
  /** Source of the offsets and of the order. Default: a new one with seed 0. */
  generator?: Generator
}

export const sequenceOptions: OptionKinds<SequenceOptions> = {
  batchSize: 'any',
  numSteps: 'any',
  sampling: 'any',
  generator: 'generator',
}

/**
 * A corpus cut into batches as the book does it, with a fresh random offset at each pass.
 *
 * - `sequential`: the tokens that fill `batchSize` equal rows; row by row, each batch continues where the last one
 *   ended, so that a model's state can be carried over.
 * - `random`: subsequences that do not overlap, shuffled.
 */
export class SequenceData {
  readonly batchSize: number
  readonly numSteps: number
  readonly sampling: Sampling
  /** Draws the offset and the order of each pass when the pass begins. */
  readonly generator: Generator
  /** The array of a finished random pass, which the next pass reuses. */
  #numbers: Uint32Array | undefined

  /** @throws OptionError for sizes that are not whole, DataError for a corpus that may be too short for one batch */
  constructor(
    readonly corpus: Corpus,
    options: SequenceOptions = {},
  ) {
    checkOptions('SequenceData', options, sequenceOptions)
    const { batchSize = 32, numSteps = 35, sampling = 'sequential', generator = new Generator() } = options
    checkSequences('SequenceData', corpus, { batchSize, numSteps, sampling }, 'the corpus')
    this.batchSize = batchSize
    this.numSteps = numSteps
    this.sampling = sampling
    this.generator = generator
  }

  /** The most batches that a pass can have: those of a pass whose random offset is 0. */
  get mostBatches(): number {
    return Math.floor((this.corpus.length - 1) / this.batchItems)
  }

  /** The number of tokens in a batch. */
  get batchItems(): number {
    return this.batchSize * this.numSteps
  }

  /** One pass over the corpus, beginning with batch `from`; the generator draws as for the whole pass. */
  batches(from = 0): IterableIterator<Batch> {
    checkWhole('SequenceData.batches', 'from', from, 0)
    return this.sampling === 'sequential' ? this.#sequential(from) : this.#random(from)
  }

  *#sequential(from: number): IterableIterator<Batch> {
    const { corpus, batchSize, numSteps } = this
    const offset = this.generator.integer(numSteps + 1)
    const width = Math.floor((corpus.length - offset - 1) / batchSize)
    for (let start = from * numSteps; start + numSteps <= width; start += numSteps) {
      yield this.#batch((row) => offset + row * width + start)
    }
  }

  *#random(from: number): IterableIterator<Batch> {
    const { corpus, batchSize, numSteps } = this
    const offset = this.generator.integer(numSteps)
    const count = Math.floor((corpus.length - offset - 1) / numSteps)
    // A long text has very many subsequences: each number takes four bytes, and the next pass reuses the array.
    const numbers = this.#numbers ?? new Uint32Array(Math.floor((corpus.length - 1) / numSteps))
    this.#numbers = undefined
    try {
      const order = numbers.subarray(0, count)
      for (let i = 0; i < count; i++) order[i] = i
      this.generator.shuffle(order)
      for (let first = from * batchSize; first + batchSize <= count; first += batchSize) {
        yield this.#batch((row) => offset + order[first + row] * numSteps)
      }
    } finally {
      this.#numbers = numbers
    }
  }

  /** The batch whose row r begins at `start(r)`. */
  #batch(start: (row: number) => number): Batch {
    const { corpus, batchSize, numSteps } = this
    const tokens = (shift: number): Tensor => {
      const data = new Int32Array(batchSize * numSteps)
      for (let row = 0; row < batchSize; row++) {
        const from = start(row) + shift
        data.set(corpus.subarray(from, from + numSteps), row * numSteps)
      }
      return fromData(data, [batchSize, numSteps])
    }
    return { x: tokens(0), y: tokens(1) }
  }
}

/** @throws OptionError unless a value is an array of whole numbers, or has `length` and `subarray` like one */
export function checkCorpus(where: string, name: string, corpus: Corpus): void {
  const isWhole = [Uint8Array, Uint16Array, Int32Array].some((array) => corpus instanceof array)
  const reads = Number.isSafeInteger(corpus?.length) && typeof corpus.subarray === 'function'
  const fits = isWhole || (reads && !ArrayBuffer.isView(corpus))
  checkArgument(where, name, corpus, fits, 'token numbers, such as vocab.encode(text) gives')
}

/**
 * Checks a corpus and the options of its batches.
 * @param where the function that the user called
 * @param name that function's name for the corpus
 * @throws OptionError for sizes that are not whole, DataError for a corpus that may be too short for one batch
 */
export function checkSequences(
  where: string,
  corpus: Corpus,
  { batchSize = 32, numSteps = 35, sampling = 'sequential' }: SequenceOptions,
  name = 'the text',
): void {
  checkCorpus(where, name, corpus)
  checkWhole(where, 'batchSize', batchSize)
  checkWhole(where, 'numSteps', numSteps)
  checkWord(where, 'sampling', sampling, ['sequential', 'random'])
  const largestOffset = sampling === 'sequential' ? numSteps : numSteps - 1
  const needed = batchSize * numSteps + largestOffset + 1
  if (corpus.length < needed) {
    throw new DataError(
      `${where}: ${name} has ${corpus.length} tokens, expected at least ${needed} for one batch of ${batchSize} × ${numSteps}; use a longer text, or a smaller batchSize or numSteps`,
      ['batchSize', 'numSteps'],
      'short-text',
    )
  }
}
