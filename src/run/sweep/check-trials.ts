import { OptionError, UnrolledError } from '../../core/errors.js'
import { rehearse } from '../rehearse.js'
import { runDefaults } from '../run-options.js'
import { type RunText, readRunText, type TextSource } from '../run-text.js'
import { planned, type SweepPlan, type Trial } from './plan.js'

/**
 * Checks all trials before the first begins, whose error would otherwise come after hours.
 * @throws OptionError that names the trial whose options have no effect together
 */
export const checkTrials = (plan: SweepPlan, trials: readonly Trial[], where: string): void =>
  rehearseAll(plan, trials, where)

/**
 * Checks whether all trials can begin on a text.
 * @throws OptionError that names the trial that cannot; DataError if the text cannot be read
 */
export async function checkTrialsOn(
  source: TextSource,
  plan: SweepPlan,
  trials: readonly Trial[],
  where: string,
  signal?: AbortSignal,
): Promise<void> {
  const text = await readRunText(source, { ...runDefaults, ...planned(plan.options) }, undefined, signal)
  try {
    rehearseAll(plan, trials, where, text)
  } finally {
    await text.close?.()
  }
}

function rehearseAll({ options }: SweepPlan, trials: readonly Trial[], where: string, text?: RunText): void {
  for (const { number, options: own } of trials) {
    try {
      rehearse('checkTrials', planned({ ...options, ...own }), text)
    } catch (error) {
      if (!(error instanceof UnrolledError)) throw error
      // What begins it is the name of a function or a class, which no file has.
      throw new OptionError(`${where}: trial ${number}: ${error.message.replace(/^[\w.]+: /, '')}`)
    }
  }
}
