import type { Layout } from './layout.js'
import type { LinearMemory } from './memory.js'

/** Of a state of one step in panels at `address`: what lay in row rows[i] comes to lie in row i. */
export function selectRows(memory: LinearMemory, layout: Layout, address: number, rows: Int32Array): void {
  const { width, units, panel, rows: rowsOfPart } = layout
  const panels = units / width
  const offset = (row: number) => {
    const part = Math.floor(row / rowsOfPart)
    return part * panels * panel + (row - part * rowsOfPart) * width
  }
  const moved = rows.map((_, i) => i).filter((i) => rows[i] !== i)
  if (moved.length === 0) return
  const to = moved.map(offset)
  const from = moved.map((i) => offset(rows[i]))
  const before = memory.read(address, layout.sequence(units))
  // Not in the memory itself, where single values take longer if it is shared.
  const after = before.slice()
  for (let at = 0; at < panels * panel; at += panel) {
    for (let i = 0; i < to.length; i++) {
      for (let lane = 0; lane < width; lane++) after[to[i] + at + lane] = before[from[i] + at + lane]
    }
  }
  memory.write(address, after)
}
