import { describe, expect, test } from 'vitest'
import { loadEngine } from './compile.js'
import { Layout, type MatrixFormat } from './layout.js'
import { LinearMemory } from './linear-memory.js'
import { selectRows } from './select.js'

const shapes: MatrixFormat[] = [
  { width: 8, panel: 8, threads: 1 },
  { width: 16, panel: 16, threads: 1 },
  { width: 1, panel: 8, threads: 1 },
  { width: 1, panel: 16, threads: 3 },
]

describe.each(shapes)('states in panels of $width columns, for $threads threads', (shape) => {
  /** Where unit `unit` of sequence `b` lies: see "Panels" in ARCHITECTURE.md. */
  const placeOf = ({ rows, units, width, panel }: Layout, b: number, unit: number) => {
    const part = Math.floor(b / rows)
    return ((part * units) / width + Math.floor(unit / width)) * panel + (b % rows) * width + (unit % width)
  }

  test.each([
    { name: 'all from one', rowOf: (_: number, last: number) => last },
    { name: 'in turn', rowOf: (b: number, last: number) => (b === last ? 0 : b + 1) },
    { name: 'backwards', rowOf: (b: number, last: number) => last - b },
    { name: 'some stay', rowOf: (b: number) => b - (b % 2) },
    { name: 'all stay', rowOf: (b: number) => b },
  ])('$name: row i becomes what row rows[i] was, and nothing else changes', ({ rowOf }) => {
    for (const batchSize of [1, 2, 4, 5, 9, 17, 24]) {
      for (const hiddenSize of [1, 8, 9, 17]) {
        const sizes = { cell: 'gru', numSteps: 1, batchSize, inputSize: 1, hiddenSize, reverse: false } as const
        const layout = new Layout(shape, sizes)
        const memory = new LinearMemory(false)
        const length = layout.sequence(layout.units)
        const address = memory.allocate(length)
        const before = Float32Array.from({ length }, (_, i) => i + 1)
        const expected = before.slice()
        const rows = Int32Array.from({ length: batchSize }, (_, b) => rowOf(b, batchSize - 1))
        rows.forEach((row, b) => {
          for (let unit = 0; unit < layout.units; unit++) {
            expected[placeOf(layout, b, unit)] = before[placeOf(layout, row, unit)]
          }
        })
        memory.write(address, before)
        selectRows(memory, layout, address, rows)
        expect(memory.read(address, length), `${batchSize} ${hiddenSize}`).toEqual(expected)
      }
    }
  })

  test('the kernels put the rows of a part at these places', () => {
    const [batchSize, hiddenSize] = [3, 9]
    const sizes = { cell: 'gru', numSteps: 1, batchSize, inputSize: 1, hiddenSize, reverse: false } as const
    const layout = new Layout(shape, sizes)
    const { code, memory } = loadEngine({ threads: 1, simd: shape.panel === 16 ? 'simd-256' : 'relaxed-simd' })
    const [raw, address] = [memory.allocate(batchSize * hiddenSize), memory.allocate(layout.sequence(layout.units))]
    memory.write(
      raw,
      Float32Array.from({ length: batchSize * hiddenSize }, (_, i) => i + 1),
    )
    code.loadRows(raw, batchSize, hiddenSize, address, layout.panel * 4, layout.width)
    for (let b = 0; b < batchSize; b++) {
      for (let unit = 0; unit < hiddenSize; unit++) {
        expect(memory.floats[address / 4 + placeOf(layout, b, unit)]).toBe(b * hiddenSize + unit + 1)
      }
    }
  })
})
