/** Forecasts `steps` values from those before. */
export type SeriesBaseline = (history: Float64Array, steps: number) => Float64Array

/** The last value again and again. */
export const naive: SeriesBaseline = (history, steps) => new Float64Array(steps).fill(history[history.length - 1])

/** The last season again and again. */
export const seasonalNaive =
  (season: number): SeriesBaseline =>
  (history, steps) =>
    new Float64Array(steps).map((_, i) => history[history.length - season + (i % season)])

/** The mean of the last `count` values. */
export const movingAverage =
  (count: number): SeriesBaseline =>
  (history, steps) => {
    const last = history.subarray(-count)
    return new Float64Array(steps).fill(last.reduce((sum, value) => sum + value, 0) / last.length)
  }

/** The straight line through the first and the last value. */
export const drift: SeriesBaseline = (history, steps) => {
  const last = history[history.length - 1]
  const slope = history.length > 1 ? (last - history[0]) / (history.length - 1) : 0
  return new Float64Array(steps).map((_, i) => last + slope * (i + 1))
}

/** A fit of simple exponential smoothing. */
interface Smoothing {
  alpha: number
  /** The level before the first value. */
  first: number
  /** The level after the last value. */
  last: number
  /** The sum of the squared errors of one step ahead. */
  error: number
}

/** A slope whose square is hardly a number of full precision: processors take a hundred times as long for those that are not. */
const NOTHING = 1e-150

/**
 * Simple exponential smoothing with a given α, l_t = α y_t + (1 − α) l_{t−1}, whose first level has the least squared error: each
 * error ahead is a straight line in the first level, of slope −(1 − α)^t.
 */
function smoothed(values: ArrayLike<number>, alpha: number): Smoothing {
  let [level, slope, square, cross, slopes] = [values[0], 1, 0, 0, 0]
  for (let i = 0; i < values.length; i++) {
    const ahead = values[i] - level
    square += ahead ** 2
    cross += ahead * slope
    slopes += slope ** 2
    level += alpha * ahead
    slope *= slope > NOTHING ? 1 - alpha : 0
  }
  const shift = cross / slopes
  return { alpha, first: values[0] + shift, last: level + shift * slope, error: square - shift * cross }
}

/**
 * Fits α, from 0.0001 to 0.9999 as in R's `ses`, and the first level: the best of 100 values of α, and from there a golden
 * section search between its neighbours.
 */
export function fitSmoothing(values: ArrayLike<number>): Smoothing {
  const alphaOf = (hundredths: number) => Math.min(Math.max(hundredths / 100, 0.0001), 0.9999)
  const grid = Array.from({ length: 101 }, (_, i) => smoothed(values, alphaOf(i)))
  const best = grid.reduce((a, b) => (b.error < a.error ? b : a))
  const at = grid.indexOf(best)
  let [low, high] = [alphaOf(at - 1), alphaOf(at + 1)]
  const golden = (Math.sqrt(5) - 1) / 2
  let [a, b] = [smoothed(values, high - golden * (high - low)), smoothed(values, low + golden * (high - low))]
  for (let i = 0; i < 20; i++) {
    if (a.error < b.error) {
      ;[high, b] = [b.alpha, a]
      a = smoothed(values, high - golden * (high - low))
    } else {
      ;[low, a] = [a.alpha, b]
      b = smoothed(values, low + golden * (high - low))
    }
  }
  return [best, a, b].reduce((a, b) => (b.error < a.error ? b : a))
}

/** Values up to which a fit takes so little time that each forecast can have its own. */
const SHORT = 5000

/**
 * Simple exponential smoothing (Brown 1956), for forecasts of one series after another, each with more of its values than the last. α
 * and the first level are those with the least squared error of one step ahead. While a long series grows by a hundredth, they stay,
 * and the level follows the values: with a fit for each forecast, the time would grow with the square of the length, to hours for a
 * year of minutes.
 */
export function exponentialSmoothing(): SeriesBaseline {
  let known: Float64Array = new Float64Array()
  let fit = { alpha: 0, last: 0 }
  return (history, steps) => {
    const isLonger = history.buffer === known.buffer && history.byteOffset === known.byteOffset
    const added = history.length - known.length
    if (!isLonger || added < 0 || (added > 0 && (known.length < SHORT || added > known.length / 100))) {
      known = history
      fit = fitSmoothing(history)
    }
    const after = history.subarray(known.length)
    const level = after.reduce((level, value) => level + fit.alpha * (value - level), fit.last)
    return new Float64Array(steps).fill(level)
  }
}

/**
 * Those of these that there are values for, by name.
 * @param season values after which a pattern repeats; 1 for none
 * @param known the fewest values before a forecast
 */
export function seriesBaselines(season: number, known = Infinity): Record<string, SeriesBaseline> {
  return {
    naive,
    ...(season > 1 && season <= known ? { 'seasonal naive': seasonalNaive(season) } : {}),
    'moving average': movingAverage(Math.max(season, 7)),
    drift,
    'exponential smoothing': exponentialSmoothing(),
  }
}
