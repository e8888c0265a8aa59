import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { type LinePlot, linePlot } from 'unrolled'

/** Draws a chart as runs/PROGRAM.svg. In the studio's lesson, `show` draws it below the cell. */
export async function show(plot: LinePlot): Promise<void> {
  const file = path.join('runs', `${path.parse(process.argv[1]).name}.svg`)
  await mkdir('runs', { recursive: true })
  await writeFile(file, await linePlot(plot))
  console.log(`plotted to ${file}`)
}
