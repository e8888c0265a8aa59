/** How far forecasts are from the truth. Undefined where a measure does not exist. */
export interface ForecastErrors {
  /** Mean absolute error. */
  mae: number
  /** Root of the mean squared error. */
  rmse: number
  /** Symmetric mean absolute percentage error, 200 |y − ŷ| / (|y| + |ŷ|), in percent (Makridakis 1993); two zeros count as 0. */
  smape: number
  /** The mean absolute error divided by that of the seasonal naive forecast in the training part (Hyndman & Koehler 2006). */
  mase?: number
}

/** The errors of forecasts of the same series. @param scale the divisor of MASE, as `maseScale` gives it */
export function forecastErrors(truth: ArrayLike<number>, forecast: ArrayLike<number>, scale?: number): ForecastErrors {
  let [absolute, square, relative] = [0, 0, 0]
  for (let i = 0; i < truth.length; i++) {
    const error = Math.abs(truth[i] - forecast[i])
    const size = Math.abs(truth[i]) + Math.abs(forecast[i])
    absolute += error
    square += error ** 2
    relative += size === 0 ? 0 : (200 * error) / size
  }
  const mae = absolute / truth.length
  const mase = scale === undefined || scale === 0 ? undefined : mae / scale
  return { mae, rmse: Math.sqrt(square / truth.length), smape: relative / truth.length, mase }
}

/** The mean absolute error of predicting each value of a training part by the one a season before; 0 if it is too short. */
export function maseScale(values: ArrayLike<number>, season: number): number {
  let sum = 0
  for (let i = season; i < values.length; i++) sum += Math.abs(values[i] - values[i - season])
  return values.length > season ? sum / (values.length - season) : 0
}
