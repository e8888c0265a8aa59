import type { Origin, SeriesData, SeriesModel, Tensor } from 'unrolled/browser'
import type { Followed } from './gradients'
import type { ReadWindow, ShownStep } from './messages'

/** A model of series with the series of its table. */
export interface LoadedSeries {
  model: SeriesModel
  data: SeriesData
}

/** Where the window ends that is asked for: the first value that is not known. */
export function originOf({ data }: LoadedSeries, { series, known }: ReadWindow): Origin {
  const { length } = data.table.series[series]
  return { series, at: Math.max(data.spec.window, Math.min(known ?? length, length)) }
}

/** What the layers of a model read of a window and of the horizon after it, [step, 1, inputSize]. */
export function inputOf({ model, data }: LoadedSeries, origin: Origin): Tensor {
  const { x, positions } = data.batch([origin])
  return model.read(x, positions).input.detach()
}

/** The steps of a window and of the horizon after it. */
export function stepsOf({ model, data }: LoadedSeries, { series, at }: Origin, target: number): ShownStep[] {
  const { window, horizon, targets } = data.spec
  const { x, positions } = data.batch([{ series, at }])
  const scaled = model.inEval(() => model.forward(x, positions)).data
  const { mean, deviation } = data.scalesOf(series)[target]
  const values = data.table.series[series].columns[target]
  return Array.from({ length: window + horizon }, (_, step) => {
    const place = at - window + step
    const ahead = step - window
    return {
      x: data.clockOf(series, place) ?? place + 1,
      truth: values[place],
      ...(ahead >= 0 && { forecast: scaled[ahead * targets.length + target] * deviation + mean }),
    }
  })
}

/** A model that reads a window, and the mean of its last forecast. */
export function followedSeries(loaded: LoadedSeries, asked: ReadWindow): Followed {
  const { rnn, linear } = loaded.model
  const input = inputOf(loaded, originOf(loaded, asked))
  const inputs = Array.from({ length: input.shape[0] }, (_, step) => input.slice(0, step, step + 1))
  return { rnn, linear, inputs, loss: (output) => output.mean() }
}
