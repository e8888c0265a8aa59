import { Command } from 'commander'
import { labelRunDefaults, seriesRunDefaults } from '../config.js'
import { saidOf, withOptions } from './command-line.js'
import { modelKindIn } from './model-kind.js'
import { checkTableFlags, type TableFlags, type TableName, tableNamed, tableOptions } from './table-flags.js'
import { type TrainingOptions, trainingDefaults, trainingOptions } from './training-flags.js'

export function trainCommand(): Command {
  const [series, labels] = [seriesRunDefaults, labelRunDefaults]
  return withOptions(new Command('train'), [...trainingOptions(), ...tableOptions()])
    .description(
      "Train a language model; without a text, the book's model on The Time Machine. With --target, forecast series of numbers; with --text-column, label texts.",
    )
    .argument(
      '[text...]',
      'text files, directories, patterns such as books/*.txt, or - for standard input; with --target or --text-column one CSV file, or -',
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
  unrolled train reviews.csv --text-column review --label-column stars --tokens word --test 0.1

Of the options above, a training on series has --cell, --nonlinearity, --hidden-size, --num-layers, --dropout, --layer-norm,
--batch-size, --validation and --test (as shares, or numbers of values), those under Training, Folders (without
--extend-vocab) and Machine; one on labelled texts also has --embedding-size, --input-dropout, --output-dropout,
--bidirectional, --tokens, --clean and --max-tokens (of each text). Their defaults: gru with --hidden-size ${series.hiddenSize}, or ${labels.hiddenSize} and
--embedding-size ${labels.embeddingSize} for labels, --epochs ${labels.epochs}, --optimizer adamw with --lr 0.01 (1 for sgd), --schedule cosine with --warmup of a
twentieth of the steps, --validation 0.1; the model with the lowest held-out loss is kept. For them --device auto takes a GPU
where there is one. --init-from takes a model of the same kind, whose columns and tokens stay.

Ctrl-C ends the training after the current step and saves the model. --resume continues it, and takes another --lr,
--clip, --clip-value, --epochs and --patience. The exit code is 0 if everything was saved, 2 for an error that you can
fix, 3 for a training whose loss became huge or no number, and 129, 130 or 143 after a signal.`,
    )
    .action(async (files: string[], options: TableFlags, command: Command) => {
      const said = saidOf(command)
      const table = tableNamed(options) ?? (await tableOf(options))
      checkTableFlags(table, said)
      if (table === undefined) return run(files, options, said)
      const { trainOnTable } = await import('./train-table.js')
      await trainOnTable(table, files, options, said)
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

/** What a training is on that is resumed, or begins with a saved model; undefined for a text. */
async function tableOf({ resume, initFrom }: TableFlags): Promise<TableName | undefined> {
  const named = async () => {
    if (resume === undefined) return initFrom === undefined ? undefined : modelKindIn(initFrom)
    const { FolderStore, runKindIn } = await import('../node.js')
    return runKindIn(new FolderStore(resume)).catch(() => undefined)
  }
  const kind = await named()
  return kind === 'text' ? undefined : kind
}

/** The library is loaded only when it is used, so that help and errors about options appear at once. */
async function run(texts: string[], options: TrainingOptions, said: string[]): Promise<void> {
  const { runTraining } = await import('./run-training.js')
  await runTraining(texts, options, said)
}
