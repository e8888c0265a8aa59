/** Aligns rows in columns: the first to the left, the others, which hold numbers, to the right. */
export function table(rows: readonly (readonly string[])[], indent = '  '): string {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)))
  const line = (row: readonly string[]) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  ')
  return rows.map((row) => `${indent}${line(row)}`.trimEnd()).join('\n')
}

/** A table of losses, given in nats per token, in all common units. */
export function lossTable(rows: readonly { name: string; loss: number }[], charactersPerToken: number): string {
  const perCharacter = charactersPerToken !== 1 && Number.isFinite(charactersPerToken)
  return table([
    ['', 'nats', 'perplexity', 'bits', ...(perCharacter ? ['bits per character'] : [])],
    ...rows.map(({ name, loss }) => [
      ...[name, loss.toFixed(4), perplexityOf(loss), bitsOf(loss).toFixed(4)],
      ...(perCharacter ? [(bitsOf(loss) / charactersPerToken).toFixed(4)] : []),
    ]),
  ])
}

export const nameOfOrder = (order: number): string => (order === 1 ? 'frequencies' : `${order}-grams`)

/** The perplexity of a loss in nats, for people. */
export function perplexityOf(loss: number): string {
  const perplexity = Math.exp(loss)
  if (perplexity === Infinity) return 'beyond 1e308'
  return perplexity < 1e7 ? perplexity.toFixed(3) : perplexity.toExponential(3)
}

/** Nats as bits. */
export const bitsOf = (nats: number): number => nats / Math.LN2

/** A count with thousands separators. */
export const grouped = (count: number): string => count.toLocaleString('en')

/** A proportion in percent, with as many decimals as it needs, up to two. */
export const percent = (part: number, of = 1): string => `${Number(((100 * part) / of).toFixed(2))} %`
