import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { takeMachineRun } from '../current'
import { told } from '../faults'
import { words } from '../language'
import { type MachineRun, machineRuns } from '../machine'
import { Comparison } from './comparison'
import { Go } from './go'

/** The trainings of the machine that serves the page, side by side; live while they go on. */
export function MachineRuns() {
  const { library: t, models } = words.value
  const runs = useSignal<readonly MachineRun[]>([])
  useEffect(() => {
    void told(async () => {
      runs.value = await machineRuns()
    })
  }, [])
  if (runs.value.length === 0) return null
  return (
    <>
      <h1>{models.machine}</h1>
      <ul class="runs">
        {runs.value.map((run) => (
          <li key={run.index} class="card run">
            <strong>{run.name}</strong>
            <div class="actions">
              <Go to="inside" text={t.look} first={() => takeMachineRun(run)} />
              <Go to="write" text={t.write} first={() => takeMachineRun(run)} />
            </div>
          </li>
        ))}
      </ul>
      <Comparison runs={runs.value} />
    </>
  )
}
