import { FONTS } from './line-plot.js'

/** The points of one panel. */
export interface Panel {
  title: string
  /** The value of a point along x; words get a place each. */
  x: readonly (number | string)[]
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
  /** What the colour of each point says. */
  groups: readonly string[]
}

const [WIDTH, HEIGHT, HEADER] = [280, 240, 56]
const MOST_COLUMNS = 3

/**
 * Draws the same points over several values, each in a panel of its own, with a line through their medians, as the text
 * of a self-contained SVG file. Points whose y is not finite are left out.
 */
export async function panelsPlot({ title, yLabel, panels, y, groups }: PanelsPlot): Promise<string> {
  const { parseHTML, dot, lineY, plot } = await import('./plot-libraries.js')
  const { document } = parseHTML('<html></html>')
  const columns = Math.min(panels.length, MOST_COLUMNS)
  const rows = Math.ceil(panels.length / columns)
  const [width, height] = [Math.max(columns * WIDTH, 480), HEADER + rows * (HEIGHT + 28)]
  const names = [...new Set(groups)]
  const color = { domain: names, range: shades(names.length) }
  const finite = y.filter(Number.isFinite)
  const margin = 0.04 * (Math.max(...finite) - Math.min(...finite) || 1)
  const domain = [Math.min(...finite) - margin, Math.max(...finite) + margin]
  const drawn = panels.map(({ x, log }) => {
    const points = x.map((at, i) => ({ x: at, y: y[i], group: groups[i] })).filter((point) => Number.isFinite(point.y))
    const numbers = x.every((at) => typeof at === 'number')
    const line = medians(points, numbers)
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
      x: numbers
        ? { type: log ? 'log' : 'linear', label: null, ticks: 4 }
        : { type: 'point', label: null, padding: 0.5 },
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
  for (const [i, name] of names.entries()) {
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

/** The median of y at each x, or in thirds of the points if hardly two have the same x. */
function medians(points: readonly Point[], numbers: boolean): Point[] {
  const groups = new Map<number | string, Point[]>()
  for (const point of points) groups.set(point.x, [...(groups.get(point.x) ?? []), point])
  let all = [...groups.values()]
  if (numbers) all.sort(([a], [b]) => Number(a.x) - Number(b.x))
  if (numbers && groups.size > points.length / 2 && points.length >= 6) {
    const sorted = points.toSorted((a, b) => Number(a.x) - Number(b.x))
    all = [0, 1, 2].map((third) =>
      sorted.slice(Math.round((third * sorted.length) / 3), Math.round(((third + 1) * sorted.length) / 3)),
    )
  }
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
