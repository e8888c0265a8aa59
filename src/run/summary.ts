import { type PlottedRun, trainingEvents } from './curves.js'

/** A training's results. */
export interface Summary {
  /** The name of the run. */
  run: string
  /** Completed epochs. */
  epochs: number
  steps: number
  /** The loss of the last epoch, or of the last known step if no epoch ended. */
  trainingLoss: number | null
  /** The lowest loss of what was held out, and its step. */
  validation: { loss: number; perplexity?: number; step: number } | null
  /** The median over its epochs or steps. */
  tokensPerSecond: number | null
}

/** The summary of a run's events. */
export function summaryOf({ name, events, perplexity = true }: PlottedRun): Summary {
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
    validation: best
      ? { loss: best.loss, ...(perplexity && { perplexity: Math.exp(best.loss) }), step: best.step }
      : null,
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
