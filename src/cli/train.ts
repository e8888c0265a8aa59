import { Command } from 'commander'
import { saidOf, withOptions } from './command-line.js'
import { type TrainingOptions, trainingDefaults, trainingOptions } from './training-flags.js'

export function trainCommand(): Command {
  return withOptions(new Command('train'), trainingOptions())
    .description("Train a language model; without a text, the book's model on The Time Machine.")
    .argument('[text...]', 'text files, directories, patterns such as books/*.txt, or - for standard input')
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

Ctrl-C ends the training after the current step and saves the model. --resume continues it, and takes another --lr,
--clip, --clip-value, --epochs and --patience. The exit code is 0 if everything was saved, 2 for an error that you can
fix, 3 for a training that exploded and whose model is useless, and 129, 130 or 143 after a signal.`,
    )
    .action((texts: string[], options: TrainingOptions, command: Command) => run(texts, options, saidOf(command)))
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

/** The library is loaded only when it is used, so that help and errors about options appear at once. */
async function run(texts: string[], options: TrainingOptions, said: string[]): Promise<void> {
  const { runTraining } = await import('./run-training.js')
  await runTraining(texts, options, said)
}
