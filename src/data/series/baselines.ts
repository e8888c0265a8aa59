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

/**
 * Simple exponential smoothing, l = α y + (1 − α) l, from the first value on (Brown 1956). α is that of 0.01, 0.02, … 1 with the
 * least squared error of one step ahead.
 */
export const exponentialSmoothing: SeriesBaseline = (history, steps) => {
  let best = { error: Infinity, level: history[0] }
  for (let percent = 1; percent <= 100; percent++) {
    const alpha = percent / 100
    let [level, error] = [history[0], 0]
    for (let i = 1; i < history.length; i++) {
      const ahead = history[i] - level
      error += ahead ** 2
      level += alpha * ahead
    }
    if (error < best.error) best = { error, level }
  }
  return new Float64Array(steps).fill(best.level)
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
    'exponential smoothing': exponentialSmoothing,
  }
}
