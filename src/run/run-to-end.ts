import { DeviceLostError } from '../core/errors.js'
import type { Module } from '../nn/module.js'
import type { BaseRun } from './base-run.js'
import type { RunOptions } from './run-options.js'

/**
 * Follows a run to its end, also if its device is lost: the run is then resumed from its last checkpoint, on another GPU if
 * there is one and otherwise on the CPU; after a second loss, on the CPU. Every run is closed at its end.
 * @param follow reads all events of a run
 * @param resume resumes the run with these options, as `resumeRun` does
 * @param onLost is told of each loss before the run is resumed
 * @throws the errors of all these functions; DeviceLostError if the device was lost before the first checkpoint
 */
export async function runToEnd<R extends BaseRun<Module>>(
  run: R,
  follow: (run: R) => Promise<void>,
  resume: (options: Partial<RunOptions>) => Promise<R>,
  onLost: (error: DeviceLostError) => void,
): Promise<void> {
  let begin = async () => run
  for (let losses = 1; ; losses++) {
    try {
      const now = await begin()
      try {
        return await follow(now)
      } finally {
        await now.close()
      }
    } catch (error) {
      const isKept = run.saved || run.training.step > 0
      if (!(error instanceof DeviceLostError) || !isKept) throw error
      onLost(error)
      begin = () => resume(losses > 1 ? { device: 'cpu' } : {})
    }
  }
}
