import path from 'node:path'
import { Command } from 'commander'
import { OptionError } from '../config.js'
import { checkOut } from './check-out.js'
import { number } from './command-line.js'
import { deviceOption } from './device.js'
import { interruptible } from './interrupt.js'
import { checkPicture } from './picture-ending.js'
import { type ForecastFlags, gapsOption } from './series-flags.js'

export function forecastCommand(): Command {
  return new Command('forecast')
    .description('Forecast series of numbers with a saved model: as CSV, and as a picture with intervals.')
    .argument('<model>', 'folder of a model that unrolled train --target saved')
    .argument('<file>', 'CSV file with the columns of the training, or - for standard input')
    .option('--steps <n>', "how many values (default: the model's horizon)", number)
    .option('--level <p>', 'the share of true values that the intervals are to cover', number, 0.9)
    .option('--hold-out <n>', 'forecast the last n values of the file, as if they were not known', number, 0)
    .option('--out <file>', 'the CSV file', 'forecast.csv')
    .option('--plot <file>', 'the picture; its name ends in .svg or .png', 'forecast.svg')
    .addOption(gapsOption())
    .addOption(deviceOption())
    .option('--json', 'one JSON object on standard output')
    .addHelpText(
      'after',
      `
Examples:
  unrolled forecast runs/weather weather.csv --steps 30
  unrolled forecast runs/weather weather.csv --hold-out 30 --steps 30     the truth beside it
  unrolled forecast runs/sales sales.csv --level 0.8 --out next.csv --plot next.png

Beyond the horizon that the model was trained for, it reads its own forecasts. Intervals come from the part that was held
out in the training (split-conformal); where that was too short for a step or a level, they are left out.`,
    )
    .action(async (folder: string, file: string, options: ForecastFlags) => {
      checkPicture('forecast', '--plot', options.plot)
      const { out, plot } = options
      await checkOut('forecast', '--out', out, 'file', file)
      await checkOut('forecast', '--plot', plot, 'file', file)
      if (path.resolve(out) === path.resolve(plot)) {
        throw new OptionError(`forecast: --out and --plot are both '${out}', expected two files`)
      }
      const { makeForecast } = await import('./make-forecast.js')
      await interruptible((signal) => makeForecast(folder, file, options, signal))
    })
}
