import type { Job } from './begin.js'
import { flagOf } from './options.js'
import { defaultRates } from './setup.js'

/**
 * What may go better after a training broke, to be typed as it is: with another learning rate, and what else was
 * changed when it went on.
 * @param resumable whether its last checkpoint is one to go on from
 */
export function adviceAfter({ folder, options, training, changed, earlierRate }: Job, resumable: boolean): string {
  const lr = smallerRate(options.lr ?? training.optimizer.lr, earlierRate, defaultRates[options.optimizer])
  // Where the momentum is 1 or more, steps grow without end at any learning rate.
  const momentum = options.momentum < 1 ? '' : ' and --momentum 0.9'
  if (!resumable) return `train again with --lr ${lr}${momentum}`
  const { lr: _, ...others } = changed
  const flags = Object.entries({ lr, ...others }).map(([name, value]) => `${flagOf(name)} ${value}`)
  return `unrolled train --resume ${folder.folder} ${flags.join(' ')} goes on from the checkpoint of step ${folder.step} with another learning rate`
}

/**
 * A learning rate to try after one with which a training broke: the one that it had before, or the usual one of its
 * optimizer, or a tenth where neither is smaller.
 */
function smallerRate(broken: number, earlier: number, usual: number): number {
  if (earlier < broken) return earlier
  return usual < broken ? usual : Number((broken / 10).toPrecision(2))
}
