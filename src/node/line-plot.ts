import { readFile } from 'node:fs/promises'
import { checkWord } from '../core/check.js'
import { checkOptions, type OptionKinds } from '../core/check-options.js'
import { describe } from '../core/describe.js'
import { DataError, OptionError } from '../core/errors.js'
import { installedFile } from '../platform/node/installed.js'

/** One line of a chart. */
export interface Series {
  /** Series of one name share their colour and their place in the legend. */
  name: string
  x: ArrayLike<number>
  y: ArrayLike<number>
  /** Whether points are drawn instead of a line. */
  dots?: boolean
  /** Whether the line is dashed. */
  dashed?: boolean
}

/** An area between two lines, behind the series. */
export interface Band {
  x: ArrayLike<number>
  low: ArrayLike<number>
  high: ArrayLike<number>
}

/** A chart of lines. */
export interface LinePlot {
  title: string
  /** Text to the right of the title, for example what dashes mean. */
  note?: string
  xLabel: string
  yLabel: string
  /** Default 'linear'. */
  yScale?: 'linear' | 'log'
  /** Default 'linear'; the x of a 'time' scale are milliseconds since 1970, shown in UTC. */
  xScale?: 'linear' | 'time'
  bands?: readonly Band[]
  series: readonly Series[]
}

const plotOptions: OptionKinds<LinePlot> = {
  title: 'any',
  note: 'any',
  xLabel: 'any',
  yLabel: 'any',
  yScale: 'any',
  xScale: 'any',
  bands: 'any',
  series: 'any',
}
const seriesOptions: OptionKinds<Series> = { name: 'any', x: 'any', y: 'any', dots: 'boolean', dashed: 'boolean' }

const [WIDTH, HEIGHT] = [800, 440]
const [LEFT, RIGHT] = [64, 24]
/** The height of a line in the header, and the average width of a letter, because text cannot be measured here. */
const [LINE, LETTER] = [20, 7.6]
/** Some fonts are named for programs that know a system's fonts but not which of them `sans-serif` means. */
const FONTS = 'system-ui, Helvetica Neue, Arial, Liberation Sans, DejaVu Sans, Noto Sans, sans-serif'

/** Draws a chart of one or more series as the text of a self-contained SVG file. */
export async function linePlot(plot: LinePlot): Promise<string> {
  checkOptions('linePlot', plot, plotOptions)
  const { title, note = '', xLabel, yLabel, yScale = 'linear', xScale = 'linear', bands = [], series } = plot
  checkWord('linePlot', 'yScale', yScale, ['linear', 'log'])
  checkWord('linePlot', 'xScale', xScale, ['linear', 'time'])
  if (!Array.isArray(series)) {
    throw new OptionError(`linePlot: series is ${describe(series)}, expected an array of { name, x, y }`, ['series'])
  }
  for (const [i, one] of series.entries()) checkOptions(`linePlot: series ${i}`, one, seriesOptions)
  // Loaded here, so that only those who plot wait for the plotting libraries.
  const { parseHTML, ...Plot } = await import('./plot-libraries.js')
  const { document } = parseHTML('<html></html>')
  const names = [...new Set(series.map(({ name }) => name))]
  const chart = Plot.plot({
    document,
    width: WIDTH,
    height: HEIGHT,
    marginTop: 32,
    marginBottom: 44,
    marginRight: RIGHT,
    marginLeft: LEFT,
    grid: true,
    style: { background: 'white', color: '#222', fontFamily: FONTS, fontSize: '13px' },
    x: { label: xLabel, type: xScale === 'time' ? 'utc' : 'linear' },
    y: { label: yLabel, type: yScale },
    color: { domain: names, scheme: 'Observable10' },
    marks: [
      ...bands.map(({ x, low, high }) => {
        const points = Array.from(x, (value, i) => ({ x: value, low: low[i], high: high[i] }))
        return Plot.areaY(points, { x: 'x', y1: 'low', y2: 'high', fill: '#888', fillOpacity: 0.25 })
      }),
      ...series.map(({ name, x, y, dots, dashed }) => {
        const points = Array.from(x, (value, i) => ({ x: value, y: y[i], name }))
        const channels = { x: 'x', y: 'y', stroke: 'name' }
        if (dots) return Plot.dot(points, { ...channels, r: 1.5 })
        return Plot.lineY(points, { ...channels, strokeWidth: 1.8, strokeDasharray: dashed ? '6 4' : undefined })
      }),
    ],
  })
  const entries = series.length > 1 ? legend(names) : []
  const header = LINE * (2 + (entries.at(-1)?.row ?? -1)) + 12
  const shape = (tag: string, attributes: Record<string, string | number>) => {
    const element = document.createElementNS('http://www.w3.org/2000/svg', tag)
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value))
    return element
  }
  // Makes room above the chart for the title and the names of the series.
  chart.setAttribute('viewBox', `0 ${-header} ${WIDTH} ${HEIGHT + header}`)
  chart.setAttribute('height', String(HEIGHT + header))
  // A white background for viewers that ignore the style.
  chart.prepend(shape('rect', { y: -header, width: WIDTH, height: HEIGHT + header, fill: 'white' }))
  const write = (text: string, x: number, row: number, attributes: Record<string, string | number> = {}) => {
    const label = shape('text', { x, y: LINE * (row + 1) - header, 'text-anchor': 'start', ...attributes })
    label.textContent = text
    chart.append(label)
  }
  write(title, 8, 0, { 'font-weight': 'bold' })
  write(note, WIDTH - RIGHT, 0, { 'text-anchor': 'end', fill: '#666' })
  const { apply } = chart.scale('color')!
  for (const { name, text, x, row } of entries) {
    const y = LINE * (row + 2) - header - 4
    chart.append(shape('line', { x1: x, x2: x + 18, y1: y, y2: y, stroke: apply(name), 'stroke-width': 3 }))
    write(text, x + 24, row + 1)
  }
  chart.setAttribute('xmlns', 'http://www.w3.org/2000/svg')
  return `${chart.outerHTML}\n`
}

