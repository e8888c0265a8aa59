/** How far forecasts are from the truth. Undefined where a measure does not exist. */
export interface ForecastErrors {
  /** Mean absolute error. */
  mae: number
  /** Root of the mean squared error. */
  rmse: number
  /** Symmetric mean absolute percentage error, 200 |y − ŷ| / (|y| + |ŷ|), in percent (Makridakis 1993); two zeros count as 0. */
  smape: number
  /**
   * The mean of the absolute errors, each divided by the mean absolute error of the seasonal naive forecast in the training part of
   * its series (Hyndman & Koehler 2006). A series where that is 0 has none, and counts for nothing beside others.
   */
  mase?: number
}

/**
 * The errors of forecasts.
 * @param scale the divisor of MASE, as `maseScale` gives it; for values of several series, one for each value
 */
export function forecastErrors(
  truth: ArrayLike<number>,
  forecast: ArrayLike<number>,
  scale: number | ArrayLike<number> = 0,
): ForecastErrors {
  let [absolute, square, relative, scaled, withScale] = [0, 0, 0, 0, 0]
  for (let i = 0; i < truth.length; i++) {
    const error = Math.abs(truth[i] - forecast[i])
    const size = Math.abs(truth[i]) + Math.abs(forecast[i])
    absolute += error
    square += error ** 2
    relative += size === 0 ? 0 : (200 * error) / size
    const divisor = typeof scale === 'number' ? scale : scale[i]
    if (divisor === 0) continue
    scaled += error / divisor
    withScale++
  }
  return {
    mae: absolute / truth.length,
    rmse: Math.sqrt(square / truth.length),
    smape: relative / truth.length,
    mase: withScale === 0 ? undefined : scaled / withScale,
  }
}

/** The mean absolute error of predicting each value of a training part by the one a season before; 0 if it is too short. */
export function maseScale(values: ArrayLike<number>, season: number): number {
  let sum = 0
  for (let i = season; i < values.length; i++) sum += Math.abs(values[i] - values[i - season])
  return values.length > season ? sum / (values.length - season) : 0
}
