import { type DroppedFile, decodeForecaster, OpfsStore, type SeriesFiles, savedRuns } from 'unrolled/browser'
import { FaultError, faultOf } from '../faults'
import { freeName, keptRun, runNames } from '../kept'
import { asked } from './asked'
import { checkColumns, tableFrom } from './chosen'
import { lookAtSeries } from './session'

/** @param name of the files, for messages @throws FormatError unless a model of series can be loaded from files */
export async function checkForecaster(files: SeriesFiles, name: string): Promise<void> {
  await decodeForecaster(files, name)
}

/** Keeps a model of series that was opened, which has no table yet. */
export async function keepForecaster(found: string, files: SeriesFiles): Promise<void> {
  const name = freeName(found, await runNames())
  try {
    await new OpfsStore(name).saveModel(files)
  } catch (error) {
    await savedRuns.remove(name)
    throw error
  }
}

/**
 * Gives a model of series that was opened a table, in place of the one before, and shows its forecast.
 * @throws FaultError for a table that does not fit it
 */
export async function forecastTable(name: string, { name: path, file }: DroppedFile): Promise<void> {
  const fileName = path.replace(/^.*[/\\]/, '')
  const { opened } = await keptRun(name)
  try {
    const table = await tableFrom('table', { file }, fileName)
    if (!table) return
    checkColumns(opened!.columns, table)
    await asked('give', { run: name, file: table.file })
  } catch (error) {
    const fault = faultOf(error, fileName, 'notSeries')
    // The words for a table to train on would be of windows that can be chosen.
    throw new FaultError(fault.kind === 'shortSeries' ? { ...fault, kind: 'shortTable' } : fault)
  }
  await lookAtSeries(name)
}
