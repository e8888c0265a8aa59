import { checkOptions } from '../core/check-options.js'
import { DataError } from '../core/errors.js'
import { encodingOf, markedEncoding } from '../data/encoding.js'

/** A text with the name of its file. */
export interface NamedText {
  /** The name, with the folders that contain the file. */
  name: string
  text: string
}

/** Options for decoding a file. */
export interface DecodeOptions {
  /** The encoding, by its name in `TextDecoder`, such as 'windows-1252'. Default: what a byte order mark says, or UTF-8. */
  encoding?: string
}

/**
 * The text of a file that was chosen or dropped.
 * @throws DataError for bytes that are not text in this encoding; OptionError for an encoding that does not exist
 */
export async function textOf(file: Blob, options: DecodeOptions = {}): Promise<string> {
  checkOptions('textOf', options, { encoding: 'any' })
  const encoding = encodingOf('textOf', options.encoding)
  const name = file instanceof File ? file.name : 'the text'
  const bytes = new Uint8Array(await file.arrayBuffer())
  const decoder = new TextDecoder(markedEncoding(bytes) ?? encoding ?? 'utf-8', { fatal: true })
  let text: string
  try {
    text = decoder.decode(bytes)
  } catch {
    throw new DataError(
      `${name}: its bytes are not ${decoder.encoding} text; name the encoding that it has, such as 'windows-1252' or 'utf-16le'`,
      [],
      'not-text',
    )
  }
  if (text.includes('\0')) {
    throw new DataError(`${name}: it has zero characters, as binary files have; expected a text`, [], 'not-text')
  }
  return text
}

/** A file that was dropped. */
export interface DroppedFile {
  /** The name, with the folders that were dropped and contain the file. */
  name: string
  file: File
}

/**
 * The files that were dropped on a page, also those inside folders, in the order of their names.
 * Call it during the drop event, because browsers forget what was dropped when the event ends.
 */
export async function droppedFiles(drop: DataTransfer): Promise<DroppedFile[]> {
  // All items are taken before the first await. A file that a page's own program dropped has no entry.
  const dropped = [...drop.items].flatMap((item) => item.webkitGetAsEntry() ?? item.getAsFile() ?? [])
  const files = (await Promise.all(dropped.map(filesOf))).flat()
  return files.sort((one, other) => (one.name < other.name ? -1 : 1))
}

/**
 * The texts that were dropped on a page: files, and all .txt files inside folders, in the order of their names.
 * Call it during the drop event, because browsers forget what was dropped when the event ends.
 * @throws DataError if nothing that was dropped is a text
 */
export async function droppedTexts(drop: DataTransfer, options: DecodeOptions = {}): Promise<NamedText[]> {
  // A file that was dropped itself is meant, whatever its name.
  const files = (await droppedFiles(drop)).filter(({ name }) => !name.includes('/') || /\.txt$/i.test(name))
  if (files.length === 0) throw new DataError('droppedTexts: nothing that was dropped is a text, expected .txt files')
  return Promise.all(files.map(async ({ name, file }) => ({ name, text: await textOf(file, options) })))
}

async function filesOf(entry: FileSystemEntry | File): Promise<DroppedFile[]> {
  if (entry instanceof File) return [{ name: entry.name, file: entry }]
  const name = entry.fullPath.replace(/^\//, '')
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject))
    return [{ name, file }]
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader()
  const inside: FileSystemEntry[] = []
  // A reader returns some entries at a time, and none at the end.
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject))
    if (some.length === 0) break
    inside.push(...some)
  }
  return (await Promise.all(inside.map(filesOf))).flat()
}
