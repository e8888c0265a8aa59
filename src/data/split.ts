import { checkNumber } from '../core/check.js'
import { checkOptions, type OptionKinds } from '../core/check-options.js'
import { OptionError } from '../core/errors.js'
import { type Corpus, checkCorpus } from './sequences.js'

/** The shares of a text that are held out. */
export interface SplitOptions {
  /** The part of the tokens kept for validation, 0 or more and below 1. Default 0. */
  validation?: number
  /** The part kept for testing. Default 0. */
  test?: number
}

const splitOptions: OptionKinds<SplitOptions> = { validation: 'any', test: 'any' }

/** A text in up to three parts. */
export interface SplitCorpus {
  train: Corpus
  /** Absent if its share is 0; the same holds for `test`. */
  validation?: Corpus
  test?: Corpus
}

/**
 * Cuts a corpus into contiguous pieces: the beginning for training, then validation, then test. They are views that
 * copy nothing, even if the corpus is in a file. No token belongs to two pieces, and batches are made within a piece,
 * so no label of one is an input or a label of another: the last token of a piece is a label only there, and the first
 * token of the next piece is only an input.
 * @throws OptionError for shares out of range, or so small that a piece would be empty
 */
export function splitCorpus(corpus: Corpus, options: SplitOptions = {}): SplitCorpus {
  checkOptions('splitCorpus', options, splitOptions)
  checkCorpus('splitCorpus', 'the corpus', corpus)
  const { validation = 0, test = 0 } = options
  checkNumber('splitCorpus', 'validation', validation, 0)
  checkNumber('splitCorpus', 'test', test, 0)
  if (validation + test >= 1) {
    throw new OptionError(
      `splitCorpus: validation and test are ${validation} and ${test}, expected less than 1 together, so that some of the text is left to train on`,
      ['validation', 'test'],
    )
  }
  const sizeOf = (name: string, part: number): number => {
    const size = Math.floor(corpus.length * part)
    if (part > 0 && size === 0) {
      throw new OptionError(
        `splitCorpus: ${name} is ${part}, which is less than one of ${corpus.length} tokens; use a longer text, or a larger part`,
        [name],
        'short-text',
      )
    }
    return size
  }
  const testFrom = corpus.length - sizeOf('test', test)
  const validationFrom = testFrom - sizeOf('validation', validation)
  const pieces: SplitCorpus = { train: new CorpusView(corpus, 0, validationFrom) }
  if (validation > 0) pieces.validation = new CorpusView(corpus, validationFrom, testFrom)
  if (test > 0) pieces.test = new CorpusView(corpus, testFrom, corpus.length)
  return pieces
}

/** A view of a corpus from one place up to another. */
class CorpusView implements Corpus {
  readonly length: number

  constructor(
    readonly corpus: Corpus,
    readonly from: number,
    to: number,
  ) {
    this.length = to - from
  }

  /** Places are counted from the view's beginning; places beyond its ends are left out. */
  subarray(from: number, to: number): ReturnType<Corpus['subarray']> {
    const within = (place: number) => this.from + Math.max(0, Math.min(place, this.length))
    return this.corpus.subarray(within(from), within(to))
  }
}
