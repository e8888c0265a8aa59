export interface Series {
  name: string
  x: ArrayLike<number>
  y: ArrayLike<number>
  /** Points instead of a line. */
  dots?: boolean
  /** A dashed line. */
  dashed?: boolean
}

export interface LinePlot {
  title: string
  xLabel: string
  yLabel: string
  /** Default 'linear'. */
  yScale?: 'linear' | 'log'
  series: readonly Series[]
}

/** A chart of one or more series as the text of an SVG file, readable on its own. */
export async function linePlot({ title, xLabel, yLabel, yScale = 'linear', series }: LinePlot): Promise<string> {
  // Loaded here, so that only those wait for the plotting libraries who plot.
  const [Plot, { parseHTML }] = await Promise.all([import('@observablehq/plot'), import('linkedom')])
  const { document } = parseHTML('<html></html>')
  const points = ({ name, x, y }: Series) => Array.from(x, (value, i) => ({ x: value, y: y[i], name }))
  const names = series.map(({ name }) => name)
  const chart = Plot.plot({
    document,
    width: 800,
    height: 440,
    marginTop: 32,
    marginBottom: 44,
    marginRight: 24,
    marginLeft: 56,
    grid: true,
    style: { background: 'white', color: '#222', fontFamily: 'system-ui, sans-serif', fontSize: '13px' },
    x: { label: xLabel },
    y: { label: yLabel, type: yScale },
    color: { domain: names, scheme: 'Observable10' },
    marks: series.flatMap((one) => {
      const channels = { x: 'x', y: 'y', stroke: 'name' }
      return one.dots
        ? [Plot.dot(points(one), { ...channels, r: 1.5 })]
        : [Plot.lineY(points(one), { ...channels, strokeWidth: 1.8, strokeDasharray: one.dashed ? '5 4' : undefined })]
    }),
  })
  const shape = (tag: string, attributes: Record<string, string | number>) => {
    const element = document.createElementNS('http://www.w3.org/2000/svg', tag)
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value))
    return element
  }
  // Room above the chart for the title and the names of the series.
  chart.setAttribute('viewBox', '0 -32 800 472')
  chart.setAttribute('height', '472')
  // For viewers that don't read the style.
  chart.prepend(shape('rect', { y: -32, width: 800, height: 472, fill: 'white' }))
  const add = (text: string, attributes: Record<string, string | number>) => {
    const label = shape('text', attributes)
    label.textContent = text
    chart.append(label)
  }
  add(title, { x: 8, y: -10, 'text-anchor': 'start', 'font-weight': 'bold' })
  const { apply } = chart.scale('color')!
  let x = 780
  for (const name of names.length > 1 ? names.toReversed() : []) {
    add(name, { x, y: -10, 'text-anchor': 'end', fill: apply(name) })
    x -= 8 * name.length + 16
  }
  chart.setAttribute('xmlns', 'http://www.w3.org/2000/svg')
  return `${chart.outerHTML}\n`
}
