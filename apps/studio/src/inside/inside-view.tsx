import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import type { ModelConfig } from 'unrolled/browser'
import { type CurrentText, current, isOfText } from '../current'
import { CurrentChoice } from '../current-choice'
import { beginningOf } from '../kept'
import { words } from '../language'
import { preparedText } from '../prepared'
import './inside.css'
import { SeriesLooks } from './series-looks'
import { TextLooks } from './text-looks'
import { visible } from './visible'

/** Characters of its own text that a model reads. */
const SAMPLE = 90

/** What of a text the model leaves out, because it does not know it. */
function unknownIn(model: CurrentText, text: string): string[] {
  const { vocab } = model
  const isKnown = (token: string) =>
    vocab.has(token) || vocab.split(preparedText(model, token)).some((one) => vocab.has(one))
  return [...new Set(vocab.split(text))].filter((token) => !isKnown(token))
}

/** Whether a model has what the formulas of this page lack. */
const isUnreadable = ({ layerNorm, projSize, peepholes }: ModelConfig): boolean =>
  Boolean(layerNorm || projSize || peepholes)

/** What a model does inside while it reads; live while it trains. */
export function InsideView() {
  const { inside: t } = words.value
  const model = current.value
  return (
    <>
      <h1>{t.title}</h1>
      <CurrentChoice series />
      {!model && <p class="soft">{t.none}</p>}
      {isOfText(model) ? <TextInside model={model} /> : model && <SeriesLooks key={model.name} model={model} />}
    </>
  )
}

/** What a model does inside while it reads a text. */
function TextInside({ model }: { model: CurrentText }) {
  const { inside: t, write } = words.value
  const typed = useSignal<string | undefined>(undefined)
  const own = useSignal<string | undefined>(undefined)
  const { kind, name } = model
  // Until the reader types, a model of this page reads of the text that it is trained on.
  useEffect(() => {
    let wanted = true
    own.value = undefined
    if (kind === 'run') {
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
  const dropped = unknownIn(model, text)
  return (
    <>
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
      {dropped.length > 0 && <p class="soft">{write.unknown(dropped.map(visible).join(' '))}</p>}
      {isUnreadable(model.config) || model.model.bidirectional ? (
        <p class="soft">{isUnreadable(model.config) ? t.unreadable : t.tooShort}</p>
      ) : (
        <TextLooks key={`${kind} ${name}`} model={model} text={text} />
      )}
    </>
  )
}
