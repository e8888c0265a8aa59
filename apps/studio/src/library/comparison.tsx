import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { curvesOf, type Curve as Line } from 'unrolled/browser'
import { historyOf } from '../kept'
import { words } from '../language'
import { Plot } from '../plot'

/** The perplexities of some kept trainings in one plot. */
export function Comparison({ names }: { names: readonly string[] }) {
  const { library: t, train } = words.value
  const lines = useSignal<readonly Line[]>([])
  useEffect(() => {
    let asked = true
    void Promise.all(names.map(async (name) => ({ name, events: await historyOf(name) }))).then((runs) => {
      if (!asked) return
      const told = runs.map(({ name, events }) => ({
        name,
        events: events.filter((event) => event.type !== 'resume'),
      }))
      lines.value = told.flatMap((run) => curvesOf(run, { x: 'step', y: 'perplexity', log: true }))
    })
    return () => {
      asked = false
    }
  }, [names])
  const label = ({ run, kind }: Line) => (kind === 'training' ? run : `${run}, ${train.heldOutText}`)
  return (
    <section class="card">
      <h2>{t.comparison}</h2>
      <Plot
        told={t.comparisonIs(names.join(', '))}
        lines={lines.value.map((line) => ({
          label: label(line),
          steps: line.x,
          values: line.y,
          colour: names.indexOf(line.run),
          dashed: line.kind === 'validation',
        }))}
      />
    </section>
  )
}
