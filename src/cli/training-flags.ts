import { Option } from 'commander'
import { cellNames, type RunOptions, runOptionKinds, tokenKinds } from '../config.js'
import { defaultsOf, number, numberOrAll } from './command-line.js'

/** What a training is told on the command line. */
export interface TrainingOptions extends RunOptions {
  out?: string
  resume?: string
  json?: boolean
}

const choice = (flags: string, text: string, words: readonly string[]) =>
  new Option(flags, text).choices(words).default(words[0])

const amount = (flags: string, text: string, value: number | undefined, parse = number) =>
  new Option(flags, text).argParser(parse).default(value)

/** `all`: no limit. */
const limit = (flags: string, text: string, value: number = Infinity) =>
  amount(flags, text, value, numberOrAll).default(value, value === Infinity ? 'all' : undefined)

/** What `--encoding` does, wherever a text is read. */
export const encodingHelp =
  'how characters are written, such as windows-1252 or utf-16le (default: by the byte order mark, or utf-8)'

/** All options of a training, by the headings that help shows; their defaults are the book's. */
const groups: Record<string, () => Option[]> = {
  'Model:': () => [
    choice('--cell <kind>', 'kind of recurrent layer', [...cellNames]),
    choice('--nonlinearity <function>', 'of an rnn', ['tanh', 'relu']),
    amount('--hidden-size <n>', 'hidden units of each layer', 256),
    amount('--num-layers <n>', 'layers on top of each other', 1),
    amount('--embedding-size <n>', 'features of a learned embedding of the tokens (default: none)', undefined),
    new Option('--tie-weights', "the embedding is the output's weight, too; its size is that of the hidden units"),
    new Option('--layer-norm', 'layer normalization in the cells: slower'),
    amount('--dropout <p>', 'between layers', 0),
    amount('--input-dropout <p>', 'of the embedding, or without one of whole tokens', 0),
    amount('--output-dropout <p>', 'of the last layer', 0),
    amount('--weight-dropout <p>', 'of hidden-to-hidden weights', 0),
    new Option('--variational', 'the same dropout mask at all time steps'),
    new Option('--bidirectional').hideHelp(),
  ],
  'Text:': () => [
    amount('--batch-size <n>', 'sequences in a batch', 32),
    amount('--num-steps <n>', 'tokens of a sequence', 35),
    choice('--sampling <kind>', 'how the text is cut into sequences', ['sequential', 'random']),
    amount(
      '--max-tokens <n>',
      'take the first so many tokens, or all (default: all, of The Time Machine 10000)',
      undefined,
      numberOrAll,
    ),
    choice('--tokens <kind>', 'what a token is', tokenKinds),
    new Option('--encoding <name>', encodingHelp),
    new Option('--clean', "the book's cleaning: only the letters A–Z, in lower case (default: of The Time Machine)"),
    new Option('--no-clean', 'take the text as it is (default: unless it is The Time Machine)'),
    amount('--validation <p>', 'part of the text, before its end, to be held out while training', 0),
    amount('--test <p>', 'part at the end of the text that training never sees, for eval', 0),
  ],
  'Training:': () => [
    amount('--epochs <n>', 'passes over the text', 500),
    choice('--optimizer <kind>', 'how parameters move', ['sgd', 'adam', 'adamw', 'rmsprop']),
    amount('--lr <rate>', 'learning rate (default: 1 for sgd, 0.001 for adam and adamw, 0.01 for rmsprop)', undefined),
    amount('--momentum <m>', 'of sgd and rmsprop', 0),
    new Option('--nesterov', "Nesterov's momentum, of sgd"),
    amount('--weight-decay <w>', 'pulls parameters to 0 (default: 0.01 for adamw, else 0)', undefined),
    limit('--clip <norm>', 'largest norm of the gradients; all leaves them as they are', 1),
    limit('--clip-value <g>', 'largest gradient of a parameter'),
    amount('--accumulate <n>', 'batches whose gradients make one step', 1),
    choice('--schedule <kind>', 'of the learning rate', ['constant', 'step', 'cosine', 'plateau']),
    amount('--warmup <steps>', 'steps before the full learning rate, of cosine', 0),
    amount('--decay-every <steps>', 'steps between two changes, of step', 1000),
    amount('--decay <factor>', 'of each change, of step and plateau', 0.5),
    amount('--plateau-patience <n>', 'validations without a better loss before a change, of plateau', 2),
    amount('--min-lr <rate>', 'lowest learning rate, of cosine and plateau', 0),
    amount('--validate-every <steps>', 'steps between two validations (default: one an epoch)', undefined),
    limit('--patience <n>', 'end after so many validations without a better loss'),
    amount('--seed <n>', 'the same seed gives the same model', 0),
  ],
  'Folders:': () => [
    new Option(
      '--out <folder>',
      "the model's folder; a finished model there is replaced (default: a new one in runs/)",
    ),
    new Option('--resume <folder>', 'go on with a training that was stopped, whichever way'),
    new Option('--init-from <model>', 'begin with a saved model and its vocabulary; without a text, on its own'),
    new Option('--extend-vocab', 'with --init-from: new rows for tokens that the model does not know'),
    limit('--checkpoint-steps <n>', 'steps between two checkpoints'),
    limit('--checkpoint-minutes <n>', 'minutes between two checkpoints', 1),
    new Option('--tensorboard', 'write event files for TensorBoard'),
  ],
  'Machine:': () => [
    choice('--kernels <set>', 'auto takes blas where the system has one, else wasm', [
      'auto',
      'wasm',
      'blas',
      'reference',
    ]),
    amount('--threads <n>', 'of wasm or blas (default: as many as the machine has cores, up to 8)', undefined),
    new Option('--json', 'one JSON object a line on standard output: an event an epoch, and the result'),
  ],
}

export const trainingOptions = (): Option[] =>
  Object.entries(groups).flatMap(([heading, options]) => options().map((option) => option.helpGroup(heading)))

/** What a training is told where nobody says otherwise. */
export const trainingDefaults = (): Record<string, unknown> => defaultsOf(trainingOptions())

/** The options of the library among those that stand on the command line. */
export const saidIn = (options: TrainingOptions, said: readonly string[]): Partial<RunOptions> =>
  Object.fromEntries(
    said.filter((name) => name in runOptionKinds).map((name) => [name, options[name as keyof RunOptions]]),
  )

/** An option as it stands on the command line. */
export const flagOf = (name: string): string => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
