import path from 'node:path'
import { HISTORY, type PlottedRun, readHistory } from '../node.js'
import { modelKindIn } from './model-kind.js'

/** @throws DataError or FormatError if the folder has no readable history */
export async function readRun(folder: string): Promise<PlottedRun> {
  const history = await readHistory(path.join(folder, HISTORY))
  const events = history.filter((event) => event.type !== 'resume')
  const perplexity = (await modelKindIn(folder)) === 'text'
  return { name: folder.replace(/\p{Cc}+/gu, ' '), events, perplexity }
}
