import { useSignal } from '@preact/signals'
import { useLayoutEffect } from 'preact/hooks'
import { number, words } from '../language'
import { Plot } from '../plot'
import { Controls } from '../train/controls'
import { clock, error, FigureList, Standing } from '../train/figures'
import { series } from './chosen'
import { Errors } from './errors'
import { ForecastCard } from './forecast-card'
import { SetupMarks } from './linked-series'
import { SeriesDialog } from './series-dialog'
import { beginSeries, type SeriesSession, seriesSession } from './session'
import { queryOf } from './setup'
import './series.css'

/** A training on a table of numbers, live, and what it forecasts. */
export function SeriesView() {
  const { series: t, cells } = words.value
  const chosen = series.value!
  const now = seriesSession.value
  const editing = useSignal(false)
  const training = now?.isTraining ?? false
  now?.tick.value
  // Another table is another question.
  useLayoutEffect(() => {
    if (chosen.isNew) editing.value = true
  }, [chosen.file])
  const { setup } = training ? now! : chosen
  const start = (changed: { lr?: number } = {}) => {
    series.value = { ...chosen, setup: { ...setup, ...changed } }
    return beginSeries(series.value)
  }
  return (
    <>
      <div class="headline">
        <h1>{t.title(cells[setup.cell], setup.target.join(', '), chosen.file.name)}</h1>
        <Controls now={now} start={start} query={queryOf(chosen.file.name, setup)}>
          <button
            type="button"
            class="quiet"
            onClick={() => {
              series.value = undefined
            }}
          >
            {t.backToTexts}
          </button>
        </Controls>
      </div>
      <SetupMarks
        setup={setup}
        from={training ? undefined : chosen.base?.name}
        change={
          training
            ? undefined
            : () => {
                editing.value = true
              }
        }
      />
      <Figures now={now} />
      {now && !now.isOpened && <Curve now={now} />}
      {now?.result.value && <ForecastCard now={now} result={now.result.value} />}
      {now?.result.value && <Errors result={now.result.value} />}
      {editing.value && (
        <SeriesDialog
          chosen={chosen}
          close={() => {
            editing.value = false
          }}
        />
      )}
    </>
  )
}

function Figures({ now }: { now: SeriesSession | undefined }) {
  const { series: t, train } = words.value
  now?.tick.value
  const state = now?.state.value
  const figures = [
    [t.figures.error, error(now?.loss)],
    [t.figures.heldOut, error(now?.heldOut.last)],
    [t.figures.speed, now?.itemsPerSecond ? number(now.itemsPerSecond) : '–'],
    [train.figures.left, state === 'running' && now?.secondsLeft !== undefined ? clock(now.secondsLeft) : '–'],
  ] as const
  const forecasts = now?.result.value !== undefined || now?.fault.value !== undefined
  const says = {
    preparing: train.preparing,
    running: now?.epoch ? train.epoch(number(now.epoch), number(now.setup.epochs)) : train.preparing,
    paused: train.paused,
    stopped: forecasts ? t.stopped : t.forecasting,
    done: !forecasts ? t.forecasting : now?.isOpened ? t.opened : train.done,
    failed: now?.fault.value?.kind === 'inUse' ? train.elsewhere : train.failed,
  }
  return (
    <section>
      {!now?.isOpened && <FigureList figures={figures} />}
      <Standing now={now} says={state ? says[state] : t.ready} />
    </section>
  )
}

function Curve({ now }: { now: SeriesSession }) {
  const { series: t } = words.value
  now.tick.value
  const { trained, heldOut } = now
  const lines = [
    { label: t.training, steps: trained.steps, values: trained.values, colour: 0 },
    { label: t.heldOutPart, steps: heldOut.steps, values: heldOut.values, colour: 1, dashed: true },
  ]
  return (
    <section class="card">
      <h2>{t.curve}</h2>
      <Plot told={t.curveIs(number(now.step), error(now.loss), error(heldOut.last))} lines={lines} value={error} />
    </section>
  )
}
