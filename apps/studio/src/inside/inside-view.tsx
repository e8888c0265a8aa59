import { useSignal } from '@preact/signals'
import type { ModelConfig } from 'unrolled/browser'
import { current } from '../current'
import { CurrentChoice } from '../current-choice'
import { words } from '../language'
import './inside.css'
import { Looks } from './looks'

/** Whether a model has what the formulas of this page lack. */
const isUnreadable = ({ layerNorm, projSize, peepholes }: ModelConfig): boolean =>
  Boolean(layerNorm || projSize || peepholes)

/** What a model does inside while it reads a text; live while it trains. */
export function InsideView() {
  const { inside: t } = words.value
  const text = useSignal(t.sample)
  const model = current.value
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
            value={text.value}
            onInput={({ currentTarget }) => {
              text.value = currentTarget.value
            }}
          />
        </label>
      )}
      {model &&
        (isUnreadable(model.config) || model.model.bidirectional ? (
          <p class="soft">{isUnreadable(model.config) ? t.unreadable : t.tooShort}</p>
        ) : (
          <Looks key={`${model.kind} ${model.name}`} model={model} text={text.value} />
        ))}
    </>
  )
}
