import { checkWhole } from '../core/check.js'
import { DataError } from '../core/errors.js'
import type { TrainEvent } from '../train/training-events.js'
import type { XName, YName } from './axes.js'

/** An event, with the seconds of training until then if they are known. */
export type TimedEvent = TrainEvent & { seconds?: number }

/** The events of a run, and the run's name in a plot. */
export interface PlottedRun {
  /** '' for a run that is plotted alone. */
  name: string
  events: readonly TimedEvent[]
  /** Whether e^loss is a perplexity, as it is for texts and not for series or labels. Default true. */
  perplexity?: boolean
}

/** One line of a plot. */
export interface Curve {
  /** The name of its run. */
  run: string
  kind: 'training' | 'validation'
  x: number[]
  y: number[]
}

/** What the curves of runs show. */
export interface CurveOptions {
  /** The x axis. */
  x: XName
  /** The value that is shown. */
  y: YName
  /** Each point of a training curve is the mean of this many points: itself and those before it. Default 1. */
  smooth?: number
  /** Whether the y axis is logarithmic, so that values up to 0 are left out. */
  log?: boolean
}

/** With at least this many epochs a curve shows epochs; with fewer it shows steps. */
const ENOUGH_EPOCHS = 10
/** The most points in a curve; more would not be visible. */
const MAX_POINTS = 2000

/**
 * A run's training curve, and its validation curve if it has one; infinite values are left out.
 * @throws OptionError if smooth is not a whole number; DataError if x is 'epoch' and no epoch has ended
 */
export function curvesOf(
  { name, events, perplexity = true }: PlottedRun,
  { x, y, smooth = 1, log }: CurveOptions,
): Curve[] {
  checkWhole('curvesOf', 'smooth', smooth)
  if (y === 'perplexity' && !perplexity) return []
  const xOf = { step: ({ step }: TimedEvent) => step, epoch: epochOf(name, events, x), time: minutesOf }[x]
  const curve = (kind: Curve['kind'], shown: readonly TimedEvent[], window: number): Curve => {
    const finite = shown.filter((event) => Number.isFinite(seriesValue(event, y)))
    const means = runningMeans(
      finite.map((event) => seriesValue(event, y)),
      window,
    )
    const points = finite.map((event, i) => ({ x: xOf(event), y: means[i] })).filter((point) => !log || point.y > 0)
    const every = Math.ceil(points.length / MAX_POINTS)
    const kept = points.filter((_, i) => (points.length - 1 - i) % every === 0)
    return { run: name, kind, x: kept.map((point) => point.x), y: kept.map((point) => point.y) }
  }
  const validations = y === 'loss' || y === 'perplexity' ? events.filter(({ type }) => type === 'validation') : []
  return [curve('training', trainingEvents(events), smooth), curve('validation', validations, 1)].filter(
    (one) => one.x.length > 0,
  )
}

/** The epochs if there are enough of them, otherwise the steps. */
export function trainingEvents(events: readonly TimedEvent[]): TimedEvent[] {
  const [epochs, steps] = ['epoch', 'step'].map((kind) => events.filter(({ type }) => type === kind))
  return epochs.length >= Math.min(ENOUGH_EPOCHS, steps.length) ? epochs : steps
}

/** The mean of each value and those before it, up to `window` values in all. */
function runningMeans(values: readonly number[], window: number): number[] {
  let sum = 0
  return values.map((value, i) => {
    if (window === 1) return value
    sum += value - (i >= window ? values[i - window] : 0)
    return sum / Math.min(i + 1, window)
  })
}

function seriesValue(event: TimedEvent, y: YName): number {
  if (y === 'loss') return event.loss
  if (y === 'perplexity') return Math.exp(event.loss)
  if (event.type === 'validation') return Number.NaN
  return { lr: event.lr, grad_norm: event.gradNorm, tokens_per_second: event.tokensPerSecond }[y]
}

const minutesOf = ({ seconds = 0 }: TimedEvent): number => seconds / 60

/** Epochs as a number with a fraction: a step lies between the ends of the epochs around it. */
function epochOf(name: string, events: readonly TimedEvent[], x: XName): (event: TimedEvent) => number {
  const ends = events.filter(({ type }) => type === 'epoch').map(({ step, epoch }) => ({ step, epoch }))
  if (x === 'epoch' && ends.length === 0) {
    throw new DataError(`${name}: no epoch has ended there; use x 'step' or 'time'`)
  }
  let next = 0
  const epochs = new Map(
    events.map((event) => {
      const { step } = event
      while (next < ends.length - 1 && ends[next].step < step) next++
      const [a, b] = [ends[next - 1] ?? { step: 0, epoch: 0 }, ends[next]]
      return [event, b && a.epoch + ((b.epoch - a.epoch) * (step - a.step)) / (b.step - a.step)]
    }),
  )
  return (event) => epochs.get(event)!
}
