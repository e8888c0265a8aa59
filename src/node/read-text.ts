import { decodeUtf8, readChunks } from './read-chunks.js'
import { openSources, type SourceFile } from './sources.js'

/** The text of source files, some at a time; a line break comes between two files. @throws DataError */
export async function* readTexts(files: readonly SourceFile[]): AsyncGenerator<string> {
  for (const [i, { path, name }] of files.entries()) {
    if (i > 0) yield '\n'
    yield* decodeUtf8(readChunks(path), name)
  }
}

/**
 * The text of a file, of all .txt files in a directory in the order of their names, of all files that a pattern such
 * as `books/*.txt` fits, or of standard input (`-`), as one string.
 * @throws DataError where there is none, it cannot be read, or is not UTF-8
 */
export async function readText(source: string): Promise<string> {
  const { files, close } = await openSources(source)
  try {
    const texts: string[] = []
    for await (const text of readTexts(files)) texts.push(text)
    return texts.join('')
  } finally {
    await close()
  }
}
