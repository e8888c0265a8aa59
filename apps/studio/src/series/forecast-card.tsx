import { useSignal } from '@preact/signals'
import { useMemo } from 'preact/hooks'
import { Choice } from '../choice'
import { Coded } from '../coded'
import { give } from '../kept'
import { date, number, significant, words } from '../language'
import { numberOf } from '../number-field'
import { type Line, Plot } from '../plot'
import type { Point, SeriesResult, Truth } from './messages'
import type { SeriesSession } from './session'

const STEPS = { least: 1, most: 10_000, whole: true }

const label = ({ series, target }: Truth): string => [series, target].filter((part) => part !== '').join(', ')

const value = (y: number): string => significant(y, 4)

/** The forecast of each series with its interval, beside what is known, and the files of it. */
export function ForecastCard({ now, result }: { now: SeriesSession; result: SeriesResult }) {
  const { series: t } = words.value
  const at = useSignal(0)
  const steps = useSignal(String(now.setup.horizon))
  const forecast = now.forecast.value
  const truth = result.truths[at.value] ?? result.truths[0]
  const lines = useMemo(
    () => linesOf(truth, [...result.earlier, ...(forecast?.points ?? [])], t),
    [truth, forecast, result, t],
  )
  const base = now.chosen.file.name.replace(/\.\w+$/, '')
  const last = forecast?.points.findLast(({ series, target }) => series === truth.series && target === truth.target)
  const place = (x: number) => (result.dated ? date(x) : number(x))
  return (
    <section class="card">
      <h2>{t.forecast}</h2>
      <p class="soft">
        {result.earlier.length > 0 ? t.forecastIs(t.parts[result.part], number(now.setup.horizon!)) : t.afterEnd}{' '}
        {lines.some(({ filled }) => filled) ? t.intervalIs : t.noInterval}
      </p>
      {result.truths.length > 1 && (
        <Choice
          label={t.which}
          value={at.value}
          among={result.truths.map((one, i) => [i, label(one)] as const)}
          choose={(chosen) => {
            at.value = chosen
          }}
        />
      )}
      <Plot
        told={last ? t.forecastTold(label(truth), place(last.x), value(last.forecast)) : label(truth)}
        lines={lines}
        x={result.dated ? t.date : t.row}
        time={result.dated}
        value={value}
        linear
      />
      <div class="after-plot">
        <div class="actions">
          <form
            class="more"
            onSubmit={(event) => {
              event.preventDefault()
              const asked = numberOf(steps.value, STEPS)
              if (asked !== undefined) now.ask(asked)
            }}
          >
            <input
              type="number"
              aria-label={t.steps}
              value={steps.value}
              min={STEPS.least}
              max={STEPS.most}
              step={1}
              required
              onInput={({ currentTarget }) => {
                steps.value = currentTarget.value
              }}
            />
            <button type="submit">{t.ask}</button>
          </form>
          {forecast && (
            <button type="button" onClick={() => give(`${base} forecast.csv`, new TextEncoder().encode(forecast.csv))}>
              {t.saveForecast}
            </button>
          )}
          <button type="button" onClick={() => give(`${base} model.zip`, result.zip)}>
            {t.saveModel}
          </button>
        </div>
        <p class="standing">
          <Coded text={t.zipIs} />
        </p>
      </div>
    </section>
  )
}

/** The truth, the forecasts, and the ends of their intervals, as far as there are any. */
function linesOf(truth: Truth, all: readonly Point[], t: (typeof words.value)['series']): Line[] {
  const points = all.filter(({ series, target }) => series === truth.series && target === truth.target)
  const sure = points.filter(({ low }) => low !== undefined)
  const line = (label: string, of: readonly Point[], value: (point: Point) => number, rest: Partial<Line>): Line => ({
    ...{ label, steps: of.map(({ x }) => x), values: of.map(value), colour: 0 },
    ...rest,
  })
  const edge = { thin: true }
  return [
    { label: t.truth, steps: truth.x, values: truth.y, colour: 1 },
    line(t.predicted, points, ({ forecast }) => forecast, { dashed: true, dots: points.length === 1 }),
    ...(sure.length > 0
      ? [line(t.high, sure, ({ high }) => high!, { ...edge, filled: true }), line(t.low, sure, ({ low }) => low!, edge)]
      : []),
  ]
}
