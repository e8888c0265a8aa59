import { loadTable } from '../node.js'

/**
 * The columns that a flag names, separated by commas. A name with a comma is in quotes, unless it is the only one: the whole text
 * is looked for first.
 */
export async function columnNames(file: string, text: string, signal: AbortSignal): Promise<string[]> {
  if (text.includes(',') && (await loadTable(file, { signal })).columns.includes(text.trim())) return [text.trim()]
  const names = text.match(/"[^"]*"|[^,]+/g) ?? []
  return names.map((name) => name.trim().replace(/^"(.*)"$/, '$1')).filter((name) => name !== '')
}
