// Writes what cells.ts has measured as a table in docs/cells.md.
import { readFileSync, writeFileSync } from 'node:fs'

/** What a cell has reached. */
export interface CellResult {
  cell: string
  parameters: number
  /** Tokens it was trained on, in so many seconds of processor time and epochs. */
  tokens: number
  seconds: number
  epochs: number
  /** The learning rate, and all that were tried with the training loss of each trial. */
  rate: number
  trials: [number, number | null][]
  /** The mean loss of the last part of the training, in nats. */
  loss: number
  /** The loss of the held-out text after each tenth of the time. */
  heldOut: number[]
  minutes: number
  machine: string
  date: string
}

const names: Record<string, string> = {
  rnn_tanh: 'RNN (tanh)',
  rnn_relu: 'RNN (relu)',
  gru: 'GRU',
  lstm: 'LSTM',
  mingru: 'MinGRU',
  minlstm: 'MinLSTM',
  'mingru x3': 'MinGRU, 3 layers',
  'minlstm x3': 'MinLSTM, 3 layers',
}
const bits = (nats: number): string => `${nats.toFixed(3)} (${(nats / Math.LN2).toFixed(3)})`

function row({ cell, parameters, tokens, seconds, epochs, rate, loss, heldOut }: CellResult): string {
  const columns = [names[cell], parameters.toLocaleString('en'), Math.round(tokens / seconds).toLocaleString('en')]
  return `| ${[...columns, epochs.toFixed(1), rate, bits(loss), bits(heldOut.at(-1)!), bits(Math.min(...heldOut))].join(' | ')} |`
}

/** Puts the table between the two marks of docs/cells.md. */
export function writeCells(results: readonly CellResult[]): void {
  const file = 'docs/cells.md'
  const text = readFileSync(file, 'utf8')
  const [start, end] = ['<!-- cells -->', '<!-- end of cells -->']
  const [{ minutes }] = results
  const machines = new Set(results.map(({ machine, date }) => `${date} on ${machine}`))
  const table = [
    `Measured ${[...machines].join(' and ')}; ${minutes} minutes of processor time of one thread each.`,
    '',
    '| cell | parameters | tokens/s | epochs | rate | training loss | held out, at the end | held out, the least |',
    '| --- | --- | --- | --- | --- | --- | --- | --- |',
    ...results.map(row),
  ]
  const before = text.slice(0, text.indexOf(start) + start.length)
  writeFileSync(file, `${before}\n\n${table.join('\n')}\n\n${text.slice(text.indexOf(end))}`)
}
