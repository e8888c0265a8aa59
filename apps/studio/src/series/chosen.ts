import { signal } from '@preact/signals'
import type { DroppedFile, Forecaster } from 'unrolled/browser'
import { FaultError, faultOf } from '../faults'
import { addressOf, route } from '../route'
import { asked } from './asked'
import type { Answers, Questions, Table } from './messages'
import { columnsOf, linked, type SeriesSetup, setupFor } from './setup'

/** A table of numbers to be forecast, which stays in this page. */
export interface ChosenSeries extends Table {
  /** What of it is trained on, and how. */
  setup: SeriesSetup
  /** Whether nobody has said what of it is to be forecast. */
  isNew: boolean
  /** A kept model that the next training begins with; what it fixes of the setup is as in its own. */
  base?: { name: string; model: Forecaster } | undefined
  /** Its view, which is loaded with the first table. */
  View: () => preact.JSX.Element
}

/** The table that is trained on in place of a text. */
export const series = signal<ChosenSeries | undefined>(undefined)

/** The table that is being read, and how much of it is; nothing as long as that takes no time. */
export const reading = signal<{ name: string; share: number } | undefined>(undefined)

/** Whether a file is a table, by its name. */
export const isSeries = (name: string): boolean => /\.(csv|tsv)$/i.test(name)

/** What was asked for last. */
let latest = {}

/** A table, read in a worker; undefined if another one was asked for in the meantime. */
export async function tableFrom<K extends 'table' | 'kept'>(
  kind: K,
  question: Questions[K],
  name: string,
): Promise<Answers[K] | undefined> {
  const own = {}
  latest = own
  try {
    const table = await asked(kind, question, (share) => {
      if (latest === own) reading.value = { name, share }
    })
    return latest === own ? table : undefined
  } finally {
    if (latest === own) reading.value = undefined
  }
}

/**
 * Takes a table from a file, with the setup of the link that was followed, or that of the model to begin with, if any.
 * @throws FaultError that says what is wrong with it
 */
export async function takeSeries({ name: path, file }: DroppedFile): Promise<void> {
  const name = path.replace(/^.*[/\\]/, '')
  const link = linked(route.peek().query)
  const base = link ? undefined : series.peek()?.base
  const known = link?.setup ?? (base && series.peek()!.setup)
  try {
    const table = await tableFrom('table', { file }, name)
    if (!table) return
    const { columns } = table
    if (!columns.some(({ kind }) => kind === 'number')) {
      const hasCommas = columns.some(({ kind }) => kind === 'comma')
      throw new FaultError({ kind: hasCommas ? 'numberWithComma' : 'noNumbers', name })
    }
    if (known) checkColumns(columnsOf(known), table)
    await chooseSeries({ ...table, setup: known ?? setupFor(columns), isNew: !known, base })
    location.hash = addressOf('train')
  } catch (error) {
    throw new FaultError(faultOf(error, name, 'notSeries'))
  }
}

/** Trains on a table in place of a text from here on. */
export async function chooseSeries(chosen: Omit<ChosenSeries, 'View'>): Promise<void> {
  const { SeriesView } = await import('./series-view')
  series.value = { ...chosen, View: SeriesView }
}

/** @throws FaultError for a table without the columns that are needed */
export function checkColumns(needed: readonly string[], { file, columns }: Table): void {
  const missing = needed.filter((name) => !columns.some((column) => column.name === name))
  if (missing.length > 0) throw new FaultError({ kind: 'otherTable', name: file.name, detail: missing.join(', ') })
}
