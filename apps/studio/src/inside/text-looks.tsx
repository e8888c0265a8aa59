import type { CurrentText } from '../current'
import { words } from '../language'
import { FaultNote } from '../problem'
import { GradientsBack } from './gradients-back'
import { useAnswer } from './inspector'
import { useLooks, usePlace } from './looks'
import { NextTokens } from './next-tokens'
import { Units } from './units'
import { visible } from './visible'
import { Weights } from './weights'

/** What a model of texts does inside while it reads a text. */
export function TextLooks({ model, text }: { model: CurrentText; text: string }) {
  const { inside: t } = words.value
  const inspector = useLooks(model)
  const place = usePlace()
  const reading = useAnswer(inspector, 'text', { text, layer: place.layer.value, signal: place.signal.value })
  const fault = inspector.fault.value
  return (
    <>
      {fault && <FaultNote fault={fault} />}
      {reading && reading.tokens.length < 2 && <p class="soft">{t.tooShort}</p>}
      {reading && reading.tokens.length > 1 && (
        <>
          <Units
            shown={reading}
            place={place}
            t={t}
            steps={reading.tokens.map((token) => ({
              ...{ name: visible(token), told: `‘${visible(token)}’`, text: token === '\n' ? '⏎' : token },
            }))}
          />
          <NextTokens reading={reading} position={place.step} />
          <GradientsBack inspector={inspector} read={{ text }} explained={t.gradientsExplained} />
          <Weights inspector={inspector} layers={reading.layers} />
        </>
      )}
    </>
  )
}
