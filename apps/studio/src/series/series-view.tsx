import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { number, significant, words } from '../language'
import { Plot } from '../plot'
import { FaultNote } from '../problem'
import { cellLabels } from '../setup'
import { clock, FigureList } from '../train/figures'
import { series } from './chosen'
import { Errors } from './errors'
import { ForecastCard } from './forecast-card'
import { SeriesDialog } from './series-dialog'
import { beginSeries, type SeriesSession, seriesSession } from './session'
import type { SeriesSetup } from './setup'
import './series.css'

/** A training on a table of numbers, live, and what it forecasts. */
export function SeriesView() {
  const { series: t, cells } = words.value
  const chosen = series.value!
  const now = seriesSession.value?.chosen.text === chosen.text ? seriesSession.value : undefined
  const editing = useSignal(now === undefined)
  const training = now?.isTraining ?? false
  now?.tick.value
  // Another table is another question.
  useEffect(() => {
    if (!now) editing.value = true
  }, [chosen.text])
  const { setup } = training ? now! : chosen
  return (
    <>
      <div class="headline">
        <h1>{t.title(cells[setup.cell], setup.target.join(', '), chosen.name)}</h1>
        <Controls now={now} />
      </div>
      <SetupMarks
        setup={setup}
        change={
          training
            ? undefined
            : () => {
                editing.value = true
              }
        }
      />
      <Figures now={now} />
      {now && <Curve now={now} />}
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

function Controls({ now }: { now: SeriesSession | undefined }) {
  const { train: t, series: s } = words.value
  const state = now?.state.value
  const main = (text: string, act: () => void) => (
    <button type="button" class="main" onClick={act}>
      {text}
    </button>
  )
  const isOver = state === undefined || state === 'stopped' || state === 'done' || state === 'failed'
  return (
    <div class="actions">
      {state === 'running' && main(t.pause, () => now?.pause())}
      {state === 'paused' && main(t.goOn, () => now?.goOn())}
      {(state === 'running' || state === 'paused') && (
        <button type="button" onClick={() => now?.stop()}>
          {t.stop}
        </button>
      )}
      {isOver && main(now ? t.again : t.start, () => beginSeries(series.value!))}
      {isOver && (
        <button
          type="button"
          class="quiet"
          onClick={() => {
            series.value = undefined
          }}
        >
          {s.backToTexts}
        </button>
      )}
    </div>
  )
}

function SetupMarks({ setup, change }: { setup: SeriesSetup; change: (() => void) | undefined }) {
  const w = words.value
  const marks = [
    cellLabels[setup.cell],
    w.units(number(setup.hiddenSize)),
    w.layers(setup.numLayers),
    w.series.reads(number(setup.window!)),
    w.series.predicts(number(setup.horizon!)),
    ...(setup.features.length > 0 ? [w.series.sees(setup.features.join(', '))] : []),
    w.series.epochs(number(setup.epochs)),
  ]
  return (
    <div class="marks">
      {marks.map((mark) => (
        <span key={mark}>{mark}</span>
      ))}
      {change && (
        <button type="button" class="mark-button" onClick={change}>
          {w.train.change}
        </button>
      )}
    </div>
  )
}

/** A loss or an error, with as many digits as tell something. */
const shown = (value: number | undefined): string => (value === undefined ? '–' : significant(value, 3))

function Figures({ now }: { now: SeriesSession | undefined }) {
  const { series: t, train, faults } = words.value
  now?.tick.value
  const state = now?.state.value
  const figures = [
    [t.figures.error, shown(now?.loss)],
    [t.figures.heldOut, shown(now?.heldOut.last)],
    [t.figures.speed, now?.valuesPerSecond ? number(now.valuesPerSecond) : '–'],
    [train.figures.left, state === 'running' && now?.secondsLeft !== undefined ? clock(now.secondsLeft) : '–'],
  ] as const
  const isForecasting = now !== undefined && now.step === now.facts?.steps
  const says = {
    preparing: train.preparing,
    running: isForecasting
      ? t.forecasting
      : now?.epoch
        ? train.epoch(number(now.epoch), number(now.setup.epochs))
        : train.preparing,
    paused: train.paused,
    stopped: now?.result.value ? t.stopped : t.forecasting,
    done: t.done,
    failed: train.failed,
  }
  return (
    <section>
      <FigureList figures={figures} />
      <p class="standing" role="status">
        {state ? says[state] : t.ready}
        {now?.facts && ` · ${train.computedOn(now.facts.kernels, train.threads(now.facts.threads))}`}
      </p>
      {now && <p class="standing">{t.notKept}</p>}
      {now?.fault.value && <FaultNote fault={now.fault.value} />}
      {!crossOriginIsolated && <p class="standing">{faults.notIsolated()}</p>}
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
      <Plot told={t.curveIs(number(now.step), shown(now.loss), shown(heldOut.last))} lines={lines} value={shown} />
    </section>
  )
}
