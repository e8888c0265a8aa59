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
  const cases: Case[] = []
  for (const layers of quick ? [1] : [1, 2]) {
    for (const batch of quick ? [32] : [1, 32, 64]) {
      for (const hidden of quick ? [256, 1024] : [128, 256, 512, 1024]) {
        for (const cell of cells) cases.push({ job: 'train', cell, hidden, batch, layers })
      }
    }
  }
  for (const batch of [1, 64]) {
    for (const hidden of quick ? [256] : [128, 256, 512, 1024]) {
      for (const cell of cells) cases.push({ job: 'generate', cell, hidden, batch, layers: 1 })
    }
  }
  return cases
}

/** Operations in a training step: two per multiply-add, once forward and twice backward; one-hot inputs cost none. */
export function trainingOperations({ cell, hidden, batch, layers }: Case): number {
  const products = (2 * layers - 1) * gates[cell] * hidden ** 2 + hidden * vocabSize
  return 6 * batch * numSteps * products
}
