/** Rows of cells as CSV; a cell is quoted where it has to be. */
export async function csvText(rows: readonly (readonly string[])[]): Promise<string> {
  const { default: csv } = await import('papaparse')
  return `${csv.unparse(rows as string[][], { newline: '\n' })}\n`
}
