import { useSignal } from '@preact/signals'
import { useLayoutEffect, useRef } from 'preact/hooks'
import { base, fixed, setupWith } from '../base'
import { Choice } from '../choice'
import { FileChoice } from '../file-choice'
import { words } from '../language'
import { NumberField, type NumberRange } from '../number-field'
import { Problem } from '../problem'
import { Reading } from '../series/reading'
import { cellLabels, isMinimal, kinds, parsed, type Setup, setup } from '../setup'
import { choose, chosen, nameOf, takeTexts } from '../text'

type Name = keyof Setup

/** The dialog that changes what is trained. */
export function SetupDialog({ close }: { close: () => void }) {
  const { setup: s } = words.value
  const dialog = useRef<HTMLDialogElement>(null)
  /** What the reader has changed. Another text changes how it is read. */
  const edits = useSignal<Partial<Record<Name, string>>>({})
  const from = base.value
  const isFixed = (name: Name) => from !== undefined && (fixed as readonly Name[]).includes(name)
  const wrong = useSignal<Name | undefined>(undefined)
  useLayoutEffect(() => dialog.current?.showModal(), [])
  const draft = (name: Name) => edits.value[name] ?? String(setup.value[name])
  const set = (name: Name, text: string) => {
    edits.value = { ...edits.value, [name]: text }
  }
  const apply = (event: Event) => {
    event.preventDefault()
    const names = Object.keys(kinds) as Name[]
    wrong.value = names.find((name) => parsed(name, draft(name)) === undefined)
    if (wrong.value) return
    setup.value = Object.fromEntries(names.map((name) => [name, parsed(name, draft(name))])) as unknown as Setup
    close()
  }
  return (
    <dialog ref={dialog} class="setup" aria-labelledby="setup-title" onClose={close}>
      <form onSubmit={apply}>
        <h1 id="setup-title">{s.title}</h1>
        <TextChoice />
        <div class="fields">
          {(Object.keys(kinds) as Name[]).map((name) => (
            <Field
              key={name}
              name={name}
              text={isFixed(name) ? String(setupWith(setup.value, from)[name]) : draft(name)}
              disabled={isFixed(name)}
              set={(text) => set(name, text)}
            />
          ))}
        </div>
        {isMinimal(draft('cell')) && <p class="soft">{s.minimal}</p>}
        {from && <p class="soft">{s.fixed(from.name)}</p>}
        <Problem />
        {wrong.value && (
          <p class="bad" role="alert">
            {s.wrong(s[wrong.value])}
          </p>
        )}
        <div class="actions">
          <button type="submit" class="main">
            {s.apply}
          </button>
          <button type="button" onClick={close}>
            {s.cancel}
          </button>
        </div>
      </form>
    </dialog>
  )
}

/** The text: the one that comes with the page, or a file. */
function TextChoice() {
  const { setup: s } = words.value
  const { own } = chosen.value
  return (
    <div class="text-choice">
      <span class="label">{s.text}</span>
      <strong>{nameOf(chosen.value, s.mobyDick)}</strong>
      <FileChoice label={s.own} accept=".txt,.csv,.tsv,text/*" take={takeTexts} />
      {own && (
        <button
          type="button"
          class="quiet"
          onClick={() => {
            choose({})
          }}
        >
          {s.mobyDick}
        </button>
      )}
      <p class="soft">{s.dropped}</p>
      <Reading />
    </div>
  )
}

interface FieldOptions {
  name: Name
  text: string
  disabled: boolean
  set: (text: string) => void
}

function Field({ name, text, disabled, set }: FieldOptions) {
  const label = words.value.setup[name]
  const kind: readonly string[] | 'flag' | NumberRange = kinds[name]
  if (kind === 'flag') {
    return (
      <label class="flag">
        <input
          type="checkbox"
          checked={text === 'true'}
          disabled={disabled}
          onChange={({ currentTarget }) => set(String(currentTarget.checked))}
        />
        {label}
      </label>
    )
  }
  if (!('least' in kind)) {
    const among = kind.map((word) => [word, name === 'cell' ? cellLabels[word as Setup['cell']] : word] as const)
    return <Choice label={label} value={text} among={among} choose={set} disabled={disabled} />
  }
  return <NumberField label={label} text={text} range={kind} disabled={disabled} set={set} />
}
