import type { TimeStep } from './times.js'

/**
 * What of a date a model may know about each step, those to predict included. Each gives a number below `size`.
 * `yearday` finds holidays with a date, such as 25 December, and `monthweek` those with a weekday, such as the fourth
 * Thursday of November.
 */
export const calendars = {
  hour: { size: 24, of: (date: Date) => date.getUTCHours() },
  weekday: { size: 7, of: (date: Date) => date.getUTCDay() },
  monthday: { size: 31, of: (date: Date) => date.getUTCDate() - 1 },
  month: { size: 12, of: (date: Date) => date.getUTCMonth() },
  yearday: { size: 372, of: (date: Date) => date.getUTCMonth() * 31 + date.getUTCDate() - 1 },
  monthweek: {
    size: 420,
    of: (date: Date) => (date.getUTCMonth() * 5 + Math.floor((date.getUTCDate() - 1) / 7)) * 7 + date.getUTCDay(),
  },
} as const

export type CalendarName = keyof typeof calendars

export const calendarNames = Object.keys(calendars) as CalendarName[]

/** Those that suit a step if none are named: what can repeat within a year. */
export function usualCalendar(step: TimeStep | undefined): CalendarName[] {
  if (!step) return []
  if ('months' in step) return step.months < 12 ? ['month'] : []
  const hours = step.milliseconds / 3_600_000
  if (hours < 24) return ['hour', 'weekday', 'month']
  return hours === 24 ? ['weekday', 'month'] : hours < 24 * 31 ? ['month'] : []
}
