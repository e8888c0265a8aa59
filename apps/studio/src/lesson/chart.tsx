import { useMemo } from 'preact/hooks'
import { words } from '../language'
import { type Line, Plot } from '../plot'
import type { LinePlot, Series } from './run/plot'

/** A series as a line of the page's plots: its points in the order of x, without those that cannot be drawn. */
function lineOf({ name, x, y, dots, dashed }: Series, colour: number, positive: boolean): Line {
  const points = Array.from(x, (at, i) => [at, y[i]] as const)
    .filter(([at, value]) => Number.isFinite(at) && Number.isFinite(value) && (!positive || value > 0))
    .sort(([a], [b]) => a - b)
  const [steps, values] = [points.map(([at]) => at), points.map(([, value]) => value)]
  return { label: name, steps, values, colour, dots, dashed }
}

const short = (value: number | undefined): string => (value === undefined ? '–' : String(Number(value.toPrecision(3))))

/** A chart that a cell drew. */
export function Chart({ plot }: { plot: LinePlot }) {
  const { lesson: t } = words.value
  /** The words of the examples in the language of the page; others as they are. */
  const named = (label: string) => {
    const numbers = label.match(/\d+/g) ?? []
    return t.labels[label.replace(/\d+/g, '#')]?.replaceAll('#', () => numbers.shift()!) ?? label
  }
  const { title, xLabel, yLabel, yScale, series } = plot
  const lines = useMemo(
    () => series.map((one, i) => lineOf({ ...one, name: named(one.name) }, i, yScale === 'log')),
    [plot, t],
  )
  const told = lines.map(({ label, values }) => t.curveIs(label, short(values[0]), short(values.at(-1))))
  return (
    <figure class="chart">
      <figcaption>
        <strong>{named(title)}</strong> <span class="soft">{t.axes(named(xLabel), named(yLabel))}</span>
      </figcaption>
      <Plot
        lines={lines}
        told={`${named(title)}. ${told.join('; ')}.`}
        x={named(xLabel)}
        linear={yScale !== 'log'}
        value={short}
      />
    </figure>
  )
}
