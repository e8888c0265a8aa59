/** Rows as columns of one width each: the first to the left, numbers to the right. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)))
  const line = (row: readonly string[]) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  ')
  return rows.map((row) => `  ${line(row)}`.trimEnd()).join('\n')
}

/** Nats as bits. */
export const bitsOf = (nats: number): number => nats / Math.LN2
