import type { Origin, SeriesData } from '../data/series/series-data.js'
import type { SeriesModel } from '../nn/series-model.js'
import { noGrad } from '../tensor/autograd.js'
import { predicted, SIDE_BY_SIDE } from './forecasting.js'

/**
 * Scaled forecasts from many origins. Beyond the model's horizon, its own forecasts take the place of the targets in the
 * window, and the other columns are read as their mean.
 * @returns for each origin, `steps` × targets numbers
 */
export async function forecastFrom(
  model: SeriesModel,
  data: SeriesData,
  origins: readonly Origin[],
  steps: number,
  signal?: AbortSignal,
): Promise<Float64Array[]> {
  const { horizon, targets } = data.spec
  const all: Float64Array[] = []
  for (let first = 0; first < origins.length; first += SIDE_BY_SIDE) {
    const rows = origins.slice(first, first + SIDE_BY_SIDE)
    const made = rows.map(() => new Float64Array(Math.ceil(steps / horizon) * horizon * targets.length))
    for (let done = 0; done < steps; done += horizon) {
      signal?.throwIfAborted()
      const moved = rows.map(({ series, at }) => ({ series, at: at + done }))
      const read = (row: number, column: number, at: number) => {
        const { at: begin } = rows[row]
        if (at < begin) return data.value(rows[row], column, at)
        return column < targets.length ? made[row][(at - begin) * targets.length + column] : 0
      }
      const y = await model.inEval(() => noGrad(() => predicted(model, data.batch(moved, read)))).values()
      for (let step = 0; step < horizon; step++) {
        for (let row = 0; row < rows.length; row++) {
          for (let target = 0; target < targets.length; target++) {
            made[row][(done + step) * targets.length + target] = y[(step * rows.length + row) * targets.length + target]
          }
        }
      }
    }
    all.push(...made.map((numbers) => numbers.subarray(0, steps * targets.length)))
  }
  return all
}
