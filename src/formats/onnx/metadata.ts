import { FormatError } from '../../core/errors.js'
import { fromJson } from '../../core/json.js'
import type { TrainingRecord } from '../model-config.js'
import { parseTextRecord } from '../text-record.js'
import { parseTokenList, type TokenList } from '../token-list.js'

/** The keys of a file's metadata that hold a model's vocabulary, and how its text was cleaned: JSON, as in a saved model. */
export const VOCAB_KEY = 'unrolled.vocab'
export const TEXT_KEY = 'unrolled.text'

/** What a file says about tokens and text. @throws FormatError for anything but what was written */
export function readMetadata(
  metadata: ReadonlyMap<string, string>,
  where: string,
): { vocab?: TokenList; training?: TrainingRecord } {
  const [vocab, text] = [metadata.get(VOCAB_KEY), metadata.get(TEXT_KEY)]
  return {
    ...(vocab !== undefined && { vocab: parseTokenList(vocab, `${where}: ${VOCAB_KEY}`) }),
    ...(text !== undefined && { training: textOf(text, `${where}: ${TEXT_KEY}`) }),
  }
}

function textOf(json: string, where: string): TrainingRecord {
  const value = fromJson(json, () => {
    throw new FormatError(`${where}: the value is not JSON`)
  })
  return parseTextRecord(value, where)
}
