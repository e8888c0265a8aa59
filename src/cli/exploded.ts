import { UnrolledError } from '../core/errors.js'

/** The exit code of a training that ended with a model that is worth nothing. */
export const EXPLODED = 3

/** A training came to its end, but its loss tells that its model is worth nothing. */
export class ExplodedError extends UnrolledError {
  override readonly name = 'ExplodedError'
}

/**
 * Whether a loss, in nats a token, is far beyond that of a model that knows nothing and gives all tokens the same
 * probability: ln(vocabSize). No initial weights come near twice of it, and neither does a training that goes well.
 */
export const isExploded = (loss: number, vocabSize: number): boolean => loss > 2 * Math.log(vocabSize) + 1
