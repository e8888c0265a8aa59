import { boolean, object, optional } from '../core/parse.js'
import type { TrainingRecord } from './model-config.js'
import { type TokenList, tokenListOf } from './token-list.js'

/** How a text was cleaned, of what is known of a training: what else is given to the model has to be treated the same. */
export const textRecordOf = ({ clean, lowercase }: TrainingRecord = {}): TrainingRecord =>
  JSON.parse(JSON.stringify({ clean, lowercase }))

const textSchema = object({ clean: optional(boolean), lowercase: optional(boolean) })

/** @throws FormatError for anything but what `textRecordOf` made */
export const parseTextRecord = (value: unknown, where: string): TrainingRecord =>
  textSchema(value, where) as TrainingRecord

/** The vocabulary in a value of JSON and, if its object has `text`, how the text was cleaned. @throws FormatError */
export function vocabAndTextOf(value: unknown, where: string): { vocab: TokenList; training?: TrainingRecord } {
  const vocab = tokenListOf(value, where)
  const { text } = value as { text?: unknown }
  if (vocab.kind === undefined || text === undefined) return { vocab }
  return { vocab, training: parseTextRecord(text, `${where}: text`) }
}
