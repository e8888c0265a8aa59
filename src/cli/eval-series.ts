import { type DeviceName, evaluateSeries, loadForecaster, loadSeriesFor } from '../node.js'
import { moveTo } from './device.js'
import { printJson } from './output.js'
import { printSeriesTable } from './series-table.js'

/** The options of `eval` that models of series have. */
export interface EvalSeriesOptions {
  split: 'train' | 'validation' | 'test' | 'all'
  validation?: number
  test?: number
  steps?: number
  stride?: number
  level?: number
  gaps?: 'refuse' | 'interpolate'
  device: DeviceName
  json?: boolean
}

/** The work of `eval` for a model of series. */
export async function evaluateOnSeries(
  folder: string,
  [file]: readonly string[],
  options: EvalSeriesOptions,
  said: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const forecaster = await loadForecaster(folder)
  await moveTo('eval', options.device, forecaster.model)
  const { validation, test, gaps, split, steps, stride, level = 0.9 } = options
  // A whole file that the model has not seen is its test part.
  const everything = split === 'all' && said.includes('split')
  const held = everything ? { validation: 0, test: 1 - Number.EPSILON } : { validation, test }
  const data = await loadSeriesFor(forecaster, file, { ...held, gaps }, { signal })
  const part = everything ? 'test' : split === 'all' ? undefined : split
  const evaluation = await evaluateSeries(forecaster, data, { part, steps, stride, level, signal })
  if (options.json) printJson({ model: folder, file, level, ...evaluation })
  else printSeriesTable(evaluation, level)
}
