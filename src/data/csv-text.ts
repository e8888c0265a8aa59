import type { Delimiter } from './series/table.js'

/** Rows of cells as CSV; a cell is quoted where it has to be. @param delimiter separates the cells */
export async function csvText(rows: readonly (readonly string[])[], delimiter: Delimiter = ','): Promise<string> {
  const { default: csv } = await import('papaparse')
  return `${csv.unparse(rows as string[][], { newline: '\n', delimiter })}\n`
}
