import { stat } from 'node:fs/promises'
import path from 'node:path'
import { DataError } from '../config.js'
import { HISTORY, type PlottedRun, readHistory } from '../node.js'
import { modelKindIn } from './model-kind.js'

/** @throws DataError or FormatError if the folder has no readable history */
export async function readRun(folder: string): Promise<PlottedRun> {
  const info = await stat(folder).catch(() => undefined)
  if (!info) throw new DataError(`${folder}: there is no such folder, expected one that a training saved to`)
  if (!info.isDirectory()) throw new DataError(`${folder}: it is a file, expected the folder of a training`)
  const history = await readHistory(path.join(folder, HISTORY))
  const events = history.filter((event) => event.type !== 'resume')
  if (events.length === 0) throw new DataError(`${folder}: its history is empty, expected one of a training that began`)
  const perplexity = (await modelKindIn(folder)) === 'text'
  return { name: folder.replace(/\p{Cc}+/gu, ' '), events, perplexity }
}
