import { useSignal } from '@preact/signals'
import { useEffect, useMemo, useRef } from 'preact/hooks'
import { type CurrentText, current, isOfText } from '../current'
import { CurrentChoice } from '../current-choice'
import { type Fault, faultOf } from '../faults'
import { visible } from '../inside/visible'
import { number, words } from '../language'
import { FaultNote } from '../problem'
import type { Completions } from './complete'
import './write.css'
import { Writer } from './writer'

/** A text box that completes what is typed, with a model in this browser. */
export function WriteView() {
  const { write: t } = words.value
  const text = useSignal('')
  const temperature = useSignal(0.7)
  const topK = useSignal(0)
  const samples = useSignal(4)
  const length = useSignal(60)
  const made = useSignal<(Completions & { by: CurrentText }) | undefined>(undefined)
  const failed = useSignal<Fault | undefined>(undefined)
  const model = isOfText(current.value) ? current.value : undefined
  const writer = useMemo(() => new Writer(), [])
  useEffect(() => () => writer.close(), [writer])
  const options = { temperature: temperature.value, topK: topK.value, samples: samples.value, length: length.value }
  useEffect(() => {
    if (!model) return
    const abort = new AbortController()
    // A pause of the typist's is waited for.
    const timer = setTimeout(async () => {
      try {
        made.value = { ...(await writer.complete(model, text.value, options, abort.signal)), by: model }
        failed.value = undefined
      } catch (error) {
        if (!abort.signal.aborted) failed.value = faultOf(error)
      }
    }, 60)
    return () => {
      clearTimeout(timer)
      abort.abort()
    }
  }, [model, text.value, temperature.value, topK.value, samples.value, length.value])
  // What continues an earlier text, or is another model's, must not be taken.
  const stale = made.value?.of !== text.value || made.value.by !== model
  const box = useRef<HTMLTextAreaElement>(null)
  const accept = (more: string) => {
    const { current: typed } = box
    typed?.focus()
    typed?.setSelectionRange(text.value.length, text.value.length)
    // Unlike a new value, what an editing command inserts can be undone. It is heard as what is typed.
    document.execCommand('insertText', false, more)
  }
  return (
    <>
      <h1>{t.title}</h1>
      <CurrentChoice />
      {model ? (
        <div class="writing">
          <section class="paper">
            <label for="text">{t.text}</label>
            <textarea
              ref={box}
              id="text"
              rows={8}
              value={text.value}
              placeholder={t.placeholder}
              onInput={({ currentTarget }) => {
                text.value = currentTarget.value
              }}
              onKeyDown={(event) => {
                const at =
                  event.ctrlKey || event.metaKey
                    ? ['Enter', '1', '2', '3', '4', '5', '6', '7', '8'].indexOf(event.key)
                    : -1
                const more = at === -1 ? undefined : made.value?.texts[Math.max(0, at - 1)]
                if (more === undefined || stale) return
                event.preventDefault()
                accept(more)
              }}
            />
            {made.value && made.value.unknown.length > 0 && (
              <p class="soft">
                {t.unknown(made.value.unknown.map(visible).join(' '))}
                {made.value.reads !== undefined && ` · ${t.reads(made.value.reads || t.nothing)}`}
              </p>
            )}
            <ol class="alternatives" aria-label={t.alternatives}>
              {made.value?.texts.map((more, i) => (
                <li key={i}>
                  <button type="button" disabled={stale} onClick={() => accept(more)}>
                    {more}
                  </button>
                </li>
              ))}
            </ol>
            <p class="standing">
              {t.keys}
              {made.value && ` · ${t.speed(number(made.value.charactersPerSecond))}`}
            </p>
            {failed.value && <FaultNote fault={failed.value} />}
          </section>
          <section class="card knobs">
            <Knob label={t.temperature} value={temperature} min={0} max={2} step={0.05} digits={2} />
            <Knob label={t.topK} value={topK} min={0} max={50} step={1} digits={0} zero={t.all} />
            <Knob label={t.samples} value={samples} min={1} max={8} step={1} digits={0} />
            <Knob label={t.length} value={length} min={5} max={400} step={5} digits={0} />
          </section>
        </div>
      ) : (
        <p class="soft">{t.none}</p>
      )}
    </>
  )
}

interface KnobOptions {
  label: string
  value: { value: number }
  min: number
  max: number
  step: number
  digits: number
  /** The word for 0, if it means something else. */
  zero?: string
}

function Knob({ label, value, min, max, step, digits, zero }: KnobOptions) {
  const shown = value.value === 0 && zero !== undefined ? zero : number(value.value, digits)
  return (
    <div class="knob">
      <span>
        {label} <b>{shown}</b>
      </span>
      <input
        type="range"
        aria-label={label}
        aria-valuetext={shown}
        value={value.value}
        min={min}
        max={max}
        step={step}
        onInput={({ currentTarget }) => {
          value.value = currentTarget.valueAsNumber
        }}
      />
    </div>
  )
}
