import { decodeForecaster, encodeForecaster, SERIES_FORMAT } from '../formats/series-config.js'
import type { Forecaster } from '../train/forecast.js'
import { hasFormat, readWhole, replaceModel } from './model-folder.js'
import { checkPath } from './path-argument.js'

/**
 * Saves a model of series as a folder of config.json and model.safetensors, as `saveModel` saves one of texts.
 * @throws DataError for a model that could not be loaded again, and for a folder that holds something else
 */
export async function saveForecaster(folder: string, forecaster: Forecaster): Promise<void> {
  checkPath('saveForecaster', 'the folder', folder)
  await replaceModel(folder, await encodeForecaster('saveForecaster', forecaster))
}

/** @throws DataError if there is no model; FormatError for a damaged one, or one of texts */
export async function loadForecaster(folder: string): Promise<Forecaster> {
  checkPath('loadForecaster', 'the folder', folder)
  const files = await readWhole(folder, ['config.json', 'model.safetensors'])
  return decodeForecaster(files, folder)
}

/** Whether a folder holds a model of series. */
export const isForecaster = (folder: string): Promise<boolean> => hasFormat(folder, SERIES_FORMAT)
