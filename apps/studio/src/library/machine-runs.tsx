import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { takeMachineRun } from '../current'
import { told } from '../faults'
import { number, words } from '../language'
import { type MachineRun, machineRuns, type Standing } from '../machine'
import { cellLabels } from '../setup'
import { perplexity } from '../train/figures'
import { Comparison, type Look } from './comparison'
import { Go } from './go'

/** The trainings of the machine that serves the page, side by side; live while they go on. */
export function MachineRuns() {
  const { library: t, models } = words.value
  const runs = useSignal<readonly MachineRun[]>([])
  const looks = useSignal<readonly Look[]>([])
  const standings = useSignal<readonly (Standing | undefined)[]>([])
  useEffect(() => {
    void told(async () => {
      runs.value = await machineRuns()
    })
  }, [])
  if (runs.value.length === 0) return null
  const looked = async (found: readonly Look[]) => {
    looks.value = found
    // What cannot be read is told with its curve.
    const asked = runs.value.map(({ standing }, i) => (found[i].fault ? undefined : standing().catch(() => undefined)))
    standings.value = await Promise.all(asked)
  }
  return (
    <>
      <h1>{models.machine}</h1>
      <ul class="runs">
        {runs.value.map((run, i) => (
          <li key={run.index} class="card run">
            <strong>{run.name}</strong>
            <span class="soft">{toldOf(looks.value[i], standings.value[i]).join(' · ')}</span>
            <div class="actions">
              <Go to="inside" text={t.look} first={() => takeMachineRun(run)} />
              <Go to="write" text={t.write} first={() => takeMachineRun(run)} />
            </div>
          </li>
        ))}
      </ul>
      <Comparison runs={runs.value} looked={looked} />
    </>
  )
}

/** What is told of a training: its cell and sizes, how far it is, and whether it goes on. */
function toldOf(look: Look | undefined, standing: Standing | undefined): string[] {
  const { library: t, units, layers } = words.value
  const epoch = look?.events.findLast((event) => event.type === 'epoch')
  const { cell, hiddenSize, numLayers } = standing ?? {}
  return [
    cell && cellLabels[cell],
    hiddenSize && units(number(hiddenSize)),
    numLayers && layers(numLayers),
    epoch && t.standing(number(epoch.epoch), perplexity(epoch.perplexity)),
    look?.fault ? t.states.lost : standing && t.states[standing.state],
  ].filter((part) => typeof part === 'string')
}
