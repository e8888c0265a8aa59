import path from 'node:path'
import { DataError } from '../core/errors.js'
import { CHECKPOINT } from '../run/store.js'
import { replaceFolder, type WritableFile, writeFileAtomic, writeFlushed } from './atomic.js'
import { readdir, stat } from './files.js'
import { orDataError, placeOf } from './model-folder.js'
import { checkPath } from './path-argument.js'

/**
 * Writes what `exportModel` or `exportTorchrun` made: one file as `place`, or into that folder if there is one; several as
 * a folder. Each is there whole or not at all. An earlier export in the same place is replaced; a folder with anything else
 * in it, or with a training, is not.
 * @returns the path of the file or folder
 * @throws DataError if it cannot be written, or if there is something else in its place
 */
export async function writeExport(
  place: string,
  files: Readonly<Record<string, Uint8Array | Iterable<Uint8Array>>>,
): Promise<string> {
  checkPath('writeExport', 'the place', place)
  const entries = Object.entries(files)
  return orDataError(place, async () => {
    const there = await stat(place).catch(() => undefined)
    if (entries.length === 1) {
      const [[name, content]] = entries
      const file = there?.isDirectory() ? path.join(place, name) : place
      await writeFileAtomic(await placeOf(file), partsOf(content))
      return file
    }
    const names = there?.isDirectory() ? await readdir(place) : there && [place]
    const other = names?.find((name) => name === CHECKPOINT || !Object.hasOwn(files, name))
    if (other !== undefined) {
      throw new DataError(
        `${place}: something is there already (${path.basename(other)}), expected a new folder, an empty one, or an earlier export of the same files without a training`,
      )
    }
    await replaceFolder(await placeOf(place), async (made) => {
      for (const [name, content] of entries) await writeFlushed(path.join(made, name), partsOf(content))
    })
    return place
  })
}

/** What a file is written with: its parts one by one, so that they need not be in memory together. */
const partsOf = (content: Uint8Array | Iterable<Uint8Array>) => async (file: WritableFile) => {
  for (const part of content instanceof Uint8Array ? [content] : content) await file.writeFile(part)
}
