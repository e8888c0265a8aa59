import { UnrolledError } from '../core/errors.js'
import type { RecordedOptions } from './record.js'
import { changingOptions, defaultRates, type RunOptions } from './run-options.js'

/** A training ended, but its loss shows that its model is useless. */
export class ExplodedError extends UnrolledError {
  override readonly name = 'ExplodedError'
}

/** From which loss on a model is worth nothing, and how to say so. */
export interface LossLimit {
  most: number
  /** What the loss is measured in, such as 'nats a token'. */
  unit: string
  /** The loss of a model that knows nothing, in words. */
  uninformed: string
}

/**
 * The limit of a loss in nats: far beyond that of a model that gives all `count` tokens or labels the same probability,
 * ln(count). Neither initial weights nor a training that goes well come near twice that.
 */
export function limitOf(count: number, what: 'token' | 'label'): LossLimit {
  const same = Math.log(count)
  return {
    most: 2 * same + 1,
    unit: `nats a ${what}`,
    uninformed: `a model that gives all ${count} ${what}s the same probability has ${same.toPrecision(3)}`,
  }
}

export const isExploded = (loss: number, { most }: LossLimit): boolean => loss > most

/** What to try after a training broke. */
export interface Advice {
  /** Whether the training can be resumed from its last checkpoint; otherwise it has to start again. */
  resumable: boolean
  /** Options to try, with a smaller learning rate among them. */
  options: RecordedOptions
}

/**
 * @param changed the options that a resumed run changed
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
  // With a momentum of 1 or more, steps grow without end at any learning rate.
  return { resumable, options: momentum < 1 ? { lr } : { lr, momentum: 0.9 } }
}

/**
 * A learning rate to try after a training broke: the one before the change, the optimizer's default, or, if neither is
 * smaller, a tenth of the one that broke it.
 */
function smallerRate(broken: number, earlier: number, usual: number): number {
  if (earlier < broken) return earlier
  return usual < broken ? usual : Number((broken / 10).toPrecision(2))
}
