import { type LoadedText, type LoadOptions, sequencesFromText } from '../data/load.js'
import { readText } from './read-text.js'

/**
 * A text file, a directory of .txt files, or several of either, as batches of token numbers with a vocabulary.
 * @throws DataError for what cannot be read, is not UTF-8, or is too short for one batch
 */
export async function loadText(source: string | readonly string[], options: LoadOptions = {}): Promise<LoadedText> {
  const texts: string[] = []
  for (const one of [source].flat()) texts.push(await readText(one as string))
  return sequencesFromText(texts.join('\n'), options)
}
