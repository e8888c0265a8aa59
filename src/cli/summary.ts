import { type Run, trainingEvents } from './curves.js'
import { table } from './table.js'

/** What became of a training. */
export interface Summary {
  run: string
  /** That ended. */
  epochs: number
  steps: number
  /** Of the last epoch; of the last step that is known where no epoch ended. */
  trainingLoss: number | null
  /** The best. */
  validation: { loss: number; perplexity: number; step: number } | null
  /** Median. */
  tokensPerSecond: number | null
}

export function summaryOf({ name, events }: Run): Summary {
  const training = events.filter((event) => event.type !== 'validation')
  const epochs = training.filter(({ type }) => type === 'epoch')
  const best = events
    .filter((event) => event.type === 'validation')
    .reduce<{ loss: number; step: number } | undefined>((a, b) => (a && a.loss <= b.loss ? a : b), undefined)
  return {
    run: name,
    epochs: epochs.at(-1)?.epoch ?? 0,
    steps: events.reduce((most, { step }) => Math.max(most, step), 0),
    trainingLoss: (epochs.at(-1) ?? training.at(-1))?.loss ?? null,
    validation: best ? { loss: best.loss, perplexity: Math.exp(best.loss), step: best.step } : null,
    tokensPerSecond: median(
      trainingEvents(events).flatMap((event) => (event.type === 'validation' ? [] : event.tokensPerSecond)),
    ),
  }
}

function median(values: readonly number[]): number | null {
  const sorted = values.toSorted((a, b) => a - b)
  const [low, high] = [(sorted.length - 1) / 2, sorted.length / 2].map(Math.floor)
  return sorted.length > 0 ? (sorted[low] + sorted[high]) / 2 : null
}

const heads = ['run', 'epochs', 'steps', 'loss', 'best validation', 'perplexity', 'at step', 'tokens/s']

/** Summaries side by side. */
export function summaryTable(summaries: readonly Summary[]): string {
  const rows = summaries.map(({ run, epochs, steps, trainingLoss, validation, tokensPerSecond }) => [
    run,
    String(epochs),
    String(steps),
    trainingLoss?.toFixed(4),
    validation?.loss.toFixed(4),
    validation?.perplexity.toFixed(2),
    validation?.step.toString(),
    tokensPerSecond?.toFixed(0),
  ])
  const cells = [heads, ...rows].map((row) => row.map((cell) => cell ?? '–'))
  return table(cells, '')
}
