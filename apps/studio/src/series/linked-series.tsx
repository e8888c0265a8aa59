import { told } from '../faults'
import { FileChoice } from '../file-choice'
import { number, words } from '../language'
import { addressOf } from '../route'
import { cellLabels } from '../setup'
import { BaseMark } from '../train/setup-line'
import { series, takeSeries } from './chosen'
import type { SeriesLink, SeriesSetup } from './setup'

/** A training that a link is of, before its table is chosen, which the link does not hold. */
export function LinkedSeries({ link: { table, setup } }: { link: SeriesLink }) {
  const { series: t, cells } = words.value
  return (
    <>
      <div class="headline">
        <h1>{t.title(cells[setup.cell], setup.target.join(', '), table)}</h1>
        <div class="actions">
          <FileChoice label={t.choose(table)} accept=".csv,.tsv" take={([file]) => told(() => takeSeries(file))} />
          <button
            type="button"
            class="quiet"
            onClick={() => {
              location.hash = addressOf('train')
            }}
          >
            {t.backToTexts}
          </button>
        </div>
      </div>
      <SetupMarks setup={setup} />
      <p class="standing">{t.linked(table)}</p>
    </>
  )
}

/** What is forecast and by which model, in a line of small marks. */
export function SetupMarks(props: { setup: SeriesSetup; from?: string; change?: (() => void) | undefined }) {
  const { setup, from, change } = props
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
      {from !== undefined && (
        <BaseMark
          from={from}
          remove={() => {
            series.value = { ...series.value!, base: undefined }
          }}
        />
      )}
      {change && (
        <button type="button" class="mark-button" onClick={change}>
          {w.train.change}
        </button>
      )}
    </div>
  )
}
