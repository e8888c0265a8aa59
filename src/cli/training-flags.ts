import { Option } from 'commander'
import { cellNames, type RunOptions, runOptionKinds, tokenKinds } from '../config.js'
import { defaultsOf, number, numberOrAll } from './command-line.js'

/** The options of a training on the command line. */
export interface TrainingOptions extends RunOptions {
  out?: string
  resume?: string
  json?: boolean
}

const choice = (flags: string, text: string, words: readonly string[]) =>
  new Option(flags, text).choices(words).default(words[0])

const amount = (flags: string, text: string, value: number | undefined, parse = number) =>
  new Option(flags, text).argParser(parse).default(value)

/** An option with a limit; `all` means no limit. */
const limit = (flags: string, text: string, value: number = Infinity) =>
  amount(flags, text, value, numberOrAll).default(value, value === Infinity ? 'all' : undefined)

/** The help of `--encoding` in every command that reads a text. */
export const encodingHelp =
  'encoding of the text, such as windows-1252 or utf-16le (default: by the byte order mark, or utf-8)'

/** All options of a training, grouped under the headings in the help; their defaults are the book's. */
const groups: Record<string, () => Option[]> = {
  'Model:': () => [
    choice('--cell <kind>', 'kind of recurrent layer', [...cellNames]),
    choice('--nonlinearity <function>', 'of an rnn', ['tanh', 'relu']),
    amount('--proj-size <n>', 'features of a projected hidden state, of an lstm (default: none)', undefined),
    new Option('--peepholes', 'gates that see the cell state, of an lstm'),
    amount('--hidden-size <n>', 'hidden units of each layer', 256),
    amount('--num-layers <n>', 'layers on top of each other', 1),
    amount('--embedding-size <n>', 'features of a learned embedding of the tokens (default: none)', undefined),
    new Option(
      '--tie-weights',
      "the embedding is also the output's weight; its size must be the hidden units' or the projection's",
    ),
    new Option('--layer-norm', 'layer normalization in the cells'),
    amount('--dropout <p>', 'between layers', 0),
    amount('--input-dropout <p>', 'of the embedding, or of whole tokens without an embedding', 0),
    amount('--output-dropout <p>', 'of the last layer', 0),
    amount('--weight-dropout <p>', 'of hidden-to-hidden weights', 0),
    new Option('--variational', 'the same dropout mask at all time steps'),
    new Option('--bidirectional', 'for labelled texts alone: read them in both directions'),
  ],
  'Text:': () => [
    amount('--batch-size <n>', 'sequences in a batch', 32),
    amount('--num-steps <n>', 'tokens in a sequence', 35),
    choice('--sampling <kind>', 'how the text is cut into sequences', ['sequential', 'random']),
    amount(
      '--max-tokens <n>',
      'use only the first n tokens, or all (default: all; for The Time Machine 10000)',
      undefined,
      numberOrAll,
    ),
    choice('--tokens <kind>', 'what a token is', tokenKinds),
    new Option('--encoding <name>', encodingHelp),
    new Option('--clean', "the book's cleaning: only the letters A–Z, in lower case (default for The Time Machine)"),
    new Option('--no-clean', 'use the text as it is (default for other texts)'),
    amount('--validation <p>', 'part near the end of the text, held out for validation', 0),
    amount('--test <p>', 'part at the end of the text that training never sees, for eval', 0),
  ],
  'Training:': () => [
    amount('--epochs <n>', 'passes over the text', 500),
    choice('--optimizer <kind>', 'the optimizer', ['sgd', 'adam', 'adamw', 'rmsprop']),
    amount('--lr <rate>', 'learning rate (default: 1 for sgd, 0.001 for adam and adamw, 0.01 for rmsprop)', undefined),
    amount('--momentum <m>', 'of sgd and rmsprop', 0),
    new Option('--nesterov', "Nesterov's momentum, of sgd"),
    amount('--weight-decay <w>', 'pulls parameters towards 0 (default: 0.01 for adamw, otherwise 0)', undefined),
    limit('--clip <norm>', 'largest norm of the gradients; all means no clipping', 1),
    limit('--clip-value <g>', 'largest gradient of a parameter'),
    amount('--accumulate <n>', 'batches whose gradients are added up for one step', 1),
    choice('--schedule <kind>', 'of the learning rate', ['constant', 'step', 'cosine', 'plateau']),
    amount('--warmup <steps>', 'steps until the full learning rate, for cosine', 0),
    amount('--decay-every <steps>', 'steps between two changes, for step', 1000),
    amount('--decay <factor>', 'factor of each change, for step and plateau', 0.5),
    amount('--plateau-patience <n>', 'validations without a better loss before a change, for plateau', 2),
    amount('--min-lr <rate>', 'lowest learning rate, for cosine and plateau', 0),
    amount('--validate-every <steps>', 'steps between two validations (default: one per epoch)', undefined),
    limit('--patience <n>', 'end after n validations without a better loss'),
    amount('--seed <n>', 'the same seed gives the same model', 0),
  ],
  'Folders:': () => [
    new Option(
      '--out <folder>',
      "the model's folder; a finished model there is replaced (default: a new one in runs/)",
    ),
    new Option('--resume <folder>', 'resume a training, however it was stopped'),
    new Option(
      '--init-from <model>',
      'begin with a saved model and its vocabulary, and with its own text if none is named; optimizer and learning rate are not those of its training, but what --optimizer and --lr say',
    ),
    new Option('--extend-vocab', 'with --init-from: new rows for tokens that the model does not know'),
    limit('--checkpoint-steps <n>', 'steps between two checkpoints'),
    limit('--checkpoint-minutes <n>', 'minutes between two checkpoints', 1),
    new Option('--tensorboard', 'write event files for TensorBoard'),
  ],
  'Machine:': () => [
    choice('--kernels <set>', 'auto uses blas if the system has one, otherwise wasm', [
      'auto',
      'wasm',
      'blas',
      'reference',
    ]),
    amount('--threads <n>', 'for wasm or blas (default: as many as the machine has cores, up to 8)', undefined),
    choice('--device <name>', 'auto takes a GPU or the CPU, whichever is faster for the model', [
      'cpu',
      'webgpu',
      'auto',
    ]),
    new Option('--json', 'one JSON object per line on standard output: an event for each epoch, and the result'),
  ],
}

export const trainingOptions = (): Option[] =>
  Object.entries(groups).flatMap(([heading, options]) => options().map((option) => option.helpGroup(heading)))

/** The default options of a training. */
export const trainingDefaults = (): Record<string, unknown> => defaultsOf(trainingOptions())

/** Those options on the command line that the library has. */
export const saidIn = (options: TrainingOptions, said: readonly string[]): Partial<RunOptions> =>
  Object.fromEntries(
    said.filter((name) => name in runOptionKinds).map((name) => [name, options[name as keyof RunOptions]]),
  )

/** An option's name as a flag. */
export const flagOf = (name: string): string => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
