import { Command, Option } from 'commander'
import { xLabels, yLabels } from '../config.js'
import { checkOut } from './check-out.js'
import { number } from './command-line.js'
import type { ComparisonOptions } from './compare-runs.js'
import { checkPicture } from './picture-ending.js'

export function plotCommand(): Command {
  return new Command('plot')
    .description('Compare trainings: their curves as a picture and in the terminal, and their best values.')
    .argument('<run...>', 'folders of trainings, or of sweeps, which stand for their trials')
    .option('--out <file>', 'the picture; its name ends in .svg or .png', 'plot.svg')
    .addOption(new Option('--y <series>', 'the value that is shown').choices(Object.keys(yLabels)).default('loss'))
    .addOption(new Option('--x <axis>', 'the x axis').choices(Object.keys(xLabels)).default('step'))
    .option('--log', 'use a logarithmic scale')
    .addOption(
      new Option('--smooth <n>', 'show each training point as the mean of n points: itself and those before it')
        .argParser(number)
        .default(1),
    )
    .option('--json', 'one JSON object on standard output')
    .addHelpText(
      'after',
      `
Examples:
  unrolled plot runs/time-machine
  unrolled plot runs/* --y perplexity --x epoch --log
  unrolled plot runs/lstm runs/gru --y tokens_per_second --x time --smooth 20 --out speed.png

Folders and files that are no trainings are left out, with a line that says so, as long as a training is among them.`,
    )
    .action(run)
}

/** The libraries are loaded only when they are used, so that help and errors about options appear at once. */
async function run(folders: string[], options: ComparisonOptions): Promise<void> {
  checkPicture('plot', '--out', options.out)
  await checkOut('plot', '--out', options.out)
  const { compareRuns } = await import('./compare-runs.js')
  await compareRuns(folders, options)
}
