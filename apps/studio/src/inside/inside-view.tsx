import { useSignal } from '@preact/signals'
import { current } from '../current'
import { CurrentChoice } from '../current-choice'
import { words } from '../language'
import './inside.css'
import { Looks } from './looks'

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
        (model.config.layerNorm || model.model.bidirectional ? (
          <p class="soft">{model.config.layerNorm ? t.layerNorm : t.tooShort}</p>
        ) : (
          <Looks key={`${model.kind} ${model.name}`} model={model} text={text.value} />
        ))}
    </>
  )
}
