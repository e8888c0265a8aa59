import { existsSync } from 'node:fs'
import { rename } from 'node:fs/promises'
import { UnrolledError } from '../core/errors.js'
import { HistoryWriter } from '../node/history.js'

/**
 * The history of a training, which only reports and so never keeps a training from going on. One that cannot be
 * continued is kept under another name.
 * @param bytes how much of it is continued
 * @throws DataError where none can be written
 */
export async function openHistory(file: string, bytes: number, warn: (text: string) => void): Promise<HistoryWriter> {
  try {
    return await HistoryWriter.open(file, { bytes })
  } catch (error) {
    if (!(error instanceof UnrolledError) || !existsSync(file)) throw error
    const kept = unusedName(file)
    await rename(file, kept)
    const history = await HistoryWriter.open(file)
    warn(`warning: ${error.message}; it is kept as ${kept}, and a new one begins`)
    return history
  }
}

/** The name of a damaged file: the first that no other has. */
function unusedName(file: string): string {
  for (let number = 1; ; number++) {
    const name = file.replace(/(?=\.jsonl$)/, `-damaged${number === 1 ? '' : number}`)
    if (!existsSync(name)) return name
  }
}
