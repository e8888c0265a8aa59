import { availableParallelism } from 'node:os'
import { Command, Option } from 'commander'
import { number } from './command-line.js'
import type { SweepOptions } from './sweep/run-sweep.js'

export function sweepCommand(): Command {
  return new Command('sweep')
    .description('Train many models, as a file describes them, and tell which options matter.')
    .argument('<file>', 'a YAML file; --help shows one')
    .option('--out <folder>', "the sweep's folder (default: in runs/, named after the file)")
    .addOption(
      new Option('--parallel <n>', 'trainings at a time')
        .argParser(number)
        .default(cores(), 'as many as the machine has cores'),
    )
    .option('--json', 'one JSON object per line on standard output: a result for each trial, and the best')
    .addHelpText(
      'after',
      `
Example of a file:
  texts: [novel.txt]            # beside the file; without texts, The Time Machine
  options:                      # those of unrolled train, for all trials
    epochs: 27
    validation: 0.1             # trials are compared on held-out text
  search: random                # or grid, which tries all combinations
  trials: 30
  seed: 0
  vary:
    cell: [rnn, gru, lstm]
    hidden-size: { from: 32, to: 256, scale: log }
    lr: { from: 0.1, to: 4, scale: log }
  halving: { first: 3, factor: 3 }   # after 3, 9 and 27 epochs only the best third goes on

Ctrl-C saves all trainings; the same command goes on with them, however it was stopped.`,
    )
    .action(run)
}

function cores(): number {
  return availableParallelism()
}

/** The library is loaded only when it is used, so that help and errors about options appear at once. */
async function run(file: string, options: SweepOptions): Promise<void> {
  const { runSweep } = await import('./sweep/run-sweep.js')
  await runSweep(file, options)
}
