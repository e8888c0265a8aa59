import { DataError } from '../../core/errors.js'

/** The distance between two values of a series: months, which differ in length, or milliseconds. */
export type TimeStep = { readonly months: number } | { readonly milliseconds: number }

const DAY = 86_400_000

/** `Date.UTC`, which takes the years until 99 for those of the twentieth century. */
const utc = (year: number, month: number, day: number): number => new Date(0).setUTCFullYear(year, month, day)

/**
 * Reads an ISO date, such as 2024, 2024-05, 2024-05-31, 2024-05-31 13:00 or 2024-05-31T13:00:00+02:00, where databases write
 * +02 or UTC. A time without an offset is taken as it stands on a clock that is never put forward or back.
 * @returns milliseconds since 1970; undefined for anything else
 */
export function parseTime(text: string): number | undefined {
  const pattern =
    /^(\d{4})(?:[-/](\d{1,2})(?:[-/](\d{1,2})(?:[T ](\d{1,2})(?::(\d{2})(?::(\d{2}(?:\.\d+)?))?\s*(?:Z|UTC|[+-](?:[01]\d|2[0-3])(?::?[0-5]\d)?)?)?)?)?)?$/
  const [, year, month = '1', day = '1', hour = '0', minute = '0', second = '0'] = pattern.exec(text) ?? []
  if (year === undefined) return undefined
  const time = utc(+year, +month - 1, +day) + ((+hour * 60 + +minute) * 60_000 + Math.round(+second * 1000))
  const made = new Date(utc(+year, +month - 1, +day))
  const exists =
    made.getUTCMonth() === +month - 1 && made.getUTCDate() === +day && +hour < 24 && +minute < 60 && +second < 60
  return exists ? time - offsetOf(text) : undefined
}

/**
 * A time as ISO text.
 * @param like a time of the file, such as 2024-05 or 2024-05-31T13:00+02:00, in whose form and with whose offset it is
 *   written if it can be. Default: without an offset, in UTC, and the date alone if the step is of whole days.
 */
export function formatTime(time: number, step: TimeStep, like = ''): string {
  const zone = zoneOf(like)
  const numbers = new Date(time + offsetOf(like)).toISOString().match(/\d+/g)!
  let at = 0
  const clock = like.slice(0, like.length - zone.length)
  const text = clock.replace(/(?<=(\.)?)\d+/g, ({ length }, point) => {
    const number = numbers[at++]
    return point ? number.padEnd(length, '0').slice(0, length) : String(+number).padStart(length, '0')
  })
  if (parseTime(text + zone) === time) return text + zone
  const iso = new Date(time).toISOString()
  const daily = 'months' in step || step.milliseconds % DAY === 0
  return daily && iso.endsWith('T00:00:00.000Z') ? iso.split('T')[0] : `${iso.replace(/(\.000)?Z$/, '')}${zone && 'Z'}`
}

/** The offset of a time from UTC in milliseconds; 0 for one without an offset. */
export function offsetOf(text: string): number {
  const zone = zoneOf(text).trim()
  if (!/^[+-]/.test(zone)) return 0
  const offset = (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(3).replace(':', ''))) * 60_000
  return zone[0] === '-' ? -offset : offset
}

/** What stands after the clock of a time. */
const zoneOf = (text: string): string => /:\d{2}(?:\.\d+)?(\s*(?:Z|UTC|[+-]\d{2}(?::?\d{2})?))$/.exec(text)?.[1] ?? ''

/** A step in words, such as 1 day. */
export function stepText(step: TimeStep): string {
  const units: [unit: string, length: number][] =
    'months' in step
      ? [
          ['year', 12],
          ['month', 1],
        ]
      : [
          ['day', DAY],
          ['hour', 3_600_000],
          ['minute', 60_000],
          ['second', 1000],
          ['millisecond', 1],
        ]
  const whole = 'months' in step ? step.months : step.milliseconds
  const [unit, length] = units.find(([, length]) => whole % length === 0) ?? units.at(-1)!
  return `${whole / length} ${unit}${whole === length ? '' : 's'}`
}

const monthOf = (time: number) => new Date(time).getUTCFullYear() * 12 + new Date(time).getUTCMonth()

/** The time `count` steps after another. */
export function timeAfter(time: number, step: TimeStep, count: number): number {
  if ('milliseconds' in step) return time + count * step.milliseconds
  const date = new Date(time)
  const month = monthOf(time) + count * step.months
  // The last day of a month stays the last one.
  const days = (of: number) => new Date(utc(Math.floor(of / 12), (of % 12) + 1, 0)).getUTCDate()
  const isLast = date.getUTCDate() === days(monthOf(time))
  const day = isLast ? days(month) : Math.min(date.getUTCDate(), days(month))
  return utc(Math.floor(month / 12), month % 12, day) + (time - Math.floor(time / DAY) * DAY)
}

/** The step that most neighbours in a list of rising times have. */
export function stepOf(times: readonly number[]): TimeStep {
  const common = (values: number[]) => {
    const counts = new Map<number, number>()
    for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
    return [...counts].sort((a, b) => b[1] - a[1] || a[0] - b[0])[0][0]
  }
  const differences = times.slice(1).map((time, i) => time - times[i])
  const milliseconds = common(differences)
  if (milliseconds < 28 * DAY) return { milliseconds }
  const months = common(times.slice(1).map((time, i) => monthOf(time) - monthOf(times[i])))
  const fits =
    months > 0 &&
    times.slice(1).every((time, i) => {
      const count = (monthOf(time) - monthOf(times[i])) / months
      return Number.isInteger(count) && timeAfter(times[i], { months }, count) === time
    })
  return fits ? { months } : { milliseconds }
}

/** How many steps lie between two times; not a whole number if the second is not on the grid of the first. */
export function stepsBetween(from: number, to: number, step: TimeStep): number {
  if ('milliseconds' in step) return (to - from) / step.milliseconds
  const count = (monthOf(to) - monthOf(from)) / step.months
  return Number.isInteger(count) && timeAfter(from, step, count) === to ? count : count + 0.5
}

/** The number of steps after which a pattern usually repeats: a day of hours, a week of days, a year of months. */
export function usualSeason(step: TimeStep | undefined): number {
  if (!step) return 1
  if ('months' in step) return Math.max(1, Math.round(12 / step.months))
  const { milliseconds } = step
  if (milliseconds === DAY) return 7
  if (milliseconds < DAY && DAY % milliseconds === 0) return DAY / milliseconds
  return milliseconds === 7 * DAY ? 52 : 1
}

/**
 * Checks that times rise.
 * @param place says how the file writes a time, and in which row
 * @param table the name of the file, for messages
 * @throws DataError for a time that comes twice, or before the one above it
 */
export function checkRising(
  times: readonly number[],
  place: (at: number) => { text: string; row: number },
  table: string,
): void {
  for (let i = 1; i < times.length; i++) {
    if (times[i] > times[i - 1]) continue
    const [{ text: before }, { text, row }] = [place(i - 1), place(i)]
    const isTwice = times[i] === times[i - 1]
    const problem = isTwice
      ? `comes twice, expected each time once; several series in one file need seriesColumn, and clocks that are put back in autumn need times with an offset, such as 2024-10-27T02:00+01:00`
      : `comes after ${before}, expected rows in the order of time; sort them`
    const facts = { row, cell: text, ...(!isTwice && { before }) }
    const code = isTwice ? 'time-twice' : 'time-order'
    throw new DataError(`${table}: row ${row}: ${text} ${problem}`, ['seriesColumn'], code, facts)
  }
}
