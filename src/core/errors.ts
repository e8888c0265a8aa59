/** Longer than any message that people read. */
const MOST_CHARACTERS = 10_000

/**
 * A message without line breaks, escape sequences for terminals and the like, which names in files may contain: they
 * appear as escapes, such as \u001b. A name of megabytes is cut.
 */
const printable = (message: string): string =>
  (message.length > MOST_CHARACTERS ? `${message.slice(0, MOST_CHARACTERS)}…` : message).replace(
    /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )

/** What went wrong, for programs that react to it or say it in words of their own. */
export type ErrorCode =
  /** The store of a run or a model is full. */
  | 'no-room'
  /** Another tab, worker or process is using the store. */
  | 'in-use'
  /** The browser lets the page keep no files. */
  | 'no-files'
  /** The worker of a trainer ended without a word. */
  | 'worker-ended'
  /** The system does not give as much memory as the kernels need. */
  | 'no-memory'
  /** A text has no tokens. */
  | 'empty-text'
  /** A text is too short for one batch. */
  | 'short-text'
  /** The bytes of a file are no text in the encoding that was expected. */
  | 'not-text'
  /** A cell of a table should be a number, and is none. */
  | 'not-number'
  /** A number in a table has a decimal comma, or separators of thousands. */
  | 'number-with-comma'
  /** A cell of a table should be a date or a time, and is none. */
  | 'not-time'
  /** A series lacks values or times. */
  | 'gap'
  /** The rows of a table are not in the order of time. */
  | 'time-order'
  /** A series has a time twice. */
  | 'time-twice'
  /** The times of a series are not evenly spaced. */
  | 'time-grid'
  /** A quotation mark in a table is not closed, or text follows a closed one. */
  | 'bad-quotes'
  /** A row of a table has more or fewer cells than its header. */
  | 'row-length'
  /** A table has no rows below its header. */
  | 'empty-table'
  /** The first row of a table holds numbers. */
  | 'no-header'
  /** Two columns of a table have the same name. */
  | 'column-twice'
  /** No value of a column is known. */
  | 'no-values'
  /** A series is too short for a window and a horizon. */
  | 'short-series'
  /** All windows of a table are held out. */
  | 'nothing-to-train'
  /** A column has the same value in all of the training part. */
  | 'constant-column'
  /** The values of a column are too large to be scaled. */
  | 'large-values'
  /** The values of a column are too close together to be scaled. */
  | 'close-values'
  /** What a model is to know of dates is the same for all rows. */
  | 'idle-calendar'
  /** There are no dates where some are needed. */
  | 'no-dates'
  /** There are dates that a model does not expect. */
  | 'own-dates'
  /** A model does not know a series. */
  | 'unknown-series'
  /** Rows follow one another in another step than a model expects. */
  | 'other-step'
  /** A saved model is one of series, where one of texts is expected. */
  | 'series-model'
  /** A saved model labels texts, where one that writes them is expected. */
  | 'labels-model'

/** What the message of an error with a code tells, by names such as `row` and `column`. */
export type ErrorFacts = Readonly<Record<string, string | number>>

/** Every error that Unrolled throws on purpose; catch this to tell bad input from a bug. */
export class UnrolledError extends Error {
  override readonly name: string = 'UnrolledError'
  /**
   * @param options the options that the message names, so that the command can show its flags instead
   * @param code what went wrong, where programs are expected to react to it
   * @param facts what the message tells, for programs that say it in words of their own
   */
  constructor(
    message: string,
    readonly options: readonly string[] = [],
    readonly code?: ErrorCode,
    readonly facts?: ErrorFacts,
  ) {
    super(printable(message))
  }
}

/** A tensor does not have the shape, rank or kind of values that the operation needs. */
export class ShapeError extends UnrolledError {
  override readonly name = 'ShapeError'
}

/** An option is out of range: a size of 0, a learning rate that is not a number, an unknown word. */
export class OptionError extends UnrolledError {
  override readonly name = 'OptionError'
}

/** `backward()` cannot run: not a scalar, no graph, or the graph was used already. */
export class GradientError extends UnrolledError {
  override readonly name = 'GradientError'
}

/** A text cannot be used: missing, empty, too short, or not UTF-8. */
export class DataError extends UnrolledError {
  override readonly name = 'DataError'
}

/** A file is not what it claims to be: truncated, forged, or of another kind. */
export class FormatError extends UnrolledError {
  override readonly name = 'FormatError'
}

/** A device was lost, such as a GPU whose driver broke down. What was on it is gone; a checkpoint is not. */
export class DeviceLostError extends UnrolledError {
  override readonly name = 'DeviceLostError'
}

/** The loss became NaN or infinite. The model holds the parameters of the last good epoch, or those that it began with. */
export class DivergenceError extends UnrolledError {
  override readonly name = 'DivergenceError'
  constructor(
    message: string,
    /** The step, counted from 1 over the whole training, whose loss was not finite. */
    readonly step: number,
  ) {
    super(message, ['lr', 'clip'])
  }
}
