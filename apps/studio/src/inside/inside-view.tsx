import { useComputed, useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import type { ModelConfig } from 'unrolled/browser'
import { current, takeAgain } from '../current'
import { CurrentChoice } from '../current-choice'
import { words } from '../language'
import { session } from '../session'
import { GradientsBack } from './gradients-back'
import './inside.css'
import { NextTokens } from './next-tokens'
import { readText } from './states'
import { Units } from './units'
import { Weights } from './weights'

/** Least milliseconds between two looks at a model that is training. */
const PACE = 1500

/** How many times longer than a look takes the page rests after it, so that it leaves the processors to the training. */
const REST = 9

/** Whether a model has what the formulas of this page lack. */
const isUnreadable = ({ layerNorm, projSize, peepholes }: ModelConfig): boolean =>
  Boolean(layerNorm || projSize || peepholes)

/** What a model does inside while it reads a text; live while it trains. */
export function InsideView() {
  const { inside: t } = words.value
  const text = useSignal(t.sample)
  const position = useSignal(0)
  const model = current.value
  const cell = model?.config.cell
  const now = session.value
  const live = model?.kind === 'run' && now?.name === model.name && now.state.value === 'running'
  useEffect(() => {
    if (!live) return
    let timer: ReturnType<typeof setTimeout>
    let asked = true
    const look = async () => {
      const begin = performance.now()
      if (!document.hidden) await takeAgain(now.name)
      // What was taken is drawn before the next task.
      requestAnimationFrame(() =>
        setTimeout(() => {
          if (asked) timer = setTimeout(look, Math.max(PACE, REST * (performance.now() - begin)))
        }),
      )
    }
    timer = setTimeout(look, PACE)
    return () => {
      asked = false
      clearTimeout(timer)
    }
  }, [live, now])
  const reading = useComputed(() => {
    const { value } = current
    if (!value || isUnreadable(value.config) || value.model.bidirectional) return undefined
    const { clean, lowercase } = value.config.training ?? {}
    const typed = clean || lowercase ? text.value.toLowerCase() : text.value
    const found = readText(value, typed)
    return found.tokens.length > 1 ? found : undefined
  }).value
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
      {model && !reading && <p class="soft">{isUnreadable(model.config) ? t.unreadable : t.tooShort}</p>}
      {model && reading && (
        <>
          <Units reading={reading} position={position} />
          <NextTokens reading={reading} model={model} position={Math.min(position.value, reading.tokens.length - 1)} />
          <GradientsBack model={model} reading={reading} />
          {cell && cell !== 'mingru' && cell !== 'minlstm' && <Weights model={model} cell={cell} />}
        </>
      )}
    </>
  )
}
