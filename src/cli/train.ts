import { Command } from 'commander'
import { saidOf, withOptions } from './command-line.js'
import { checkSeriesFlags, type SeriesFlags, seriesOptions } from './series-flags.js'
import { type TrainingOptions, trainingDefaults, trainingOptions } from './training-flags.js'

export function trainCommand(): Command {
  return withOptions(new Command('train'), [...trainingOptions(), ...seriesOptions()])
    .description("Train a language model; without a text, the book's model on The Time Machine.")
    .argument(
      '[text...]',
      'text files, directories, patterns such as books/*.txt, or - for standard input; or with --target a CSV file',
    )
    .addHelpText(
      'after',
      `
Examples:
  unrolled train                                       The Time Machine, 500 epochs
  unrolled train --cell gru --epochs 100
  unrolled train books/ --validation 0.1 --cell lstm --optimizer adam
  unrolled train --resume runs/books
  unrolled train letters.txt --init-from runs/books --extend-vocab
  unrolled train novel.txt --json | jq .perplexity
  unrolled train weather.csv --target temp_max --features wind,precipitation --window 30 --horizon 7

Ctrl-C ends the training after the current step and saves the model. --resume continues it, and takes another --lr,
--clip, --clip-value, --epochs and --patience. The exit code is 0 if everything was saved, 2 for an error that you can
fix, 3 for a training that exploded and whose model is useless, and 129, 130 or 143 after a signal.`,
    )
    .action(async (files: string[], options: TrainingOptions & SeriesFlags, command: Command) => {
      const said = saidOf(command)
      checkSeriesFlags(options, said)
      if (options.target !== undefined || (options.resume !== undefined && (await isOfSeries(options.resume)))) {
        const { trainOnSeries } = await import('./train-series.js')
        await trainOnSeries(files, options, said)
      } else await run(files, options, said)
    })
}

export function bookCommand(): Command {
  const all = trainingOptions()
  const varied = ['cell', 'sampling', 'epochs', 'seed', 'kernels', 'threads', 'device', 'out', 'json']
  return withOptions(
    new Command('book'),
    all.filter((option) => varied.includes(option.attributeName())),
  )
    .description(
      "Train the book's model on The Time Machine: `unrolled train` with the options of the book's exercises.",
    )
    .addHelpText(
      'after',
      `
Examples:
  unrolled book                        perplexity 1.4 or less after 500 epochs
  unrolled book --sampling random
  unrolled book --cell lstm --epochs 200 --out runs/lstm

unrolled train has more options.`,
    )
    .action((options: Partial<TrainingOptions>, command: Command) =>
      run([], { ...trainingDefaults(), ...options } as TrainingOptions, saidOf(command)),
    )
}

/** Whether the training in a folder is one of series of numbers. */
async function isOfSeries(folder: string): Promise<boolean> {
  const { FolderStore, isSeriesRun } = await import('../node.js')
  return isSeriesRun(new FolderStore(folder)).catch(() => false)
}

/** The library is loaded only when it is used, so that help and errors about options appear at once. */
async function run(texts: string[], options: TrainingOptions, said: string[]): Promise<void> {
  const { runTraining } = await import('./run-training.js')
  await runTraining(texts, options, said)
}
