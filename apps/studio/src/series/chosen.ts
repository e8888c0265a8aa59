import { signal } from '@preact/signals'
import { type DroppedFile, type SeriesColumn, seriesColumns, textOf } from 'unrolled/browser'
import { FaultError, faultOf } from '../faults'
import { addressOf } from '../route'
import { type SeriesSetup, setupFor } from './setup'

/** A table of numbers to be forecast, which stays in this page. */
export interface ChosenSeries {
  name: string
  text: string
  columns: readonly SeriesColumn[]
  /** What of it is trained on, and how. */
  setup: SeriesSetup
  /** Its view, which is loaded with the first table. */
  View: () => preact.JSX.Element
}

/** The table that is trained on in place of a text. */
export const series = signal<ChosenSeries | undefined>(undefined)

/** Whether a file is a table, by its name. */
export const isSeries = (name: string): boolean => /\.(csv|tsv)$/i.test(name)

/** Takes a table from a file. @throws FaultError that says what is wrong with it */
export async function takeSeries({ name: path, file }: DroppedFile): Promise<void> {
  const name = path.replace(/^.*[/\\]/, '')
  try {
    const text = await textOf(file)
    const columns = await seriesColumns(text, name)
    if (!columns.some(({ kind }) => kind === 'number')) throw new FaultError({ kind: 'noNumbers', name })
    const { SeriesView } = await import('./series-view')
    series.value = { name, text, columns, setup: setupFor(columns), View: SeriesView }
    location.hash = addressOf('train')
  } catch (error) {
    throw new FaultError(faultOf(error, name, 'notSeries'))
  }
}