interface Entry {
  name: string
  text: string
  x: number
  row: number
}

/** Places names side by side, in as many rows as they need. */
function legend(names: readonly string[]): Entry[] {
  const room = WIDTH - RIGHT - 8
  const longest = Math.floor((room - 24) / LETTER)
  let [x, row] = [8, 0]
  return names.map((name) => {
    // The end of a long path says more than its beginning.
    const text = name.length > longest ? `…${name.slice(1 - longest)}` : name
    const size = 24 + text.length * LETTER
    if (x > 8 && x + size > room) [x, row] = [8, row + 1]
    const entry = { name, text, x, row }
    x += size + 20
    return entry
  })
}

/** Compiled once for the process. */
let renderer: ReturnType<typeof loadRenderer> | undefined

async function loadRenderer(wasm: Uint8Array) {
  // Bundlers only warn about a package that is not installed where a failure of its import is caught.
  const resvg = await import('@resvg/resvg-wasm').catch(() => {
    throw missing('@resvg/resvg-wasm')
  })
  await resvg.initWasm(wasm)
  return resvg
}

const missing = (name: string) =>
  new DataError(
    `svgToPng: a PNG needs the package ${name}, which is not installed; install both packages that it takes with npm install @resvg/resvg-wasm dejavu-fonts-ttf, or use SVG`,
  )

/**
 * Converts a chart to a PNG of twice its size, so that it is sharp on today's screens. Needs the packages
 * `@resvg/resvg-wasm` and, because not every machine has a font, `dejavu-fonts-ttf`.
 * @throws DataError if either is not installed
 */
export async function svgToPng(svg: string): Promise<Uint8Array> {
  const read = async (name: string, file: string) => {
    const path = installedFile(`${name}/${file}`)
    if (!path) throw missing(name)
    return readFile(path)
  }
  const wasm = await read('@resvg/resvg-wasm', 'index_bg.wasm')
  const fonts = [
    await read('dejavu-fonts-ttf', 'ttf/DejaVuSans.ttf'),
    await read('dejavu-fonts-ttf', 'ttf/DejaVuSans-Bold.ttf'),
  ]
  renderer ??= loadRenderer(wasm)
  const { Resvg } = await renderer
  const family = 'DejaVu Sans'
  const font = { fontBuffers: fonts, defaultFontFamily: family, sansSerifFamily: family }
  return new Resvg(svg, { fitTo: { mode: 'zoom', value: 2 }, font }).render().asPng()
}
