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
 * The text of a file, of all .txt files in a directory and those within it in the order of their paths, of all files
 * that a pattern such as `books/*.txt` fits, or of standard input (`-`), as one string.
 * @param options.encoding how characters are written, as `TextDecoder` names it, such as 'windows-1252'. Default: what a
 *   byte order mark says, which always comes first, or UTF-8
 * @throws DataError where there is none, it cannot be read, or is no text in this encoding; OptionError for an unknown
 *   encoding
 */
export async function readText(source: string, options: { encoding?: string } = {}): Promise<string> {
  checkOptions('readText', options, { encoding: 'any' })
  const encoding = encodingOf('readText', options.encoding)
  const { files, close } = await openSources(source, 'readText')
  try {
    const texts: string[] = []
    for await (const text of readTexts(files, encoding)) texts.push(text)
    return texts.join('')
  } finally {
    await close()
  }
}
