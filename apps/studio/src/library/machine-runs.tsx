import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { takeMachineRun } from '../current'
import { words } from '../language'
import { type MachineRun, machineHistory, machineRuns } from '../machine'
import { addressOf } from '../route'
import { Comparison } from './comparison'

/** The trainings of the machine that serves the page, side by side; live while they go on. */
export function MachineRuns() {
  const { library: t } = words.value
  const runs = useSignal<readonly MachineRun[]>([])
  const failed = useSignal<string | undefined>(undefined)
  useEffect(() => {
    machineRuns().then(
      (found) => {
        runs.value = found
      },
      (error) => {
        failed.value = (error as Error).message
      },
    )
  }, [])
  if (failed.value) {
    return (
      <p class="bad" role="alert">
        {failed.value}
      </p>
    )
  }
  if (runs.value.length === 0) return null
  return (
    <>
      <h1>{t.machine}</h1>
      <ul class="runs">
        {runs.value.map((run) => (
          <li key={run.index} class="card run">
            <strong>{run.name}</strong>
            <div class="actions">
              <a class="button" href={addressOf('inside')} onClick={() => takeMachineRun(run)}>
                {t.look}
              </a>
              <a class="button" href={addressOf('write')} onClick={() => takeMachineRun(run)}>
                {t.write}
              </a>
            </div>
          </li>
        ))}
      </ul>
      <Comparison runs={runs.value.map((run) => ({ name: run.name, history: () => machineHistory(run) }))} />
    </>
  )
}
