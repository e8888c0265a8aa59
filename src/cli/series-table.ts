import type { SeriesEvaluation } from '../node.js'
import { print } from './output.js'
import { grouped, percent, table } from './table.js'

/** Prints the errors of a model beside those of the baselines. */
export function printSeriesTable({ part, origins, steps, targets }: SeriesEvaluation, level: number): void {
  const values = steps === 1 ? 'value' : 'values'
  for (const { target, interpolated, coverage, errors } of targets) {
    print(`${target}, the ${part} part, ${origins} ${origins === 1 ? 'forecast' : 'forecasts'} of ${steps} ${values}:`)
    const rows = Object.entries(errors).map(([name, { mae, rmse, smape, mase }]) => [
      ...[name, short(mae), short(rmse), `${smape.toFixed(2)} %`, mase === undefined ? '–' : mase.toFixed(3)],
      name === 'the model' && coverage !== undefined ? percent(coverage) : '',
    ])
    if (interpolated > 0) {
      print(`${grouped(interpolated)} of the true values are not in the file but interpolated, and do not count`)
    }
    print(table([['', 'MAE', 'RMSE', 'sMAPE', 'MASE', `in the ${percent(level)} interval`], ...rows]))
  }
}

/** A number with five digits. */
const short = (value: number): string => String(Number(value.toPrecision(5)))
