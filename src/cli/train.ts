import { Command, Option } from 'commander'
import { number, numberOrAll } from './arguments.js'
import type { TrainingOptions } from './run-training.js'

const choice = (flags: string, text: string, words: string[]) =>
  new Option(flags, text).choices(words).default(words[0])

const amount = (flags: string, text: string, value: number, parse = number) =>
  new Option(flags, text).argParser(parse).default(value)

/** All options of a training; their defaults are the book's. */
const trainOptions = (): Option[] => [
  choice('--cell <kind>', 'kind of recurrent layer', ['rnn', 'gru', 'lstm']),
  choice('--nonlinearity <function>', 'of an rnn', ['tanh', 'relu']),
  amount('--hidden-size <n>', 'hidden units of each layer', 256),
  amount('--num-layers <n>', 'layers on top of each other', 1),
  amount('--dropout <p>', 'between layers', 0),
  new Option('--bidirectional').hideHelp(),
  amount('--batch-size <n>', 'sequences in a batch', 32),
  amount('--num-steps <n>', 'tokens of a sequence', 35),
  choice('--sampling <kind>', 'how the text is cut into sequences', ['sequential', 'random']),
  amount('--max-tokens <n>', 'train on the first so many tokens, or all', 10_000, numberOrAll),
  choice('--tokens <kind>', 'what a token is', ['char', 'word']),
  new Option('--no-clean', 'keep case, punctuation and line ends').default(true),
  amount('--epochs <n>', 'passes over the text', 500),
  amount('--lr <rate>', 'learning rate', 1),
  amount('--clip <norm>', 'largest norm of the gradients; all leaves them as they are', 1, numberOrAll),
  amount('--seed <n>', 'the same seed gives the same model', 0),
  choice('--kernels <set>', 'auto takes blas where the system has one, else wasm', [
    'auto',
    'wasm',
    'blas',
    'reference',
  ]),
  new Option('--threads <n>', 'threads of wasm or blas (default: as many as the machine has cores, up to 8)').argParser(
    number,
  ),
  new Option('--out <folder>', "the model's folder; an older model there is replaced (default: a new one in runs/)"),
  new Option('--json', 'one JSON object a line on standard output: an event an epoch, and the result'),
]

export function trainCommand(): Command {
  return withOptions(new Command('train'), trainOptions())
    .description("Train a language model; without a text, the book's model on The Time Machine.")
    .argument('[text...]', 'text files, or directories of .txt files')
    .addHelpText(
      'after',
      `
Examples:
  unrolled train                                       The Time Machine, 500 epochs
  unrolled train --cell gru --epochs 100
  unrolled train books/ --no-clean --max-tokens all --num-layers 2 --dropout 0.2
  unrolled train novel.txt --json | jq .perplexity

Ctrl-C ends the training after the step in hand and saves the model.`,
    )
    .action((texts: string[], options: TrainingOptions) => run(texts, options))
}

export function bookCommand(): Command {
  const all = trainOptions()
  const defaults = Object.fromEntries(all.map((option) => [option.attributeName(), option.defaultValue]))
  const varied = ['cell', 'sampling', 'epochs', 'seed', 'kernels', 'threads', 'out', 'json']
  return withOptions(
    new Command('book'),
    all.filter((option) => varied.includes(option.attributeName())),
  )
    .description("Train the book's model on The Time Machine: what `npm start` runs.")
    .addHelpText(
      'after',
      `
Examples:
  unrolled book                        perplexity 1.4 or less after 500 epochs
  unrolled book --sampling random
  unrolled book --cell lstm --epochs 200 --out runs/lstm

unrolled train has more options.`,
    )
    .action((options: Partial<TrainingOptions>) => run([], { ...defaults, ...options } as TrainingOptions))
}

function withOptions(command: Command, options: Option[]): Command {
  for (const option of options) command.addOption(option)
  return command
}

/** The library is loaded only where it is used: help and mistyped options come at once. */
async function run(texts: string[], options: TrainingOptions): Promise<void> {
  const { runTraining } = await import('./run-training.js')
  await runTraining(texts, options)
}
