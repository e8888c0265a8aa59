import { describe, expect, test } from 'vitest'
import type { CellKind } from '../../device/cells.js'
import { Layout, type MatrixFormat } from './layout.js'

const shapes: MatrixFormat[] = [
  { width: 8, panel: 8 },
  { width: 16, panel: 16 },
  { width: 1, panel: 8 },
  { width: 1, panel: 16 },
].flatMap((format) => [1, 2, 5].map((threads) => ({ ...format, threads })))
const cells: CellKind[] = ['rnn_tanh', 'rnn_relu', 'gru', 'lstm']

describe.each(shapes)('panels of $width columns, padded to $panel, for $threads threads', (shape) => {
  test('hold every value of every size, each at a place of its own', () => {
    for (const batchSize of [1, 2, 3, 4, 5, 8, 9, 17, 40]) {
      for (const hiddenSize of [1, 7, 8, 9, 16, 17]) {
        for (const numSteps of [1, 2, 3, 5, 8]) {
          const sizes = { cell: 'gru', numSteps, batchSize, inputSize: 3, hiddenSize, reverse: false } as const
          const layout = new Layout(shape, sizes)
          const { width, rows, units, panel } = layout
          // Rows of a part are its sequences, for one step after another, and one more: the state before the first.
          const places = new Set<number>()
          for (let b = 0; b < batchSize; b++) {
            const part = Math.floor(b / rows)
            for (let step = 0; step <= numSteps; step++) {
              for (let unit = 0; unit < hiddenSize; unit++) {
                const row = step * rows + (b % rows)
                const column = (part * units) / width + Math.floor(unit / width)
                places.add(column * panel + row * width + (unit % width))
              }
            }
          }
          const what = JSON.stringify({ batchSize, hiddenSize, numSteps })
          expect(places.size, what).toBe(batchSize * hiddenSize * (numSteps + 1))
          expect(Math.max(...places), what).toBeLessThan(layout.sequence(units))
        }
      }
    }
  })

  test('are padded as the kernels’ loops need it, and say so', () => {
    for (let batchSize = 1; batchSize <= 20; batchSize++) {
      for (let hiddenSize = 1; hiddenSize <= 20; hiddenSize++) {
        const sizes = {
          cell: 'lstm',
          numSteps: 3,
          batchSize,
          inputSize: hiddenSize,
          hiddenSize,
          reverse: false,
        } as const
        const layout = new Layout(shape, sizes)
        const { rows, parts, units, features, panel, width, padded } = layout
        expect([units % shape.panel, features % shape.panel, panel % 4]).toEqual([0, 0, 0])
        expect(rows * parts).toBeGreaterThanOrEqual(batchSize)
        expect(rows * (parts - 1)).toBeLessThan(batchSize)
        // The product of one row is the only one that does not go by fours; its panels are never single columns.
        if (batchSize === 1) expect([rows, width]).toEqual([1, shape.panel])
        else expect(rows % 4).toBe(0)
        expect(padded).toBe(rows * parts > batchSize || units > hiddenSize)
      }
    }
  })

  test.each(cells)('%s: the pieces of the weight gradients cover every unit of every block once', (cell) => {
    for (const hiddenSize of [1, 8, 9, 40, 257]) {
      const layout = new Layout(shape, { cell, numSteps: 1, batchSize: 8, inputSize: 1, hiddenSize, reverse: false })
      const { slice, units, blocks, slices } = layout
      expect(slice % shape.panel).toBe(0)
      // assembly/layer.ts: item / slices is the block, (item % slices) · slice its first unit.
      const each = slices / blocks.blocks
      expect((each - 1) * slice).toBeLessThan(units)
      expect(each * slice).toBeGreaterThanOrEqual(units)
    }
  })
})

test('a BLAS has parts as large as a thread’s share; other kernels have the same ones for any number of threads', () => {
  const sizes = { cell: 'gru', numSteps: 2, batchSize: 64, inputSize: 1, hiddenSize: 8, reverse: false } as const
  const partsOf = (width: number, threads: number) => new Layout({ width, panel: 8, threads }, sizes).parts
  expect([1, 2, 4].map((threads) => partsOf(1, threads))).toEqual([1, 2, 4])
  expect([1, 2, 4].map((threads) => partsOf(8, threads))).toEqual([8, 8, 8])
})

test('parts that read large weights share them: as many as a thread’s share, and no other kernels’ parts do', () => {
  const sizes = { cell: 'lstm', numSteps: 2, batchSize: 64, inputSize: 1, hiddenSize: 1, reverse: false } as const
  const shared = (width: number, threads: number, hiddenSize: number, parts: number) => {
    const layout = new Layout({ width, panel: 16, threads }, { ...sizes, hiddenSize })
    return [layout.groupOf(parts), layout.groups(parts)]
  }
  expect([1, 2, 3].map((threads) => shared(16, threads, 368, 8))).toEqual([
    [8, 1],
    [4, 2],
    [3, 3],
  ])
  // Fewer parts at work, as in a stepper that some sequences have left, are shared among all threads, too.
  expect(shared(16, 2, 368, 3)).toEqual([2, 2])
  expect(shared(16, 2, 352, 8)).toEqual([1, 8])
  expect(shared(1, 2, 368, 2)).toEqual([1, 2])
})
