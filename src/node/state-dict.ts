import { DataError, FormatError } from '../core/errors.js'
import { HEAD } from '../formats/file-kind.js'
import { readSafetensors } from '../formats/safetensors.js'
import { checkModule, checkValues, encodeModule, refuseOther } from '../formats/state-dict.js'
import type { Module } from '../nn/module.js'
import { writeFileAtomic } from './atomic.js'
import { orDataError, placeOf } from './model-folder.js'
import { withFile } from './open-file.js'
import { checkPath } from './path-argument.js'

/**
 * Saves the parameters of any module as a .safetensors file under PyTorch's names. At every instant the old file or
 * the new one is there whole. `encodeStateDict` gives the same bytes on every platform.
 * @throws OptionError for anything but a module with parameters; DataError if a value is not a finite number or the file
 *   cannot be written; the old file then stays
 */
export async function saveStateDict(file: string, module: Module): Promise<void> {
  checkPath('saveStateDict', 'the file', file)
  checkModule('saveStateDict', module)
  const bytes = await encodeModule('saveStateDict', module)
  await orDataError(file, async () => writeFileAtomic(await placeOf(file), bytes))
}

/**
 * Loads parameters that `saveStateDict`, or PyTorch's safetensors package, saved from a module like this one.
 * Everything is checked before anything is changed.
 * @throws OptionError for anything but a module; DataError if there is no file; FormatError for a damaged file or one with
 *   other parameters
 */
export async function loadStateDict(file: string, module: Module): Promise<void> {
  checkPath('loadStateDict', 'the file', file)
  checkModule('loadStateDict', module)
  const saved = await withFile(file, async (opened) => {
    refuseOther(await opened.read(0, HEAD), file)
    return readSafetensors(opened, file)
  })
  if (!saved) throw new DataError(`${file}: there is no such file, expected one that saveStateDict wrote`)
  try {
    module.loadStateDict(checkValues(saved.tensors, file))
  } catch (error) {
    const { message } = error as Error
    if (error instanceof FormatError && !message.startsWith(`${file}: `)) throw new FormatError(`${file}: ${message}`)
    throw error
  }
}
