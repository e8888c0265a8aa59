import { checkOptions } from '../core/check-options.js'
import { encodingOf } from '../data/encoding.js'
import { decodeText } from './decode.js'
import { readChunks } from './read-chunks.js'
import { openSources, type SourceFile } from './sources.js'

/** The text of source files, some at a time; a line break comes between two files. @throws DataError */
export async function* readTexts(files: readonly SourceFile[], encoding?: string): AsyncGenerator<string> {
  for (const [i, { path, name }] of files.entries()) {
    if (i > 0) yield '\n'
    yield* decodeText(readChunks(path), name, encoding)
  }
}

/**
 * Reads as one string the text of a file, of all .txt files in a directory and those within it in the order of their
 * paths, of all files that match a pattern such as `books/*.txt`, or of standard input (`-`).
 * @param options.encoding the encoding, by its name in `TextDecoder`, such as 'windows-1252'. Default: UTF-8. A byte order
 *   mark always takes precedence
 * @param options.signal ends the reading, also the wait for standard input or a pipe
 * @throws DataError if there is no text, it cannot be read, or it does not fit this encoding; OptionError for an unknown
 *   encoding; the signal's reason
 */
export async function readText(
  source: string,
  options: { encoding?: string; signal?: AbortSignal } = {},
): Promise<string> {
  checkOptions('readText', options, { encoding: 'any', signal: 'signal' })
  const { signal } = options
  const encoding = encodingOf('readText', options.encoding)
  const { files, close } = await openSources(source, 'readText', { signal })
  try {
    const texts: string[] = []
    for await (const text of readTexts(files, encoding)) {
      signal?.throwIfAborted()
      texts.push(text)
    }
    return texts.join('')
  } finally {
    await close()
  }
}
