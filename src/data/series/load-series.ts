import { checkArgument, checkString } from '../../core/check.js'
import { checkOptions, type OptionKinds } from '../../core/check-options.js'
import { DataError, OptionError } from '../../core/errors.js'
import { type ReadSeriesOptions, seriesOf } from './read-series.js'
import { SeriesData, type SeriesSpec, type WindowOptions } from './series-data.js'
import { parseTable } from './table.js'
import { stepText, type TimeStep } from './times.js'

/** How series are read and cut into windows. */
export interface LoadSeriesOptions extends ReadSeriesOptions, WindowOptions {}

export const loadSeriesOptions: OptionKinds<LoadSeriesOptions> = {
  target: 'any',
  features: 'any',
  dateColumn: 'any',
  seriesColumn: 'any',
  gaps: 'any',
  window: 'any',
  horizon: 'any',
  calendar: 'any',
  season: 'any',
  validation: 'any',
  test: 'any',
  batchSize: 'any',
  generator: 'generator',
}

/**
 * Series of numbers from the text of a CSV file with a header.
 * @param name the name of the file, for messages
 * @throws DataError for a file that holds no such series; OptionError for an option out of range
 */
export async function readSeries(text: string, name: string, options: LoadSeriesOptions): Promise<SeriesData> {
  checkOptions('readSeries', options, loadSeriesOptions)
  if (options.target === undefined) {
    throw new OptionError('readSeries: target is missing, expected the name of the column to predict', ['target'])
  }
  for (const target of [options.target].flat()) checkString('readSeries', 'target', target)
  checkString('readSeries', 'text', text)
  checkString('readSeries', 'name', name)
  return new SeriesData(seriesOf(await parseTable(text, name), options), options)
}

/** @throws DataError if rows follow one another in another step than those that a model was trained on */
function checkStep(name: string, step: TimeStep | undefined, trained: TimeStep | undefined): void {
  if (JSON.stringify(step) === JSON.stringify(trained)) return
  if (step && trained) {
    throw new DataError(
      `${name}: the step between two rows is ${stepText(step)}, expected the model's, ${stepText(trained)}`,
      [],
      'other-step',
    )
  }
  throw new DataError(
    trained
      ? `${name}: there are no dates, expected a column of dates in the model's step of ${stepText(trained)}`
      : `${name}: there are dates, expected none, as in the training of the model; rename their column`,
    [],
    trained ? 'no-dates' : 'own-dates',
  )
}

/**
 * Series as a saved model expects them, with its scales, windows and calendar.
 * @param held how much is held out, instead of what was in the training
 */
export async function readSeriesFor(
  spec: SeriesSpec,
  text: string,
  name: string,
  held: Pick<WindowOptions, 'validation' | 'test' | 'batchSize' | 'generator'> & Pick<ReadSeriesOptions, 'gaps'> = {},
): Promise<SeriesData> {
  const where = 'readSeriesFor'
  checkArgument(where, 'spec', spec, Array.isArray(Object(spec).columns), 'the spec of a Forecaster')
  checkString(where, 'text', text)
  checkString(where, 'name', name)
  checkOptions(where, held, { gaps: 'any', validation: 'any', test: 'any', batchSize: 'any', generator: 'generator' })
  const { gaps = spec.read.gaps, ...parts } = held
  const table = seriesOf(await parseTable(text, name), { ...spec.read, gaps })
  checkStep(name, table.step, spec.step)
  return new SeriesData(table, parts, spec)
}
