import path from 'node:path'
import { curvesOf, type EpochEvent, linePlot, type ValidationEvent } from '../node.js'
import { chart } from './chart.js'
import { writeOut } from './write-out.js'

/**
 * Shows perplexity over epochs in the terminal and writes it to an SVG file next to the model. Returns the file, if
 * any.
 */
export async function showCurve(
  history: readonly (EpochEvent | ValidationEvent)[],
  folder: string,
  say: (text: string) => void,
  colored = false,
): Promise<string | undefined> {
  const epochs = history.filter(({ type }) => type === 'epoch').map(({ epoch }) => epoch)
  const curves = curvesOf({ name: '', events: history }, { x: 'epoch', y: 'perplexity' })
  if (curves.length === 0) return undefined
  say(`perplexity, epochs ${epochs[0]} to ${epochs.at(-1)}\n${await chart(curves, { colored })}`)
  const file = path.join(folder, 'perplexity.svg')
  const svg = await linePlot({
    title: curves.length > 1 ? 'Perplexity' : 'Training perplexity',
    xLabel: 'epoch',
    yLabel: 'perplexity',
    series: curves.map(({ kind, x, y }) => ({ name: kind, x, y, dashed: kind === 'validation' })),
  })
  await writeOut(file, svg)
  return file
}
