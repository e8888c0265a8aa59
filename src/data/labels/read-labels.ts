import { checkString } from '../../core/check.js'
import { checkOptions } from '../../core/check-options.js'
import { DataError } from '../../core/errors.js'
import { columnOf, parseTable } from '../series/table.js'
import { type LabelledTextsOptions, type LoadedLabels, labelledTextsOptions, numbered } from './labelled-texts.js'

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
 * @throws DataError for a column that is not there, an empty text or label, and fewer than 2 different labels; OptionError for
 *   an option out of range
 */
export async function readLabels(csv: string, name: string, options: ReadLabelsOptions): Promise<LoadedLabels> {
  const where = 'readLabels'
  checkString(where, 'the text', csv)
  checkString(where, 'the name', name)
  checkOptions(where, options, { ...labelledTextsOptions, textColumn: 'any', labelColumn: 'any' })
  const { textColumn, labelColumn, ...others } = options
  checkString(where, 'textColumn', textColumn)
  checkString(where, 'labelColumn', labelColumn)
  const table = await parseTable(csv, name)
  const text = columnOf(table, textColumn, 'textColumn')
  const label = columnOf(table, labelColumn, 'labelColumn')
  if (text === label) {
    throw new DataError(`${name}: textColumn and labelColumn are both ${textColumn}, expected two columns`, [
      'textColumn',
      'labelColumn',
    ])
  }
  const examples = table.rows.map(({ cells }) => ({ text: cells[text], label: cells[label] }))
  return numbered(name, examples, (i) => `${name}: row ${table.rows[i].number}`, others)
}
