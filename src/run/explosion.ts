import { UnrolledError } from '../core/errors.js'
import type { RecordedOptions } from './record.js'
import { changingOptions, defaultRates, type RunOptions } from './run-options.js'

/** A training came to its end, but its loss tells that its model is worth nothing. */
export class ExplodedError extends UnrolledError {
  override readonly name = 'ExplodedError'
}

/**
 * Whether a loss, in nats a token, is far beyond that of a model that knows nothing and gives all tokens the same
 * probability: ln(vocabSize). No initial weights come near twice of it, and neither does a training that goes well.
 */
export const isExploded = (loss: number, vocabSize: number): boolean => loss > 2 * Math.log(vocabSize) + 1

/** What may go better after a training broke. */
export interface Advice {
  /** Whether the last checkpoint is one to go on from; otherwise the training has to begin anew. */
  resumable: boolean
  /** Options to try, with a smaller learning rate among them. */
  options: RecordedOptions
}

/**
 * @param changed the options of a run that went on which were other before
 * @param earlierRate the learning rate before these changes
 */
export function adviceAfter(
  { optimizer, momentum }: RunOptions,
  rate: number,
  changed: RecordedOptions,
  earlierRate: number,
  resumable: boolean,
): Advice {
  const lr = smallerRate(rate, earlierRate, defaultRates[optimizer])
  if (resumable) {
    const others = changingOptions.filter((name) => name !== 'lr' && name in changed)
    return { resumable, options: { lr, ...Object.fromEntries(others.map((name) => [name, changed[name]])) } }
  }
  // Where the momentum is 1 or more, steps grow without end at any learning rate.
  return { resumable, options: momentum < 1 ? { lr } : { lr, momentum: 0.9 } }
}

/**
 * A learning rate to try after one with which a training broke: the one that it had before, or the usual one of its
 * optimizer, or a tenth where neither is smaller.
 */
function smallerRate(broken: number, earlier: number, usual: number): number {
  if (earlier < broken) return earlier
  return usual < broken ? usual : Number((broken / 10).toPrecision(2))
}
