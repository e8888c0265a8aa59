import { OptionError } from '../core/errors.js'

const marks: [encoding: string, mark: readonly number[]][] = [
  ['utf-8', [0xef, 0xbb, 0xbf]],
  ['utf-16le', [0xff, 0xfe]],
  ['utf-16be', [0xfe, 0xff]],
]

/**
 * The name that `TextDecoder` uses for an encoding; undefined for an undefined label.
 * @param where the function that the user called
 * @throws OptionError for an encoding that `TextDecoder` does not know
 */
export function encodingOf(where: string, label: unknown): string | undefined {
  if (label === undefined) return undefined
  try {
    if (typeof label === 'string') return new TextDecoder(label).encoding
  } catch {
    // The error is thrown below.
  }
  throw new OptionError(
    `${where}: encoding is '${String(label)}', expected a name that TextDecoder knows, such as 'utf-8', 'utf-16le', 'windows-1252', 'windows-1251', 'shift_jis' or 'gb18030'`,
    ['encoding'],
  )
}

/** The encoding that the byte order mark at the beginning of a file stands for; undefined without a mark. */
export const markedEncoding = (head: Uint8Array): string | undefined =>
  marks.find(([, mark]) => mark.every((byte, i) => head[i] === byte))?.[0]
