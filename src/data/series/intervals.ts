import { checkNumber } from '../../core/check.js'
import { OptionError } from '../../core/errors.js'

/** How wide the intervals around forecasts are: split-conformal, from residuals of held-out data. */
export interface Intervals {
  /**
   * For each step and target, half the width of the interval at each level of 1, 2, … 99 percent, in units of the target's
   * scale. The list ends where there are too few residuals for a level.
   */
  widths: number[][][]
}

/**
 * The half width that covers `level` of new values if they are exchangeable with the residuals: the ⌈(n + 1) level⌉-th smallest
 * of n (split conformal prediction, Lei et al. 2018).
 * @param sorted absolute residuals, the smallest first
 * @returns undefined if there are too few residuals for this level
 */
export function conformalWidth(sorted: readonly number[], level: number): number | undefined {
  checkNumber('conformalWidth', 'level', level, 0, 1)
  // Rounding must not raise a product that is a whole number in exact arithmetic to the next one.
  const rank = Math.ceil((sorted.length + 1) * level - 1e-9)
  return sorted[Math.max(rank, 1) - 1]
}

/** The half widths of all levels. @param residuals absolute residuals in any order */
export function conformalWidths(residuals: readonly number[]): number[] {
  const sorted = residuals.toSorted((a, b) => a - b)
  const widths = Array.from({ length: 99 }, (_, i) => conformalWidth(sorted, (i + 1) / 100))
  return widths.filter((width) => width !== undefined).map((width) => Number(width.toPrecision(6)))
}

/** The half width of the interval of a step and target; undefined if there is none. */
export const widthOf = (intervals: Intervals | undefined, step: number, target: number, level: number) =>
  intervals?.widths[step]?.[target]?.[Math.round(level * 100) - 1]

/** @throws OptionError unless a level is a whole percentage from 0.01 to 0.99 */
export function checkLevel(where: string, level: number): void {
  const percent = Math.round(level * 100)
  if (percent >= 1 && percent <= 99 && Math.abs(percent / 100 - level) < 1e-9) return
  throw new OptionError(`${where}: level is ${level}, expected a whole percentage from 0.01 to 0.99, such as 0.9`, [
    'level',
  ])
}
