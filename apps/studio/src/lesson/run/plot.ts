/** A line of a chart, as the library's `linePlot` takes it. */
export interface Series {
  name: string
  x: ArrayLike<number>
  y: ArrayLike<number>
  dots?: boolean
  dashed?: boolean
}

/** A chart of lines, as the library's `linePlot` takes it. */
export interface LinePlot {
  title: string
  note?: string
  xLabel: string
  yLabel: string
  yScale?: 'linear' | 'log'
  series: readonly Series[]
}
