import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { curvesOf, type Curve as Line } from 'unrolled/browser'
import { type Fault, faultOf } from '../faults'
import type { FollowedHistory } from '../followed'
import { number, words } from '../language'
import { Plot } from '../plot'
import { FaultNote } from '../problem'

/** A training to compare. */
export interface Compared {
  name: string
  history: FollowedHistory
}

/** Milliseconds between two looks at trainings that may go on. */
const PACE = 2000

/** The perplexities of some trainings in one plot, drawn again while they go on. */
export function Comparison({ runs }: { runs: readonly Compared[] }) {
  const { library: t, train } = words.value
  const lines = useSignal<readonly Line[]>([])
  const fault = useSignal<Fault | undefined>(undefined)
  const names = runs.map(({ name }) => name)
  useEffect(() => {
    let asked = true
    const look = async () => {
      const all = runs.map(async ({ name, history }) => ({ name, events: await history.events() }))
      let read: Awaited<(typeof all)[number]>[]
      try {
        read = await Promise.all(all)
        fault.value = undefined
      } catch (error) {
        // What was read before stays, and the next look may be answered.
        fault.value = faultOf(error)
        return
      }
      if (!asked) return
      lines.value = read.flatMap(({ name, events }) => {
        const told = events.filter((event) => event.type !== 'resume')
        return told.length === 0 ? [] : curvesOf({ name, events: told }, { x: 'step', y: 'perplexity', log: true })
      })
    }
    const timer = setInterval(() => {
      if (!document.hidden) void look()
    }, PACE)
    void look()
    return () => {
      asked = false
      clearInterval(timer)
    }
  }, [names.join('\n')])
  const label = ({ run, kind }: Line) => (kind === 'training' ? run : `${run}, ${train.heldOutText}`)
  return (
    <section class="card">
      <h2>{t.comparison}</h2>
      {fault.value && <FaultNote fault={fault.value} />}
      <Plot
        told={t.comparisonIs(names.join(', '), number(Math.max(0, ...lines.value.map(({ x }) => x.at(-1) ?? 0))))}
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
