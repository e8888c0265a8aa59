import { checkString } from '../../core/check.js'
import { checkOptions } from '../../core/check-options.js'
import { DataError } from '../../core/errors.js'
import { loadBytePairs } from '../byte-pairs.js'
import { columnOf, isFilled, parseTable } from '../series/table.js'
import {
  type KnownLabels,
  type LabelledTextsOptions,
  type LoadedLabels,
  labelledTextsOptions,
  numbered,
  type ReadSpec,
} from './labelled-texts.js'

/** How labelled texts are read from a table. */
export interface ReadLabelsOptions extends LabelledTextsOptions {
  /** The column of the texts. */
  textColumn: string
  /** The column of their labels. */
  labelColumn: string
}

/**
 * Labelled texts from the text of a CSV file with a header: a row for each, with one label.
 * @param name the name of the file, for messages
 * @throws DataError for a column that is not there, an empty text or label, and fewer than 2 different labels; where a part is
 *   held out, also for a label of a single row, of which none could be held out; OptionError for an option out of range
 */
export async function readLabels(csv: string, name: string, options: ReadLabelsOptions): Promise<LoadedLabels> {
  checkOptions('readLabels', options, { ...labelledTextsOptions, textColumn: 'any', labelColumn: 'any' })
  return read('readLabels', csv, name, options)
}

/**
 * Labelled texts as a saved model expects them, with its labels, its vocabulary and its columns.
 * @param options other columns, and how much is held out, instead of what was in the training
 * @throws DataError as `readLabels` does, and for a label that the model was not trained on
 */
export async function readLabelsFor(
  known: KnownLabels,
  csv: string,
  name: string,
  options: Partial<ReadSpec> & Pick<LabelledTextsOptions, 'batchSize' | 'generator'> = {},
): Promise<LoadedLabels> {
  const where = 'readLabelsFor'
  const { read: was } = known.spec
  const { textColumn = was?.textColumn, labelColumn = was?.labelColumn, batchSize, generator } = options
  const { validation = was?.validation, test = was?.test } = options
  if (textColumn === undefined || labelColumn === undefined) {
    throw new DataError(
      `${where}: the model does not say which columns it was trained on, expected textColumn and labelColumn`,
      ['textColumn', 'labelColumn'],
    )
  }
  return read(where, csv, name, { textColumn, labelColumn, validation, test, batchSize, generator }, known)
}

async function read(
  where: string,
  csv: string,
  name: string,
  { textColumn, labelColumn, ...others }: ReadLabelsOptions,
  known?: KnownLabels,
): Promise<LoadedLabels> {
  checkString(where, 'the text', csv)
  checkString(where, 'the name', name)
  checkString(where, 'textColumn', textColumn)
  checkString(where, 'labelColumn', labelColumn)
  if ((known?.vocab.kind ?? others.tokens) === 'bpe') await loadBytePairs()
  const table = await parseTable(csv, name)
  const text = columnOf(table, textColumn, 'textColumn')
  const label = columnOf(table, labelColumn, 'labelColumn')
  if (text === label) {
    throw new DataError(`${name}: textColumn and labelColumn are both ${textColumn}, expected two columns`, [
      'textColumn',
      'labelColumn',
    ])
  }
  const { validation = 0, test = 0 } = others
  const rows = table.rows.filter(isFilled)
  const place = (i: number) => `${name}: row ${rows[i].number}`
  const labels = rows.map(({ cells }) => cells[label])
  if (!known && validation + test > 0) checkCommon(labels, place)
  const examples = rows.map(({ cells }) => ({ text: cells[text], label: cells[label] }))
  const { spec, ...data } = numbered(name, examples, place, others, known)
  return { ...data, spec: { ...spec, read: { textColumn, labelColumn, validation, test } } }
}

/** @throws DataError for a label of a single row */
function checkCommon(labels: readonly string[], place: (i: number) => string): void {
  const counts = new Map<string, number>()
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1)
  const single = labels.findIndex((label) => counts.get(label) === 1)
  // A label that is missing, and one that all rows have, are refused by themselves.
  if (single < 0 || counts.size < 2 || counts.has('')) return
  throw new DataError(
    `${place(single)}: no other row has the label ${JSON.stringify(labels[single])}, expected two or more, so that one can be held out; leave the row out, or hold nothing out`,
  )
}
