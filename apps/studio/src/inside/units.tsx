import { type Signal, useSignal } from '@preact/signals'
import { Choice } from '../choice'
import { number, words } from '../language'
import { LayerChoice } from './layer-choice'
import { Matrix } from './matrix'
import { cssOf } from './palette'
import type { Reading } from './states'

/** A token as it can be seen: spaces and line ends are marks. */
export const visible = (token: string): string => token.replaceAll(' ', '␣').replaceAll('\n', '⏎')

/** The states of all units over a text, and the text in the colours of one unit. */
export function Units({ reading, position }: { reading: Reading; position: Signal<number> }) {
  const { inside: t } = words.value
  const layer = useSignal(0)
  const name = useSignal('h')
  const unit = useSignal(0)
  const { tokens, hiddenSize, layers, order } = reading
  const at = Math.min(layer.value, layers.length - 1)
  const signals = layers[at]
  const shown = name.value in signals ? name.value : 'h'
  const values = signals[shown]
  const rows = order[at]
  const sorted = new Float32Array(hiddenSize * tokens.length)
  rows.forEach(({ unit }, row) => {
    for (let i = 0; i < tokens.length; i++) sorted[row * tokens.length + i] = values[i * hiddenSize + unit]
  })
  const row = Math.max(
    0,
    rows.findIndex((one) => one.unit === unit.value),
  )
  // Gates are between 0 and 1, and the state c has no bound.
  const scale = shown === 'c' ? Math.max(1e-6, ...Array.from(sorted, Math.abs)) : 1
  return (
    <section class="card">
      <h2>{t.units}</h2>
      <p class="explains">{t.unitsExplained}</p>
      <div class="choice">
        <LayerChoice of={layers.length} value={at} choose={(chosen) => (layer.value = chosen)} />
        <Choice
          label={t.signal}
          value={shown}
          among={Object.keys(signals).map((key) => [key, t.signals[key as keyof typeof t.signals]])}
          choose={(key) => (name.value = key)}
        />
        <Choice
          label={t.unit}
          value={unit.value}
          among={rows.map(({ unit, reactsTo }) => [unit, t.reacts(number(unit), visible(reactsTo))])}
          choose={(chosen) => (unit.value = chosen)}
        />
      </div>
      <Matrix
        values={sorted}
        rows={hiddenSize}
        columns={tokens.length}
        scale={scale}
        told={t.heatMap(number(hiddenSize), number(tokens.length))}
        placeName={(r, c) => `${t.reacts(number(rows[r].unit), visible(rows[r].reactsTo))}, ‘${visible(tokens[c])}’`}
        picked={row}
        pick={(r, c) => {
          unit.value = rows[r].unit
          position.value = c
        }}
      />
      <p class="coloured">
        {tokens.map((token, i) => {
          const value = values[i * hiddenSize + unit.value] / scale
          return (
            <button
              key={i}
              type="button"
              aria-pressed={position.value === i}
              aria-label={`${visible(token)} ${number(value * scale, 2)}`}
              ref={(mark) => {
                // Styles are set here because the policy of the page refuses them in the markup.
                mark?.style.setProperty('--value', cssOf(value))
                mark?.classList.toggle('strong', Math.abs(value) > 0.55)
              }}
              onClick={() => (position.value = i)}
            >
              {token === '\n' ? '⏎' : token}
            </button>
          )
        })}
      </p>
    </section>
  )
}
