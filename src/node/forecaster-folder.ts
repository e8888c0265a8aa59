import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { DataError } from '../core/errors.js'
import { decodeSeriesFiles, encodeSeriesFiles, SERIES_FORMAT, seriesConfigOf } from '../formats/series-config.js'
import type { Forecaster } from '../train/forecast.js'
import { replaceModel } from './model-folder.js'
import { checkPath } from './path-argument.js'

/**
 * Saves a model of series as a folder of config.json and model.safetensors, as `saveModel` saves one of texts.
 * @throws DataError for a model that could not be loaded again, and for a folder that holds something else
 */
export async function saveForecaster(folder: string, { model, spec, intervals }: Forecaster): Promise<void> {
  checkPath('saveForecaster', 'the folder', folder)
  const config = seriesConfigOf(model, spec, intervals)
  await replaceModel(folder, await encodeSeriesFiles('saveForecaster', model, config))
}

/** @throws DataError if there is no model; FormatError for a damaged one, or one of texts */
export async function loadForecaster(folder: string): Promise<Forecaster> {
  checkPath('loadForecaster', 'the folder', folder)
  const read = (name: string) =>
    readFile(path.join(folder, name)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw error
      throw new DataError(
        `${folder}: there is no ${name}, expected the folder of a model that a finished training saved`,
      )
    })
  const files = { 'config.json': await read('config.json'), 'model.safetensors': await read('model.safetensors') }
  const { model, config } = await decodeSeriesFiles(files, folder)
  return { model, spec: config.spec, intervals: config.intervals }
}

/** Whether a folder holds a model of series. */
export async function isForecaster(folder: string): Promise<boolean> {
  const config = await readFile(path.join(folder, 'config.json'), 'utf8').catch(() => '')
  return config.includes(`"format":"${SERIES_FORMAT}"`)
}
