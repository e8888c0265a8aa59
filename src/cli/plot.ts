import path from 'node:path'
import { writeFileAtomic } from '../node/atomic.js'
import { linePlot } from '../node/plot.js'
import type { EpochEvent } from '../train/events.js'

const COLUMNS = 60

/** Shows perplexity over epochs in the terminal and writes it beside the model. @returns the SVG file */
export async function showCurve(
  history: readonly EpochEvent[],
  folder: string,
  say: (text: string) => void,
): Promise<string> {
  const { plot } = (await import('asciichart')).default
  const count = Math.min(COLUMNS, history.length)
  const values = Array.from({ length: count }, (_, i) => {
    const at = Math.round((i * (history.length - 1)) / Math.max(count - 1, 1))
    return history[at].perplexity
  })
  say(`perplexity, epochs 1 to ${history.length}\n${plot(values, { height: 10 })}`)
  const file = path.join(folder, 'perplexity.svg')
  const svg = await linePlot({
    title: 'Training perplexity',
    xLabel: 'epoch',
    yLabel: 'perplexity',
    series: [
      { name: 'training', x: history.map(({ epoch }) => epoch), y: history.map(({ perplexity }) => perplexity) },
    ],
  })
  await writeFileAtomic(file, svg)
  return file
}
