import { useSignal } from '@preact/signals'
import { useLayoutEffect, useRef } from 'preact/hooks'
import { calendarNames } from 'unrolled/config'
import { Choice } from '../choice'
import { words } from '../language'
import { NumberField, numberOf } from '../number-field'
import { cellLabels, isMinimal, kinds } from '../setup'
import { type ChosenSeries, series } from './chosen'
import { fixed, type NumberName, ranges, type SeriesSetup } from './setup'

const numbers = Object.keys(ranges) as NumberName[]

/** The dialog that changes what of a table is forecast, and how. */
export function SeriesDialog({ chosen, close }: { chosen: ChosenSeries; close: () => void }) {
  const { series: t, setup: s } = words.value
  const dialog = useRef<HTMLDialogElement>(null)
  const draft = useSignal<SeriesSetup>(chosen.setup)
  const texts = useSignal<Record<string, string>>(
    Object.fromEntries(numbers.map((name) => [name, String(chosen.setup[name])])),
  )
  const wrong = useSignal<string | undefined>(undefined)
  useLayoutEffect(() => dialog.current?.showModal(), [])
  const set = (changed: Partial<SeriesSetup>) => {
    draft.value = { ...draft.value, ...changed }
  }
  const { target, features, dateColumn, seriesColumn, gaps, calendar, cell } = draft.value
  const { base } = chosen
  const columns = chosen.columns.map(({ name }) => name).filter(Boolean)
  // Those with commas are refused, and then told.
  const numeric = chosen.columns.filter(({ kind }) => kind === 'number' || kind === 'comma').map(({ name }) => name)
  const dated = dateColumn !== undefined || chosen.columns.some(({ kind }) => kind === 'date')
  const apply = (event: Event) => {
    event.preventDefault()
    const found = numbers.map((name) => [name, numberOf(texts.value[name], ranges[name])] as const)
    const bad = found.find(([, value]) => value === undefined)?.[0]
    wrong.value = target.length === 0 ? t.target : bad && t.numbers[bad]
    if (wrong.value !== undefined) return
    const read = { ...draft.value, features: features.filter((name) => !target.includes(name)) }
    series.value = { ...chosen, setup: { ...read, ...Object.fromEntries(found) }, isNew: false }
    close()
  }
  const fields = (names: readonly NumberName[]) =>
    names
      .filter((name) => !base || !(fixed as readonly string[]).includes(name))
      .map((name) => (
        <NumberField
          key={name}
          label={t.numbers[name]}
          text={texts.value[name]}
          range={ranges[name]}
          set={(text) => {
            texts.value = { ...texts.value, [name]: text }
          }}
        />
      ))
  const column = (
    label: string,
    value: string | undefined,
    none: string,
    choose: (name: string | undefined) => void,
  ) => (
    <Choice
      label={label}
      value={value ?? ''}
      among={[['', none] as const, ...columns.map((name) => [name, name] as const)]}
      choose={(name) => choose(name || undefined)}
    />
  )
  return (
    <dialog ref={dialog} class="setup" aria-labelledby="series-title" onClose={close}>
      <form onSubmit={apply}>
        <h1 id="series-title">{t.what(chosen.file.name)}</h1>
        {base ? (
          <p class="soft">{t.fixed(base.name)}</p>
        ) : (
          <>
            <Checks legend={t.target} names={numeric} on={target} change={(target) => set({ target })} />
            <Checks
              legend={t.features}
              names={numeric.filter((name) => !target.includes(name))}
              on={features}
              change={(features) => set({ features })}
            />
          </>
        )}
        <div class="fields">
          {!base && column(t.dateColumn, dateColumn, t.byName, (dateColumn) => set({ dateColumn }))}
          {!base && column(t.seriesColumn, seriesColumn, t.oneSeries, (seriesColumn) => set({ seriesColumn }))}
          <Choice
            label={t.gaps}
            value={gaps!}
            among={[['refuse', t.refuse] as const, ['interpolate', t.interpolate] as const]}
            choose={(gaps) => set({ gaps })}
          />
          {fields(['window', 'horizon', 'validation', 'test'])}
        </div>
        <p class="soft">{t.shares}</p>
        {dated && !base && (
          <Checks
            legend={t.calendar}
            names={calendarNames}
            shown={t.calendars}
            on={calendar ?? []}
            change={(chosen) => set({ calendar: calendarNames.filter((name) => chosen.includes(name)) })}
            first={{
              label: t.usual,
              on: calendar === undefined,
              change: (on) => set({ calendar: on ? undefined : [] }),
            }}
          />
        )}
        <div class="fields">
          {!base && (
            <Choice
              label={s.cell}
              value={cell}
              among={kinds.cell.map((name) => [name, cellLabels[name]] as const)}
              choose={(cell) => set({ cell })}
            />
          )}
          {fields(['hiddenSize', 'numLayers', 'epochs', 'lr', 'batchSize', 'seed'])}
        </div>
        {!base && isMinimal(cell) && <p class="soft">{s.minimal}</p>}
        {wrong.value !== undefined && (
          <p class="bad" role="alert">
            {s.wrong(wrong.value)}
          </p>
        )}
        <div class="actions">
          <button type="submit" class="main">
            {s.apply}
          </button>
          <button type="button" onClick={close}>
            {s.cancel}
          </button>
        </div>
      </form>
    </dialog>
  )
}

interface ChecksOptions<T extends string> {
  legend: string
  names: readonly T[]
  shown?: Readonly<Record<T, string>>
  on: readonly T[]
  change: (on: T[]) => void
  /** A choice that stands for all others. */
  first?: { label: string; on: boolean; change: (on: boolean) => void }
}

/** Any of several names. */
function Checks<T extends string>({ legend, names, shown, on, change, first }: ChecksOptions<T>) {
  if (names.length === 0) return null
  return (
    <fieldset class="checks">
      <legend>{legend}</legend>
      {first && <Check label={first.label} on={first.on} change={first.change} />}
      {names.map((name) => (
        <Check
          key={name}
          label={shown?.[name] ?? name}
          on={on.includes(name)}
          disabled={first?.on}
          change={(isOn) => change(isOn ? [...on, name] : on.filter((other) => other !== name))}
        />
      ))}
    </fieldset>
  )
}

interface CheckOptions {
  label: string
  on: boolean
  disabled?: boolean
  change: (on: boolean) => void
}

const Check = ({ label, on, disabled, change }: CheckOptions) => (
  <label>
    <input
      type="checkbox"
      checked={on}
      disabled={disabled}
      onChange={({ currentTarget }) => change(currentTarget.checked)}
    />
    {label}
  </label>
)
