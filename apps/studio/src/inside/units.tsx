import { Choice } from '../choice'
import { number } from '../language'
import type { Words } from '../words/english'
import { LayerChoice } from './layer-choice'
import type { Place } from './looks'
import { Matrix } from './matrix'
import type { ShownUnits } from './messages'
import { cssOf } from './palette'

interface UnitsOptions {
  shown: ShownUnits
  place: Place
  /** The steps: what a unit reacts to is named by, what the pointer tells, what is coloured, and whether it is forecast. */
  steps: readonly { name: string; told: string; text: string; ahead?: boolean }[]
  /** Whether steps are words of their own, and not the characters of a text. */
  spaced?: boolean
  t: Omit<Words['inside'], 'series'>
}

/** The states of all units over what is read, and what is read in the colours of one unit. */
export function Units({ shown, place, steps, spaced, t }: UnitsOptions) {
  const { signals, signal, rows, values, scale, layers } = shown
  const { layer, unit, step } = place
  const row = Math.max(
    0,
    rows.findIndex((one) => one.unit === unit.value),
  )
  const unitName = ({ unit, step }: ShownUnits['rows'][number]) => t.reacts(number(unit), steps[step].name)
  return (
    <section class="card">
      <h2>{t.units}</h2>
      <p class="explains">{t.unitsExplained}</p>
      <div class="choice">
        <LayerChoice of={layers.numLayers} value={layer.value} choose={(chosen) => (layer.value = chosen)} />
        <Choice
          label={t.signal}
          value={signal}
          among={signals.map((key) => [key, t.signals[key as keyof typeof t.signals]])}
          choose={(key) => (place.signal.value = key)}
        />
        <Choice
          label={t.unit}
          value={unit.value}
          among={rows.map((one) => [one.unit, unitName(one)])}
          choose={(chosen) => (unit.value = chosen)}
        />
      </div>
      <Matrix
        values={values}
        rows={rows.length}
        columns={steps.length}
        scale={scale}
        told={t.heatMap(number(rows.length), number(steps.length))}
        placeName={(r, c) => `${unitName(rows[r])}, ${steps[c].told}`}
        picked={row}
        pick={(r, c) => {
          unit.value = rows[r].unit
          step.value = c
        }}
      />
      <p class={`coloured ${spaced ? 'spaced' : ''}`}>
        {steps.map(({ told, text, ahead }, i) => {
          const value = values[row * steps.length + i] / scale
          const colour = cssOf(value)
          return (
            <button
              key={i}
              type="button"
              aria-pressed={step.value === i}
              aria-label={`${told} ${number(value * scale, 2)}`}
              ref={(mark) => {
                // Styles are set here because the policy of the page refuses them in the markup.
                mark?.style.setProperty('--value', colour)
                mark?.classList.toggle('strong', Math.abs(value) > 0.55)
                mark?.classList.toggle('ahead', ahead)
              }}
              onClick={() => (step.value = i)}
            >
              {text}
            </button>
          )
        })}
      </p>
    </section>
  )
}
