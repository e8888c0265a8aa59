import path from 'node:path'
import { DataError, FormatError } from '../core/errors.js'
import type { ForeignFile } from '../formats/foreign.js'
import { CONFIG, PARAMETERS } from '../formats/read-model.js'
import { readdir, stat } from './files.js'
import { type OpenFile, openFile } from './open-file.js'
import { checkPath } from './path-argument.js'

/** A file of another framework that is open, and the files that it named. */
export interface OpenForeignFile extends ForeignFile {
  /** Closes all of them. */
  close(): Promise<void>
}

/**
 * Opens a file of another framework for `importModel` of `unrolled/formats`; files that it names are opened in its folder.
 * Close it when the model is there.
 * @throws DataError if there is none; FormatError for a folder or a file that cannot be read
 */
export async function openForeign(file: string): Promise<OpenForeignFile> {
  checkPath('openForeign', 'the file', file)
  if ((await stat(file).catch(() => undefined))?.isDirectory()) throw new FormatError(await adviceFor(file))
  const source = await openFile(file)
  if (!source) throw new DataError(`${file}: there is no such file, expected a model of another framework`)
  const opened: OpenFile[] = [source]
  return {
    name: file,
    source,
    async beside(name) {
      // A file could name any other on the machine.
      if (path.basename(name) !== name || name === '..') {
        throw new FormatError(`${file}: it names the file ${JSON.stringify(name)}, expected one in its own folder`)
      }
      const other = await openFile(path.join(path.dirname(file), name))
      if (other) opened.push(other)
      return other
    },
    async close() {
      for (const one of opened) await one.close()
    },
  }
}

/** What a user may mean with a folder in place of a file. */
async function adviceFor(folder: string): Promise<string> {
  const names = await readdir(folder)
  if (names.includes(CONFIG) && names.includes(PARAMETERS)) {
    return `${folder}: it is a model folder of Unrolled, which needs no import: every command takes it as it is, and a program loads it with loadModel`
  }
  const model = names.includes('model.json')
    ? 'model.json'
    : names.find((name) => /\.(safetensors|pt|pth|onnx|keras|h5)$/i.test(name))
  const expected = model ? `a file, such as ${path.join(folder, model)}` : 'a file with a model or weights'
  return `${folder}: it is a folder, expected ${expected}`
}
