import path from 'node:path'
import { DataError } from '../core/errors.js'
import { replaceFolder, writeFileAtomic, writeFlushed } from './atomic.js'
import { readdir, stat } from './files.js'
import { orDataError, placeOf } from './model-folder.js'
import { checkPath } from './path-argument.js'

/**
 * Writes what `exportModel` made: one file as `place`, or into that folder if there is one; several as a new folder. Each
 * is there whole or not at all.
 * @returns the path of the file or folder
 * @throws DataError if it cannot be written, or if several files should go where something else is
 */
export async function writeExport(place: string, files: Readonly<Record<string, Uint8Array>>): Promise<string> {
  checkPath('writeExport', 'the place', place)
  const entries = Object.entries(files)
  return orDataError(place, async () => {
    const there = await stat(place).catch(() => undefined)
    if (entries.length === 1) {
      const [[name, bytes]] = entries
      const file = there?.isDirectory() ? path.join(place, name) : place
      await writeFileAtomic(await placeOf(file), bytes)
      return file
    }
    if (there && !(there.isDirectory() && (await readdir(place)).length === 0)) {
      throw new DataError(`${place}: something is there already, expected a new folder, or an empty one`)
    }
    await replaceFolder(await placeOf(place), async (made) => {
      for (const [name, bytes] of entries) await writeFlushed(path.join(made, name), bytes)
    })
    return place
  })
}
