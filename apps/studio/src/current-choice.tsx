import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { savedRuns } from 'unrolled/browser'
import { current, takeModelFile, takeRun, unavailable } from './current'
import { words } from './language'
import { session } from './session'

/** The choice of the model that a view looks at. */
export function CurrentChoice() {
  const { models: t } = words.value
  const names = useSignal<string[]>([])
  const now = session.value
  useEffect(() => {
    void savedRuns.names().then((found) => {
      names.value = found.sort((a, b) => a.localeCompare(b))
      if (current.value) return
      const first = now?.name ?? found[0]
      if (first !== undefined) void takeRun(first)
    })
  }, [now])
  const shown = current.value?.name
  const listed = [...new Set([...names.value, ...(shown === undefined ? [] : [shown])])]
  return (
    <div class="choice">
      <label>
        {t.model}
        <select value={shown ?? ''} onChange={({ currentTarget }) => takeRun(currentTarget.value)}>
          {shown === undefined && <option value="">{t.none}</option>}
          {listed.map((name) => (
            <option key={name} value={name}>
              {name === now?.name ? t.training(name) : name}
            </option>
          ))}
        </select>
      </label>
      <label class="file">
        {t.open}
        <input
          type="file"
          accept=".zip"
          onChange={({ currentTarget }) => {
            const file = currentTarget.files?.[0]
            if (file) void takeModelFile(file)
          }}
        />
      </label>
      {unavailable.value && (
        <p class="bad" role="alert">
          {unavailable.value}
        </p>
      )}
    </div>
  )
}
