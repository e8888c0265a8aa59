import type { Summary } from '../node.js'
import { table } from './table.js'

const heads = ['run', 'epochs', 'steps', 'loss', 'best validation', 'perplexity', 'at step', 'tokens/s']

/** A table of summaries, without the columns that none of them has a value for. */
export function summaryTable(summaries: readonly Summary[]): string {
  const rows = summaries.map(({ run, epochs, steps, trainingLoss, validation, tokensPerSecond }) => [
    run,
    String(epochs),
    String(steps),
    trainingLoss?.toFixed(4),
    validation?.loss.toFixed(4),
    validation?.perplexity?.toFixed(2),
    validation?.step.toString(),
    tokensPerSecond?.toFixed(0),
  ])
  const told = heads.map((_, column) => rows.some((row) => row[column] !== undefined))
  const cells = [heads, ...rows].map((row) => row.map((cell) => cell ?? 'none').filter((_, column) => told[column]))
  return table(cells, '')
}
