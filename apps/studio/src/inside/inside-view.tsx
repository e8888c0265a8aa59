import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import type { ModelConfig } from 'unrolled/browser'
import { type Current, current } from '../current'
import { CurrentChoice } from '../current-choice'
import { beginningOf } from '../kept'
import { words } from '../language'
import { preparedText } from '../prepared'
import './inside.css'
import { Looks } from './looks'
import { visible } from './units'

/** Characters of its own text that a model reads. */
const SAMPLE = 90

/** What of a text the model leaves out, because it does not know it. */
function unknownIn(model: Current, text: string): string[] {
  const { vocab } = model
  const isKnown = (token: string) =>
    vocab.has(token) || vocab.split(preparedText(model, token)).some((one) => vocab.has(one))
  return [...new Set(vocab.split(text))].filter((token) => !isKnown(token))
}

/** Whether a model has what the formulas of this page lack. */
const isUnreadable = ({ layerNorm, projSize, peepholes }: ModelConfig): boolean =>
  Boolean(layerNorm || projSize || peepholes)

/** What a model does inside while it reads a text; live while it trains. */
export function InsideView() {
  const { inside: t, write } = words.value
  const typed = useSignal<string | undefined>(undefined)
  const own = useSignal<string | undefined>(undefined)
  const model = current.value
  const { kind, name } = model ?? {}
  // Until the reader types, a model of this page reads of the text that it is trained on.
  useEffect(() => {
    let wanted = true
    own.value = undefined
    if (kind === 'run' && name !== undefined) {
      void beginningOf(name, SAMPLE)
        .catch(() => undefined)
        .then((text) => {
          if (wanted) own.value = text
        })
    }
    return () => {
      wanted = false
    }
  }, [kind, name])
  const text = typed.value ?? own.value ?? t.sample
  const dropped = model ? unknownIn(model, text) : []
  return (
    <>
      <h1>{t.title}</h1>
      <CurrentChoice />
      {!model && <p class="soft">{t.none}</p>}
      {model && (
        <label class="reads">
          {t.text}
          <textarea
            rows={2}
            value={text}
            onInput={({ currentTarget }) => {
              typed.value = currentTarget.value
            }}
          />
        </label>
      )}
      {dropped.length > 0 && <p class="soft">{write.unknown(dropped.map(visible).join(' '))}</p>}
      {model &&
        (isUnreadable(model.config) || model.model.bidirectional ? (
          <p class="soft">{isUnreadable(model.config) ? t.unreadable : t.tooShort}</p>
        ) : (
          <Looks key={`${model.kind} ${model.name}`} model={model} text={text} />
        ))}
    </>
  )
}
