import { type DroppedFile, type LoadedModel, savedModels, savedRuns } from 'unrolled/browser'
import { base } from '../base'
import { current, type Kind, keptChanges, liveTrainer, loadRun, takeModel, takeRun } from '../current'
import { told } from '../faults'
import { FileChoice } from '../file-choice'
import { beginWithSeries, forecastTable, forecastWith, goOnWith } from '../go-on'
import { download, give, type KeptRun, type OpenedForecaster } from '../kept'
import { number, words } from '../language'
import { addressOf } from '../route'
import { asked } from '../series/asked'
import { series } from '../series/chosen'
import { session } from '../session'
import { measured } from '../train/figures'
import { Go } from './go'
import { SaveAs } from './save-as'

interface RunRowOptions {
  run: KeptRun
  compared: boolean
  compare: (on: boolean) => void
}

/** A training that the browser keeps. */
export function RunRow({ run, compared, compare }: RunRowOptions) {
  const { library: t } = words.value
  const { name, kind, hasModel, unfinished, epochs } = run
  const now = session.value?.name === name ? session.value : undefined
  now?.tick.value
  const isShown = now !== undefined
  const isLive = kind === 'text' && liveTrainer({ kind: 'run', name }) !== undefined
  // A training of this page is ahead of what the browser keeps.
  const epoch = now?.epoch || run.epoch
  const reached = (kind === 'series' ? now?.loss : now?.perplexity) ?? run.reached
  const heldOut = now?.heldOut.last ?? run.heldOut
  const shown = measured(kind)
  return (
    <li class="card run">
      <label class="flag">
        <input
          type="checkbox"
          aria-label={t.compare(name)}
          checked={compared}
          onChange={({ currentTarget }) => compare(currentTarget.checked)}
        />
        <strong>{name}</strong>
      </label>
      <span class="soft">
        {t.standings[kind](number(epoch), shown(reached))}
        {heldOut !== undefined && `, ${t.heldOut(shown(heldOut))}`}
        {/* Of a training that goes on in this page, the model is saved as it is now. */}
        {!isLive && run.best !== undefined && run.best !== run.epoch && ` · ${t.saved(number(run.best))}`}
      </span>
      <div class="actions">
        {now && (
          <Go
            to="train"
            text={t.show}
            first={async () => {
              now.choose()
              return true
            }}
          />
        )}
        {!isShown && unfinished && <Go to="train" text={t.goOn} first={() => goOnWith(name)} />}
        {hasModel && !unfinished && epochs > 0 && (
          <Go
            to="train"
            text={t.moreEpochs(number(epochs))}
            first={() => goOnWith(name, { epochs: run.epoch + epochs })}
          />
        )}
        {hasModel && kind === 'series' && <SeriesActions name={name} isShown={isShown} />}
        {hasModel && kind === 'text' && (
          <ModelActions name={name} load={() => loadRun(name)} take={() => takeRun(name)} />
        )}
        <Remove kind="run" name={name} remove={() => savedRuns.remove(name)} />
      </div>
    </li>
  )
}

/** A model that the browser keeps. */
export function ModelRow({ name }: { name: string }) {
  return (
    <li class="card run">
      <strong>{name}</strong>
      <div class="actions">
        <ModelActions name={name} load={() => savedModels.load(name)} take={() => takeModel(name)} />
        <Remove kind="model" name={name} remove={() => savedModels.remove(name)} />
      </div>
    </li>
  )
}

/** A model of series that the browser keeps, with what it forecasts; it asks for a table, and may be given another. */
export function ForecasterRow({ name, opened }: { name: string; opened: OpenedForecaster }) {
  const { library: t } = words.value
  const { targets, columns, dated, window, horizon, table } = opened
  const needed = [...columns, ...(dated ? [t.dates] : [])].join(', ')
  const take = async (file: DroppedFile) => {
    if (await forecastTable(name, file)) location.hash = addressOf('train')
  }
  return (
    <li class="card run">
      <strong>{name}</strong>
      <span class="soft">
        {t.forecasts(targets.join(', '), needed, number(window), number(horizon))}{' '}
        {table === undefined ? t.needsTable : t.hasTable(table)}
      </span>
      <div class="actions">
        {table !== undefined && <SeriesActions name={name} isShown={false} />}
        <FileChoice
          label={table === undefined ? t.chooseTable : t.otherTable}
          accept=".csv,.tsv"
          take={([file]) => take(file)}
        />
        <Remove kind="run" name={name} remove={() => savedRuns.remove(name)} />
      </div>
    </li>
  )
}

/** What can be done with a kept model of series that has a table. */
function SeriesActions({ name, isShown }: { name: string; isShown: boolean }) {
  const { library: t, series: s } = words.value
  const save = async () => give(`${name}.zip`, await asked('zip', { run: name }))
  return (
    <>
      {!isShown && <Go to="train" text={s.forecast} first={() => forecastWith(name)} />}
      <Go to="inside" text={t.look} first={() => takeRun(name)} />
      <Go to="train" text={t.beginWith} first={() => beginWithSeries(name)} />
      <SaveAs name={name} formats={['zip']} save={save} />
    </>
  )
}

/** What can be done with a model. */
function ModelActions(model: { name: string; load: () => Promise<LoadedModel>; take: () => Promise<boolean> }) {
  const { library: t } = words.value
  const { name, load, take } = model
  const begin = () =>
    told(async () => {
      base.value = { name, ...(await load()) }
      series.value = undefined
    }, name)
  return (
    <>
      <Go to="inside" text={t.look} first={take} />
      <Go to="write" text={t.write} first={take} />
      <Go to="train" text={t.beginWith} first={begin} />
      <SaveAs name={name} save={(format) => download(name, load, format)} />
    </>
  )
}

/** Removes something for good, after a question. */
function Remove({ kind, name, remove }: { kind: Kind; name: string; remove: () => Promise<void> }) {
  const { library: t } = words.value
  return (
    <button
      type="button"
      class="quiet"
      onClick={() =>
        told(async () => {
          if (!confirm(t.really(name))) return
          await remove()
          if (current.value?.kind === kind && current.value.name === name) current.value = undefined
          keptChanges.value++
        }, name)
      }
    >
      {t.remove}
    </button>
  )
}
