import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { curvesOf, type HistoryEvent, type Curve as Line } from 'unrolled/browser'
import { type Fault, faultOf } from '../faults'
import type { FollowedHistory } from '../followed'
import type { RunKind } from '../kept'
import { number, words } from '../language'
import { Plot } from '../plot'
import { FaultNote } from '../problem'
import { measured } from '../train/figures'

/** A training to compare. */
export interface Compared {
  name: string
  history: FollowedHistory
}

/** Milliseconds between two looks at trainings that may go on. */
const PACE = 2000

/** What is known of a training: its events so far, and what went wrong when they were read last. */
export interface Look {
  name: string
  events: readonly HistoryEvent[]
  fault?: Fault
}

async function lookAt({ name, history }: Compared): Promise<Look> {
  try {
    return { name, events: await history.events() }
  } catch (error) {
    // What was read before stays, and the next look may be answered.
    return { name, events: history.known, fault: faultOf(error, name, 'runLost') }
  }
}

function curves({ name, events }: Look, kind: RunKind): Line[] {
  const told = events.filter((event) => event.type !== 'resume')
  if (told.length === 0) return []
  return curvesOf({ name, events: told }, { x: 'step', y: kind === 'text' ? 'perplexity' : 'loss', log: true })
}

interface ComparisonOptions {
  runs: readonly Compared[]
  /** What all of them are on, and so are measured by. */
  kind: RunKind
  /** Is told what each look finds. */
  looked?: (looks: readonly Look[]) => void
}

/** The curves of some trainings of a kind in one plot, drawn again while they go on. */
export function Comparison({ runs, kind, looked }: ComparisonOptions) {
  const { library: t, train, series } = words.value
  const looks = useSignal<readonly Look[]>([])
  const names = runs.map(({ name }) => name)
  useEffect(() => {
    let asked = true
    const look = async () => {
      const found = await Promise.all(runs.map(lookAt))
      if (!asked) return
      looks.value = found
      looked?.(found)
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
  const lines = looks.value.flatMap((look) => curves(look, kind))
  const faults = looks.value.flatMap(({ fault }) => fault ?? [])
  const unanswered = faults.find(({ kind }) => kind === 'noServer')
  const label = ({ run, kind: part }: Line) =>
    part === 'training' ? run : `${run}, ${kind === 'text' ? train.heldOutText : series.heldOutPart}`
  return (
    <section class="card">
      <h2>{t.comparisons[kind]}</h2>
      {(unanswered ? [unanswered] : faults).map((fault) => (
        <FaultNote key={fault.name} fault={fault} />
      ))}
      <Plot
        told={t.compared[kind](names.join(', '), number(Math.max(0, ...lines.map(({ x }) => x.at(-1) ?? 0))))}
        value={measured(kind)}
        lines={lines.map((line) => ({
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
