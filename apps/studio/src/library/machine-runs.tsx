import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { Coded } from '../coded'
import { takeMachineRun } from '../current'
import { lookedUp } from '../faults'
import { type RunKind, reached, runKinds } from '../kept'
import { number, words } from '../language'
import { type MachineRun, machineRuns, type Standing } from '../machine'
import { cellLabels } from '../setup'
import { measured } from '../train/figures'
import { Comparison, type Look } from './comparison'
import { Go } from './go'

/** The trainings of the machine that serves the page, side by side; live while they go on. */
export function MachineRuns() {
  const { models } = words.value
  const runs = useSignal<readonly MachineRun[]>([])
  /** What is known of each, by its name. */
  const looks = useSignal<Readonly<Record<string, Look>>>({})
  const standings = useSignal<Readonly<Record<string, Standing>>>({})
  const stand = async (asked: readonly MachineRun[]) => {
    // What cannot be read is told with its curve.
    const found = await Promise.all(
      asked.map(async ({ name, standing }) => ({ [name]: await standing().catch(() => standings.value[name]) })),
    )
    standings.value = Object.assign({}, standings.value, ...found)
  }
  useEffect(() => {
    void lookedUp(async () => {
      const found = await machineRuns()
      await stand(found)
      runs.value = found
    })
  }, [])
  if (runs.value.length === 0) return null
  const looked = (found: readonly Look[]) => {
    looks.value = { ...looks.value, ...Object.fromEntries(found.map((look) => [look.name, look])) }
    void stand(runs.value.filter(({ name }) => found.some((look) => look.name === name && !look.fault)))
  }
  const kindOf = ({ name }: MachineRun): RunKind => standings.value[name]?.kind ?? 'text'
  return (
    <>
      <h1>{models.machine}</h1>
      <ul class="runs">
        {runs.value.map((run) => (
          <li key={run.index} class="card run">
            <strong>{run.name}</strong>
            <span class="soft">{toldOf(kindOf(run), looks.value[run.name], standings.value[run.name])}</span>
            <Actions run={run} kind={kindOf(run)} />
          </li>
        ))}
      </ul>
      {runKinds.map((kind) => {
        const alike = runs.value.filter((run) => kindOf(run) === kind)
        return alike.length > 0 && <Comparison key={kind} runs={alike} kind={kind} looked={looked} />
      })}
    </>
  )
}

/** What can be done with the model of a training; the page itself has no more for other models than those of texts. */
function Actions({ run, kind }: { run: MachineRun; kind: RunKind }) {
  const { library: t } = words.value
  if (kind !== 'text') {
    return (
      <span class="soft">
        <Coded text={t.inTerminal[kind]} />
      </span>
    )
  }
  return (
    <div class="actions">
      <Go to="inside" text={t.look} first={() => takeMachineRun(run)} />
      <Go to="write" text={t.write} first={() => takeMachineRun(run)} />
    </div>
  )
}

/** What is told of a training: its cell and sizes, how far it is, and whether it goes on. */
function toldOf(kind: RunKind, look: Look | undefined, standing: Standing | undefined): string {
  const { library: t, units, layers } = words.value
  const epoch = look?.events.findLast((event) => event.type === 'epoch')
  const { cell, hiddenSize, numLayers } = standing ?? {}
  const parts = [
    cell && cellLabels[cell],
    hiddenSize && units(number(hiddenSize)),
    numLayers && layers(numLayers),
    epoch && t.standings[kind](number(epoch.epoch), measured(kind)(reached(kind, epoch))),
    look?.fault ? t.states.lost : standing && t.states[standing.state],
  ]
  return parts.filter((part) => typeof part === 'string').join(' · ')
}
