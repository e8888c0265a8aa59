import { type Signal, useSignal } from '@preact/signals'
import { Choice } from '../choice'
import { number, words } from '../language'
import { LayerChoice } from './layer-choice'
import { Matrix } from './matrix'
import type { ShownReading } from './messages'
import { cssOf } from './palette'

/** A token as it can be seen: spaces and line ends are marks. */
export const visible = (token: string): string => token.replaceAll(' ', '␣').replaceAll('\n', '⏎')

interface UnitsOptions {
  reading: ShownReading
  numLayers: number
  layer: Signal<number>
  /** The signal that is shown. */
  shown: Signal<string>
  position: Signal<number>
}

/** The states of all units over a text, and the text in the colours of one unit. */
export function Units({ reading, numLayers, layer, shown, position }: UnitsOptions) {
  const { inside: t } = words.value
  const unit = useSignal(0)
  const { tokens, signals, signal, rows, values, scale } = reading
  const row = Math.max(
    0,
    rows.findIndex((one) => one.unit === unit.value),
  )
  return (
    <section class="card">
      <h2>{t.units}</h2>
      <p class="explains">{t.unitsExplained}</p>
      <div class="choice">
        <LayerChoice of={numLayers} value={layer.value} choose={(chosen) => (layer.value = chosen)} />
        <Choice
          label={t.signal}
          value={signal}
          among={signals.map((key) => [key, t.signals[key as keyof typeof t.signals]])}
          choose={(key) => (shown.value = key)}
        />
        <Choice
          label={t.unit}
          value={unit.value}
          among={rows.map(({ unit, reactsTo }) => [unit, t.reacts(number(unit), visible(reactsTo))])}
          choose={(chosen) => (unit.value = chosen)}
        />
      </div>
      <Matrix
        values={values}
        rows={rows.length}
        columns={tokens.length}
        scale={scale}
        told={t.heatMap(number(rows.length), number(tokens.length))}
        placeName={(r, c) => `${t.reacts(number(rows[r].unit), visible(rows[r].reactsTo))}, ‘${visible(tokens[c])}’`}
        picked={row}
        pick={(r, c) => {
          unit.value = rows[r].unit
          position.value = c
        }}
      />
      <p class="coloured">
        {tokens.map((token, i) => {
          const value = values[row * tokens.length + i] / scale
          const colour = cssOf(value)
          return (
            <button
              key={i}
              type="button"
              aria-pressed={position.value === i}
              aria-label={`${visible(token)} ${number(value * scale, 2)}`}
              ref={(mark) => {
                // Styles are set here because the policy of the page refuses them in the markup.
                mark?.style.setProperty('--value', colour)
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
