import type { DroppedFile, RunOptions } from 'unrolled/browser'
import { told } from './faults'
import { isOnSeries } from './kept'
import { series } from './series/chosen'
import { session } from './session'
import { resumeText } from './text-session'

/** Goes on with a training that the browser keeps, from its last checkpoint, with these options changed. */
export const goOnWith = (name: string, options: Partial<RunOptions> = {}): Promise<boolean> =>
  told(async () => {
    // Its worker may hold the run.
    session.value?.close()
    if (await isOnSeries(name)) return (await import('./series/session')).resumeSeries(name, options)
    series.value = undefined
    await resumeText(name, options)
  }, name)

/** Lets the next training begin with the model of a training on series that the browser keeps. */
export const beginWithSeries = (name: string): Promise<boolean> =>
  told(async () => (await import('./series/session')).beginWith(name), name)

/** Gives a model of series that was opened a table, and shows its forecast. */
export const forecastTable = (name: string, file: DroppedFile): Promise<boolean> =>
  told(async () => (await import('./series/opened')).forecastTable(name, file), name)

/** Shows what a training on series forecasts that the browser keeps. */
export const forecastWith = (name: string): Promise<boolean> =>
  told(async () => (await import('./series/session')).lookAtSeries(name), name)
