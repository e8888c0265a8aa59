import type { FloatArray } from '../../device/device.js'
import type { Layout } from './layout.js'
import type { LinearMemory } from './linear-memory.js'

/** The places of a row of a state of one step in panels: of its first value, and of value i. */
function rowOf({ width, units, panel, rows: rowsOfPart }: Layout, row: number) {
  const part = Math.floor(row / rowsOfPart)
  const start = part * (units / width) * panel + (row - part * rowsOfPart) * width
  return { start, at: (i: number) => start + Math.floor(i / width) * panel + (i % width) }
}

/** Returns a copy of a row of a state of one step in panels at `address`. */
export function readRow(memory: LinearMemory, layout: Layout, address: number, row: number, length: number) {
  const { at } = rowOf(layout, row)
  const { floats } = memory
  return Float32Array.from({ length }, (_, i) => floats[address / 4 + at(i)])
}

/** Copies values into a row of a state of one step in panels at `address`. */
export function writeRow(memory: LinearMemory, layout: Layout, address: number, row: number, values: FloatArray): void {
  const { at } = rowOf(layout, row)
  const { floats } = memory
  for (let i = 0; i < values.length; i++) floats[address / 4 + at(i)] = values[i]
}

/** Moves the rows of a state of one step in panels at `address`: row i becomes what row rows[i] was. */
export function selectRows(memory: LinearMemory, layout: Layout, address: number, rows: Int32Array): void {
  const { width, units, panel } = layout
  const panels = units / width
  const offset = (row: number) => rowOf(layout, row).start
  const moved = rows.map((_, i) => i).filter((i) => rows[i] !== i)
  if (moved.length === 0) return
  const to = moved.map(offset)
  const from = moved.map((i) => offset(rows[i]))
  const before = memory.read(address, layout.sequence(units))
  // In a copy, because single values of shared memory take longer to read and write.
  const after = before.slice()
  for (let at = 0; at < panels * panel; at += panel) {
    for (let i = 0; i < to.length; i++) {
      for (let lane = 0; lane < width; lane++) after[to[i] + at + lane] = before[from[i] + at + lane]
    }
  }
  memory.write(address, after)
}
