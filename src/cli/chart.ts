import type { Curve } from '../node.js'

const [COLUMNS, HEIGHT] = [60, 10]
/** Columns to the left of a curve, for a label and the axis. */
const MARGIN = 14

export interface ChartOptions {
  log?: boolean
  /** Whether all curves are in one chart in different colours; otherwise each has a small chart. */
  colored: boolean
  /** The number of columns. Default: those of the terminal, or 80. */
  width?: number
}

/** Draws one or more curves over the same range of x, as text. */
export async function chart(curves: readonly Curve[], options: ChartOptions): Promise<string> {
  const { log, colored, width = process.stdout.columns ?? 80 } = options
  const ascii = (await import('asciichart')).default
  const { blue, yellow, red, cyan, green, magenta, lightgray } = ascii
  const colors = [blue, yellow, red, cyan, green, magenta, lightgray]
  const allX = curves.flatMap(({ x }) => x)
  const [from, to] = [allX.reduce((a, b) => Math.min(a, b)), allX.reduce((a, b) => Math.max(a, b))]
  const room = Math.max(width - MARGIN, 2)
  const columns = Math.min(COLUMNS, room, Math.max(...curves.map(({ x }) => x.length)))
  const values = curves.map((curve) => sampled(curve, from, to, columns).map((y) => (log ? Math.log10(y) : y)))
  const lowest = Math.min(...values.flat())
  const range = Math.max(...values.flat()) - lowest
  // asciichart counts rows in units of the range, one by one, and would never end beyond 2⁵³.
  const lines = values.map((curve) => curve.map((value) => (range > 0 ? 1 + (value - lowest) / range : 1)))
  const [min, max] = range > 0 ? [1, 2] : [1, 1]
  const format = (place: number) => {
    const value = lowest + (place - 1) * range
    return label(log ? 10 ** value : value)
  }
  if (colored && curves.length > 1) {
    const names = curves.map((curve, i) => ascii.colored(`── ${titleOf(curve)}`, colors[i % colors.length]))
    return [ascii.plot(lines, { height: HEIGHT, min, max, format, colors }), ...names].join('\n')
  }
  const height = curves.length > 1 ? HEIGHT / 2 : HEIGHT
  return curves
    .map((curve, i) => {
      const drawn = ascii.plot(lines[i], { height, min, max, format }).replace(/ +$/gm, '')
      return curves.length > 1 ? `${titleOf(curve)}\n${drawn}` : drawn
    })
    .join('\n')
}

const titleOf = ({ run, kind }: Curve): string => (run === '' ? kind : `${run}, ${kind}`)

/** A curve's values at evenly spaced x up to its end: interpolated, and before the first point equal to it. */
function sampled({ x, y }: Curve, from: number, to: number, columns: number): number[] {
  const values: number[] = []
  for (let column = 0, next = 0; column < columns; column++) {
    const at = columns === 1 ? to : from + ((to - from) * column) / (columns - 1)
    while (next < x.length && x[next] < at) next++
    if (next === x.length) break
    const share = next === 0 ? 1 : (at - x[next - 1]) / (x[next] - x[next - 1])
    values.push(next === 0 ? y[0] : y[next - 1] + (y[next] - y[next - 1]) * share)
  }
  return values.length > 0 ? values : [y[y.length - 1]]
}

function label(value: number): string {
  const text =
    value !== 0 && (Math.abs(value) < 0.01 || Math.abs(value) >= 1e7) ? value.toExponential(2) : value.toFixed(2)
  return text.padStart(11)
}
