import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { current, type Kind, keptChanges, takeAgain, takeModel, takeRun } from './current'
import { told } from './faults'
import { modelNames, textRunNames } from './kept'
import { words } from './language'
import { OpenModel } from './open-model'
import { textSession } from './text-session'

/** The choice of the model that a view looks at. */
export function CurrentChoice() {
  const { models: t } = words.value
  const kept = useSignal<Record<Kind, string[]>>({ run: [], model: [], machine: [] })
  const now = textSession.value
  const changes = keptChanges.value
  const shown = current.value
  const state = now?.state.value
  const begins = state === 'preparing'
  const isOver = state === 'stopped' || state === 'done' || state === 'failed'
  useEffect(() => {
    void told(async () => {
      const [run, model] = [await textRunNames(), await modelNames()]
      kept.value = { run, model, machine: [] }
      // The model of a training of this page has changed since it was taken.
      if (now && current.value?.kind === 'run' && current.value.name === now.name) await takeAgain(now.name)
      // A training that begins has no model yet.
      if (current.value || begins) return
      const first = now?.name ?? run[0]
      if (first !== undefined) await takeRun(first)
      else if (model.length > 0) await takeModel(model[0])
    })
  }, [now, changes, begins, isOver])
  const take = { run: takeRun, model: takeModel, machine: async () => true }
  const groups = (
    [
      ['run', t.trainings],
      ['model', t.models],
      ['machine', t.machine],
    ] as const
  ).map(([kind, title]) => {
    const own = shown?.kind === kind ? [shown.name] : []
    return { kind, title, names: [...new Set([...kept.value[kind], ...own])] }
  })
  return (
    <div class="choice">
      <label>
        {t.model}
        <select
          value={shown ? `${shown.kind} ${shown.name}` : ''}
          onChange={({ currentTarget }) => {
            const [kind, ...name] = currentTarget.value.split(' ')
            void take[kind as Kind](name.join(' '))
          }}
        >
          {!shown && <option value="">{t.none}</option>}
          {groups.map(
            ({ kind, title, names }) =>
              names.length > 0 && (
                <optgroup key={kind} label={title}>
                  {names.map((name) => (
                    <option key={name} value={`${kind} ${name}`}>
                      {kind === 'run' && name === now?.name ? t.training(name) : name}
                    </option>
                  ))}
                </optgroup>
              ),
          )}
        </select>
      </label>
      <OpenModel />
    </div>
  )
}
