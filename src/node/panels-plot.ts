import { FONTS } from './line-plot.js'

/** The points of one panel. */
export interface Panel {
  title: string
  /** The value of a point along x. */
  x: readonly (number | string)[]
  /** If the values are words: all words, in their order. */
  words?: readonly string[]
  /** Whether x is logarithmic; all values must then be above 0. */
  log?: boolean
}

/** Small charts side by side that share their y values. */
export interface PanelsPlot {
  title: string
  yLabel: string
  panels: readonly Panel[]
  /** The value of each point along y, in all panels. */
  y: readonly number[]
  /** The group of each point, which its colour tells. */
  groups: readonly string[]
  /** All groups in their order. */
  groupNames: readonly string[]
}

const [WIDTH, HEIGHT, HEADER] = [280, 240, 56]
const MOST_COLUMNS = 3
/** Of an axis, whose room their names share. */
const MOST_TICKS = 5

/**
 * Draws the same points over several values, each in a panel of its own, with a line through their medians, as the text
 * of a self-contained SVG file. Points whose y is not finite are left out.
 */
export async function panelsPlot({ title, yLabel, panels, y, groups, groupNames }: PanelsPlot): Promise<string> {
  const { parseHTML, dot, lineY, plot } = await import('./plot-libraries.js')
  const { document } = parseHTML('<html></html>')
  const columns = Math.min(panels.length, MOST_COLUMNS)
  const rows = Math.ceil(panels.length / columns)
  const [width, height] = [Math.max(columns * WIDTH, 480), HEADER + rows * (HEIGHT + 28)]
  const color = { domain: [...groupNames], range: shades(groupNames.length) }
  const finite = y.filter(Number.isFinite)
  const margin = 0.04 * (Math.max(...finite) - Math.min(...finite) || 1)
  const domain = [Math.min(...finite) - margin, Math.max(...finite) + margin]
  const drawn = panels.map(({ x, log, words }) => {
    const points = x.map((at, i) => ({ x: at, y: y[i], group: groups[i] })).filter((point) => Number.isFinite(point.y))
    const line = medians(points, words)
    return plot({
      document,
      width: WIDTH,
      height: HEIGHT,
      marginLeft: 52,
      marginBottom: 36,
      marginTop: 8,
      marginRight: 16,
      grid: true,
      style: { background: 'white', color: '#222', fontFamily: FONTS, fontSize: '12px' },
      x: words
        ? { type: 'point', domain: [...words], label: null, padding: 0.5 }
        : { type: log ? 'log' : 'linear', label: null, ticks: ticksOf(x.map(Number), log), tickFormat: tickText },
      y: { domain, label: null, ticks: 5 },
      color,
      marks: [
        lineY(line, { x: 'x', y: 'y', stroke: '#999', strokeWidth: 1.5 }),
        dot(points, { x: 'x', y: 'y', fill: 'group', r: 3.5, fillOpacity: 0.85 }),
      ],
    })
  })
  const shape = (tag: string, attributes: Record<string, string | number>, text?: string) => {
    const element = document.createElementNS('http://www.w3.org/2000/svg', tag)
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value))
    if (text !== undefined) element.textContent = text
    return element
  }
  const attributes = { xmlns: 'http://www.w3.org/2000/svg', viewBox: `0 0 ${width} ${height}`, width, height }
  const svg = shape('svg', { ...attributes, 'font-family': FONTS, 'font-size': 13, fill: '#222' })
  svg.append(shape('rect', { width, height, fill: 'white' }))
  svg.append(shape('text', { x: 8, y: 20, 'font-weight': 'bold' }, `${title}: ${yLabel}`))
  let x = 8
  for (const [i, name] of groupNames.entries()) {
    svg.append(shape('circle', { cx: x + 5, cy: 36, r: 4, fill: color.range[i] }))
    svg.append(shape('text', { x: x + 14, y: 40, fill: '#555' }, name))
    x += 34 + 7 * name.length
  }
  for (const [i, chart] of drawn.entries()) {
    const [left, top] = [(i % columns) * WIDTH, HEADER + Math.floor(i / columns) * (HEIGHT + 28)]
    svg.append(shape('text', { x: left + 52, y: top + 16, 'font-weight': 'bold' }, panels[i].title))
    const group = shape('g', { transform: `translate(${left} ${top + 24})` })
    group.append(chart)
    svg.append(group)
  }
  return `${svg.outerHTML}\n`
}

interface Point {
  x: number | string
  y: number
}

/** Values of x that are named on its axis, from the least to the greatest and not so close that their names would touch. */
function ticksOf(values: readonly number[], log = false): number[] {
  const place = (value: number) => (log ? Math.log(value) : value)
  const few = [...new Set(values)].sort((a, b) => a - b)
  const [least, most] = [few[0], few.at(-1)!]
  const between = (share: number) => place(least) + share * (place(most) - place(least))
  const rounded = (value: number) => Number((log ? Math.exp(value) : value).toPrecision(2))
  const all = few.length <= MOST_TICKS ? few : [least, ...[1 / 3, 2 / 3].map((share) => rounded(between(share))), most]
  const kept = [least]
  for (const value of all.slice(1)) {
    const isFar = (other: number) => place(value) - place(other) >= (place(most) - place(least)) / MOST_TICKS
    if (isFar(kept.at(-1)!)) kept.push(value)
    else if (value === most && kept.length > 1) kept.splice(-1, 1, value)
  }
  return kept
}

const tickText = (value: number): string => String(Number.isInteger(value) ? value : Number(value.toPrecision(3)))

/** The median of y at each x, or in thirds of the points if hardly two have the same x. */
function medians(points: readonly Point[], words?: readonly string[]): Point[] {
  const place = ({ x }: Point) => (words ? words.indexOf(String(x)) : Number(x))
  const sorted = points.toSorted((a, b) => place(a) - place(b))
  const places = [...new Set(sorted.map(({ x }) => x))]
  const isSpread = !words && places.length > points.length / 2 && points.length >= 6
  const third = (i: number) => Math.round((i * sorted.length) / 3)
  const all = isSpread
    ? [0, 1, 2].map((i) => sorted.slice(third(i), third(i + 1)))
    : places.map((at) => sorted.filter(({ x }) => x === at))
  return all.map((group) => ({ x: middle(group.map(({ x }) => x)), y: middle(group.map(({ y }) => y)) }))
}

/** The median, or the lower of the two in the middle. */
function middle<T extends number | string>(values: readonly T[]): T {
  const sorted = values.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0))
  return sorted[(sorted.length - 1) >> 1]
}

/** Shades of blue from light to dark, which are told apart also without colours. */
const shades = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => {
    const dark = count === 1 ? 1 : i / (count - 1)
    return `hsl(${210 + 20 * dark} ${55 + 25 * dark}% ${72 - 44 * dark}%)`
  })
