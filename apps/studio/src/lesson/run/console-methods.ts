import { inspect, logged } from './inspect'

/** What a method of the console says of its arguments; nothing if it only notes something. */
type Say = (values: readonly unknown[]) => { text: string; warning?: boolean } | undefined

const log: Say = (values) => ({ text: logged(values) })
const warn: Say = (values) => ({ text: logged(values), warning: true })

/** When the timers of `console.time` began, in milliseconds. */
const timers = new Map<string, number>()

/** The methods of the console that a cell shows. */
export const consoleMethods: Readonly<Record<string, Say>> = {
  log,
  info: log,
  debug: log,
  warn,
  error: warn,
  dir: ([value]) => ({ text: inspect(value) }),
  table: ([rows]) => ({ text: table(rows) }),
  assert: ([holds, ...values]) => (holds ? undefined : warn(['Assertion failed:', ...values])),
  time([label = 'default']) {
    timers.set(String(label), performance.now())
    return undefined
  },
  timeEnd([label = 'default']) {
    const begin = timers.get(String(label))
    if (begin === undefined) return warn([`there is no timer '${label}'`])
    timers.delete(String(label))
    return { text: `${label}: ${(performance.now() - begin).toFixed(1)} ms` }
  },
}

/** The name of the column of rows that are no lists or objects. */
const VALUES = 'value'

/** Rows below each other, with their columns aligned; anything but rows as `inspect` shows it. */
export function table(rows: unknown): string {
  if (typeof rows !== 'object' || rows === null) return inspect(rows)
  const isRow = (row: unknown): row is object => typeof row === 'object' && row !== null
  const cells = Object.entries(rows).map(([key, row]) => [key, isRow(row) ? row : { [VALUES]: row }] as const)
  const columns = [...new Set(cells.flatMap(([, row]) => Object.keys(row)))]
  const lines = [
    ['', ...columns],
    ...cells.map(([key, row]) => [key, ...columns.map((name) => shown((row as Record<string, unknown>)[name]))]),
  ]
  const widths = lines[0].map((_, i) => Math.max(...lines.map((line) => line[i].length)))
  return lines
    .map((line) =>
      line
        .map((cell, i) => cell.padEnd(widths[i]))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

const shown = (value: unknown): string =>
  value === undefined ? '' : typeof value === 'string' ? value : inspect(value, 2)
