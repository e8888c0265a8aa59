import { useSignal } from '@preact/signals'
import { Choice } from '../choice'
import type { CurrentSeries } from '../current'
import { date, number, significant, words } from '../language'
import { Plot } from '../plot'
import { FaultNote } from '../problem'
import { GradientsBack } from './gradients-back'
import { useAnswer } from './inspector'
import { useLooks, usePlace } from './looks'
import type { ShownStep, ShownWindow } from './messages'
import { Units } from './units'
import { Weights } from './weights'

const value = (y: number): string => significant(y, 4)

/** What a model of series does inside while it reads a window. */
export function SeriesLooks({ model }: { model: CurrentSeries }) {
  const { inside: t } = words.value
  const inspector = useLooks(model)
  const place = usePlace()
  const series = useSignal(0)
  const target = useSignal(0)
  const known = useSignal<number | undefined>(undefined)
  const read = { series: series.value, known: known.value }
  const chosen = { layer: place.layer.value, signal: place.signal.value, target: target.value }
  const shown = useAnswer(inspector, 'window', { ...read, ...chosen })
  const fault = inspector.fault.value
  const end = shown && nameOf(shown, shown.steps.findLast(isKnown)!)
  return (
    <>
      {fault && <FaultNote fault={fault} />}
      {shown && (
        <>
          <div class="choice">
            {shown.series.length > 1 && (
              <Choice
                label={words.value.series.which}
                value={series.value}
                among={shown.series.map((name, i) => [i, name] as const)}
                choose={(one) => {
                  series.value = one
                  known.value = undefined
                }}
              />
            )}
            {shown.targets.length > 1 && (
              <Choice
                label={t.series.target}
                value={target.value}
                among={shown.targets.map((name, i) => [i, name] as const)}
                choose={(one) => {
                  target.value = one
                }}
              />
            )}
            <label class="known">
              {t.series.known} {end}
              <input
                type="range"
                min={shown.least}
                max={shown.most}
                value={known.value ?? shown.most}
                aria-valuetext={end}
                onInput={({ currentTarget }) => {
                  known.value = Number(currentTarget.value)
                }}
              />
            </label>
          </div>
          <Forecast shown={shown} target={shown.targets[target.value]} />
          <Units
            shown={shown}
            place={place}
            t={{ ...t, ...t.series }}
            spaced
            steps={shown.steps.map((step) => {
              const [name, text] = [nameOf(shown, step), value(step.forecast ?? step.truth!)]
              return { name, told: `${name}: ${text}`, text, ahead: !isKnown(step) }
            })}
          />
          <GradientsBack inspector={inspector} read={read} explained={t.series.gradientsExplained} />
          <Weights inspector={inspector} layers={shown.layers} />
        </>
      )}
    </>
  )
}

const isKnown = ({ forecast }: ShownStep): boolean => forecast === undefined

const nameOf = ({ dated }: ShownWindow, { x }: ShownStep): string => (dated ? date(x) : number(x))

/** The values that a model reads, and what it forecasts after them. */
function Forecast({ shown, target }: { shown: ShownWindow; target: string }) {
  const { inside, series: t } = words.value
  const { steps, dated } = shown
  const truth = steps.filter(({ truth }) => truth !== undefined)
  const ahead = steps.filter((step) => !isKnown(step))
  const last = ahead[ahead.length - 1]
  const lines = [
    { label: t.truth, steps: truth.map(({ x }) => x), values: truth.map(({ truth }) => truth!), colour: 1 },
    {
      ...{ label: t.predicted, steps: ahead.map(({ x }) => x), values: ahead.map(({ forecast }) => forecast!) },
      ...{ colour: 0, dashed: true, dots: ahead.length === 1 },
    },
  ]
  return (
    <section class="card">
      <h2>{t.forecast}</h2>
      <p class="explains">{inside.series.forecastExplained}</p>
      <Plot
        told={t.forecastTold(target, nameOf(shown, last), value(last.forecast!))}
        lines={lines}
        x={dated ? t.date : t.row}
        time={dated}
        value={value}
        linear
      />
    </section>
  )
}
