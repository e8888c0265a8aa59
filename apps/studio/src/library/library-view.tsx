import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { savedRuns } from 'unrolled/browser'
import { exportFormats } from 'unrolled/config'
import { takeRun } from '../current'
import { download, historyOf, type KeptRun, keptRuns, type Saved } from '../kept'
import { number, words } from '../language'
import { addressOf } from '../route'
import { goOnWith, session } from '../session'
import { perplexity } from '../train/figures'
import { Comparison } from './comparison'
import './library.css'
import { MachineRuns } from './machine-runs'

/** What a model is saved as: all but .keras, which is HDF5, and the page leaves that out. */
const formats = ['zip', ...Object.keys(exportFormats).filter((format) => format !== 'keras')]

/** The trainings that the browser keeps, with what can be done with each. */
export function LibraryView() {
  const { library: t } = words.value
  const runs = useSignal<KeptRun[] | undefined>(undefined)
  const failed = useSignal<string | undefined>(undefined)
  const compared = useSignal<readonly string[]>([])
  const told = async (work: () => Promise<void>) => {
    try {
      failed.value = undefined
      await work()
    } catch (error) {
      failed.value = (error as Error).message
    }
  }
  const list = () =>
    told(async () => {
      runs.value = await keptRuns()
    })
  useEffect(() => void list(), [session.value])
  const compare = (name: string, on: boolean) => {
    compared.value = on ? [...compared.value, name] : compared.value.filter((other) => other !== name)
  }
  return (
    <>
      <h1>{t.title}</h1>
      <p class="standing">{t.where}</p>
      {failed.value && (
        <p class="bad" role="alert">
          {failed.value}
        </p>
      )}
      {runs.value?.length === 0 && <p class="soft">{t.empty}</p>}
      <ul class="runs">
        {runs.value?.map((run) => (
          <Run
            key={run.name}
            run={run}
            compared={compared.value.includes(run.name)}
            compare={(on) => compare(run.name, on)}
            told={told}
            changed={list}
          />
        ))}
      </ul>
      {compared.value.length > 0 && (
        <Comparison runs={compared.value.map((name) => ({ name, history: () => historyOf(name) }))} />
      )}
      <MachineRuns />
    </>
  )
}

interface RunRow {
  run: KeptRun
  compared: boolean
  compare: (on: boolean) => void
  /** Does something and shows its error. */
  told: (work: () => Promise<void>) => Promise<void>
  /** Lists the runs again. */
  changed: () => Promise<void>
}

function Run({ run, compared, compare, told, changed }: RunRow) {
  const { library: t } = words.value
  const { name } = run
  const isShown = session.value?.name === name
  return (
    <li class="card run">
      <label class="flag">
        <input type="checkbox" checked={compared} onChange={({ currentTarget }) => compare(currentTarget.checked)} />
        <strong>{name}</strong>
      </label>
      <span class="soft">
        {t.standing(number(run.epoch), perplexity(run.perplexity))}
        {run.heldOut !== undefined && `, ${t.heldOut(perplexity(run.heldOut))}`}
      </span>
      <div class="actions">
        <a
          class="button"
          href={addressOf('train')}
          onClick={() => {
            if (!isShown) void goOnWith(name)
          }}
        >
          {isShown ? t.show : t.goOn}
        </a>
        <a class="button" href={addressOf('write')} onClick={() => takeRun(name)}>
          {t.write}
        </a>
        <select
          aria-label={t.save(name)}
          value=""
          onChange={({ currentTarget }) => {
            const format = currentTarget.value as Saved
            currentTarget.value = ''
            void told(() => download(name, format))
          }}
        >
          <option value="">{t.saveAs}</option>
          {formats.map((format) => (
            <option key={format} value={format}>
              {format}
            </option>
          ))}
        </select>
        <button
          type="button"
          class="quiet"
          onClick={() =>
            told(async () => {
              if (!confirm(t.really(name))) return
              await savedRuns.remove(name)
              compare(false)
              await changed()
            })
          }
        >
          {t.remove}
        </button>
      </div>
    </li>
  )
}
