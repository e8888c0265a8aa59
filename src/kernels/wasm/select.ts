import type { Layout } from './layout.js'
import type { LinearMemory } from './memory.js'

/** Of a state of one step in panels at `address`: what lay in row rows[i] comes to lie in row i. */
export function selectRows(memory: LinearMemory, layout: Layout, address: number, rows: Int32Array): void {
  const { width, units, panel, rows: rowsOfPart } = layout
  const before = memory.read(address, layout.sequence(units))
  const { floats } = memory
  const panels = units / width
  const offset = (row: number) => {
    const part = Math.floor(row / rowsOfPart)
    return part * panels * panel + (row - part * rowsOfPart) * width
  }
  rows.forEach((row, i) => {
    const from = offset(row)
    const to = address / 4 + offset(i)
    for (let at = 0; at < panels * panel; at += panel) {
      for (let lane = 0; lane < width; lane++) floats[to + at + lane] = before[from + at + lane]
    }
  })
}
