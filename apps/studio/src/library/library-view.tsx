import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { keptChanges } from '../current'
import { lookedUp } from '../faults'
import { historyOf, type KeptRun, keptRuns, modelNames, runKinds } from '../kept'
import { words } from '../language'
import { OpenModel } from '../open-model'
import { session } from '../session'
import { Comparison } from './comparison'
import { ForecasterRow, ModelRow, RunRow } from './kept-rows'
import './library.css'
import { MachineRuns } from './machine-runs'

/** The trainings and the models that the browser keeps, with what can be done with each. */
export function LibraryView() {
  const { library: t } = words.value
  const runs = useSignal<KeptRun[] | undefined>(undefined)
  const models = useSignal<string[] | undefined>(undefined)
  const compared = useSignal<readonly string[]>([])
  const now = session.value
  const state = now?.state.value
  useEffect(() => {
    void lookedUp(async () => {
      runs.value = await keptRuns()
      models.value = await modelNames()
    })
  }, [now, state, keptChanges.value])
  const trainings = runs.value?.filter(({ opened }) => !opened)
  const opened = (runs.value ?? []).filter(({ opened }) => opened)
  const shown = (runs.value ?? []).filter(({ name }) => compared.value.includes(name))
  return (
    <>
      <MachineRuns />
      <h1>{t.title}</h1>
      <p class="standing">{t.where}</p>
      <section class="kept">
        <h2>{t.trainings}</h2>
        {trainings?.length === 0 && <p class="soft">{t.empty}</p>}
        <ul class="runs">
          {trainings?.map((run) => (
            <RunRow
              key={run.name}
              run={run}
              compared={shown.includes(run)}
              compare={(on) => {
                const { name } = run
                compared.value = on ? [...compared.value, name] : compared.value.filter((other) => other !== name)
              }}
            />
          ))}
        </ul>
      </section>
      {runKinds.map((kind) => {
        const alike = shown.filter((run) => run.kind === kind)
        const histories = alike.map(({ name }) => ({ name, history: historyOf(name) }))
        return alike.length > 0 && <Comparison key={kind} runs={histories} kind={kind} />
      })}
      <section class="kept">
        <div class="headline">
          <h2>{t.models}</h2>
          <div class="actions">
            <OpenModel />
          </div>
        </div>
        <p class="standing">{t.modelsAre}</p>
        {models.value?.length === 0 && opened.length === 0 && <p class="soft">{t.noModels}</p>}
        <ul class="runs">
          {models.value?.map((name) => (
            <ModelRow key={name} name={name} />
          ))}
          {opened.map(({ name, opened }) => (
            <ForecasterRow key={`series ${name}`} name={name} opened={opened!} />
          ))}
        </ul>
      </section>
    </>
  )
}
