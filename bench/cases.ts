// The cases that are measured, and how much useful arithmetic each needs.

export type Cell = 'rnn' | 'gru' | 'lstm'
export const cells: readonly Cell[] = ['rnn', 'gru', 'lstm']
const gates = { rnn: 1, gru: 3, lstm: 4 }

export const vocabSize = 28
export const numSteps = 35

export interface Case {
  job: 'train' | 'generate'
  cell: Cell
  hidden: number
  batch: number
  layers: number
}

/** All cases, or only the usual ones for comparisons. */
export function casesOf(quick: boolean): Case[] {
  const of = (job: Case['job'], batch: number, hiddens: number[], layers = 1): Case[] =>
    hiddens.flatMap((hidden) => cells.map((cell) => ({ job, cell, hidden, batch, layers })))
  if (quick) return [...of('train', 32, [256, 1024]), ...of('generate', 1, [256]), ...of('generate', 64, [256])]
  return [
    ...of('train', 32, [128, 256, 512, 1024]),
    ...of('train', 32, [256], 2),
    ...of('train', 1, [256, 1024]),
    ...of('train', 64, [256, 1024]),
    ...of('generate', 1, [256, 1024]),
    ...of('generate', 64, [256, 1024]),
  ]
}

/** What a GPU is judged by: the book's models, and a layer that is large enough to keep all of it busy. */
export const gpuCases: readonly Case[] = [
  ...cells.map((cell): Case => ({ job: 'train', cell, hidden: 256, batch: 32, layers: 1 })),
  { job: 'train', cell: 'lstm', hidden: 1024, batch: 256, layers: 1 },
]

/** Operations in a training step: two per multiply-add, once forward and twice backward; one-hot inputs cost none. */
export function trainingOperations({ cell, hidden, batch, layers }: Case): number {
  const products = (2 * layers - 1) * gates[cell] * hidden ** 2 + hidden * vocabSize
  return 6 * batch * numSteps * products
}
