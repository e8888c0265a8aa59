import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { current, isOfText, type Kind, keptChanges, takeAgain, takeModel, takeRun } from './current'
import { lookedUp } from './faults'
import { modelNames, seenRunNames, textRunNames } from './kept'
import { words } from './language'
import { OpenModel } from './open-model'
import { session } from './session'
import { textSession } from './text-session'

/** The choice of the model that a view looks at. @param series whether it may be one of series */
export function CurrentChoice({ series = false }: { series?: boolean }) {
  const { models: t } = words.value
  const kept = useSignal<Record<Kind | 'opened', string[]>>({ run: [], opened: [], model: [], machine: [] })
  const now = series ? session.value : textSession.value
  const changes = keptChanges.value
  const shown = series || isOfText(current.value) ? current.value : undefined
  const state = now?.state.value
  const begins = state === 'preparing'
  const isOver = state === 'stopped' || state === 'done' || state === 'failed'
  useEffect(() => {
    void lookedUp(async () => {
      const { run, opened } = series ? await seenRunNames() : { run: await textRunNames(), opened: [] }
      const model = await modelNames()
      kept.value = { run, opened, model, machine: [] }
      // The model of a training of this page has changed since it was taken.
      if (now && isOfText(current.value) && current.value.name === now.name) await takeAgain(now.name)
      // A training that begins has no model yet.
      if (shown || begins) return
      // One that could not begin has left nothing.
      const first = run.find((name) => name === now?.name) ?? [...run, ...opened][0]
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
    const isOpened = kind === 'run' && kept.value.opened.includes(shown?.name ?? '')
    const own = shown?.kind === kind && !isOpened ? [shown.name] : []
    const values = [...new Set([...kept.value[kind], ...own])].map((name) => ({ kind, name }))
    // Those of series that were opened are kept as runs are.
    const opened = kept.value.opened.map((name) => ({ kind: 'run' as const, name }))
    return { title, values: kind === 'model' ? [...values, ...opened] : values }
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
            ({ title, values }) =>
              values.length > 0 && (
                <optgroup key={title} label={title}>
                  {values.map(({ kind, name }) => (
                    <option key={`${kind} ${name}`} value={`${kind} ${name}`}>
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
