import { stat } from 'node:fs/promises'
import { Command, Option } from 'commander'
import { foreignCellNames, OptionError, tokenKinds } from '../config.js'
import type { ForeignModel, ForeignOptions, TokenList } from '../formats.js'
import type { TokenKind } from '../node.js'
import { checkOut } from './check-out.js'
import { defaultsOf, saidOf } from './command-line.js'
import { interruptible } from './interrupt.js'
import { checkFlagEffects, type Needs } from './needs.js'
import { print } from './output.js'
import { encodingHelp } from './training-flags.js'

interface Options extends Pick<ForeignOptions, 'cell' | 'nonlinearity'> {
  out: string
  vocab?: string
  text?: string[] | true
  tokens: TokenKind
  /** Whether the user said what a token is. */
  tokensSaid?: boolean
  encoding?: string
  clean?: boolean
  prefix?: string[]
}

export function importCommand(): Command {
  return new Command('import')
    .description('Take over a model of another framework, whose sizes come from the names and shapes of its weights.')
    .argument(
      '<file>',
      'weights or a model: .safetensors, PyTorch’s .pt, .onnx, Keras’ .keras or .h5, TensorFlow.js’ model.json',
    )
    .requiredOption('--out <place>', 'folder of the model, or a .safetensors file for weights alone')
    .option(
      '--vocab <file>',
      'the tokens as JSON: an array in the order of their numbers, an object of numbers, or a vocab.json',
    )
    .option('--text [text...]', "count the vocabulary in a text, as `train` does; without a name, the book's")
    .addOption(new Option('--tokens <kind>', 'what a token is').choices(tokenKinds).default('char'))
    .option('--encoding <name>', encodingHelp)
    .option('--clean', "the book's cleaning of the text (default for The Time Machine)")
    .option('--no-clean', 'use the text as it is (default for other texts)')
    .addOption(new Option('--cell <kind>', 'the cell that the file must hold').choices(foreignCellNames))
    .addOption(
      new Option('--nonlinearity <function>', 'of an rnn, if the file does not tell').choices(['tanh', 'relu']),
    )
    .option('--prefix <from=to...>', 'beginnings of names, and what stands in their place')
    .addHelpText(
      'after',
      `
Examples:
  unrolled import weights.safetensors --text --out runs/book          the book's model and its text
  unrolled import weights.pt --vocab tokens.json --out runs/novel
  unrolled import weights.pt --vocab words.json --tokens word --nonlinearity relu --out runs/words
  unrolled import model.keras --vocab tokens.json --out runs/novel
  unrolled import model.onnx --vocab tokens.json --out runs/novel
  unrolled import weights.safetensors --prefix net.lstm.=rnn. --out weights-here.safetensors`,
    )
    .action(async (file: string, options: Options, command: Command) => {
      const said = saidOf(command)
      checkFlagEffects('import', options, said, needs, defaultsOf(command.options))
      await interruptible((signal) => run(file, { ...options, tokensSaid: said.includes('tokens') }, signal))
    })
}

const isWeights = ({ out }: Options): boolean => out.toLowerCase().endsWith('.safetensors')

const model = (options: Options) => isWeights(options) && '--out with the folder of a model'
const text = (options: Options) => options.text === undefined && '--text'
const tokens = (options: Options) =>
  model(options) || (options.vocab === undefined && options.text === undefined && '--vocab or --text')

const needs: Needs<Options> = {
  ...{ vocab: model, text: model, tokens, cell: model, nonlinearity: model },
  ...{ encoding: text, clean: model },
}

async function run(file: string, options: Options, signal: AbortSignal): Promise<void> {
  const { openForeign, saveModel, writeExport } = await import('../node.js')
  const { encodeSafetensors, importModel, importTensors, withVocab } = await import('../formats.js')
  const { out, vocab, text, cell, nonlinearity } = options
  if (vocab !== undefined && text !== undefined) {
    throw new OptionError('import: --vocab and --text are given, expected one of them; both tell the vocabulary')
  }
  const prefixes = prefixesOf(options.prefix)
  await checkOut('import', '--out', out, 'any', file)
  if (!isWeights(options)) await refuseTraining(out)
  const opened = await openForeign(file)
  try {
    if (isWeights(options)) {
      const tensors = await importTensors(opened, { prefixes })
      signal.throwIfAborted()
      await writeExport(out, { weights: encodeSafetensors(tensors, { format: 'pt' }) })
      print(`${Object.keys(tensors).length} tensors are saved in ${out}`)
      return
    }
    const found = await importModel(opened, { cell, nonlinearity, prefixes })
    for (const line of found.found) print(line)
    const { list, how } = await tokensFor(found, options, signal)
    const { model, vocab: known } = withVocab(found, list, file)
    const cleaned = options.clean === undefined ? how : { clean: options.clean }
    signal.throwIfAborted()
    await saveModel(out, model, known, { importedFrom: file, ...cleaned })
    print(`the model is saved in ${out}`)
  } finally {
    await opened.close()
  }
}

/** The checkpoint of a training would go on with the model before, and replace the one that was imported. */
async function refuseTraining(out: string): Promise<void> {
  const { CHECKPOINT, checkModelFolder, FolderStore } = await import('../node.js')
  await checkModelFolder(out)
  if ((await new FolderStore(out).names()).includes(CHECKPOINT)) {
    throw new OptionError(`import: ${out} is the folder of a training, expected another one for the model`)
  }
}

/** The vocabulary that goes with a model, and how its text became tokens. */
async function tokensFor(
  { config, vocab: own, training }: ForeignModel,
  options: Options,
  signal: AbortSignal,
): Promise<{ list: TokenList; how?: ForeignModel['training'] }> {
  const { vocab, text, tokens, encoding } = options
  if (vocab !== undefined) {
    const { readText } = await import('../node.js')
    const { parseTokenList } = await import('../formats.js')
    // The texts of a folder would be read as one.
    const info = await stat(vocab).catch(() => undefined)
    if (info?.isDirectory()) throw new OptionError(`import: --vocab is the folder ${vocab}, expected a file of JSON`)
    const list = { ...parseTokenList(await readText(vocab, { signal }), vocab), where: vocab }
    if (list.kind && tokens !== 'char' && tokens !== list.kind) {
      throw new OptionError(
        `import: --tokens is ${tokens}, but those of ${vocab} are of the kind ${list.kind}; leave it out`,
      )
    }
    if (!list.kind && !options.tokensSaid) warnOfWords(list.tokens, vocab)
    return { list: { ...list, kind: list.kind ?? tokens } }
  }
  if (text !== undefined) {
    const { commandTexts } = await import('./training-text.js')
    const names = text === true ? [] : text
    const source = commandTexts(names)
    const clean = options.clean ?? names.length === 0
    try {
      const read = await source.read({ tokens, clean, maxTokens: Infinity, encoding }, undefined, signal)
      await read.close?.()
      return { list: read.vocab, how: { clean } }
    } finally {
      await source.close?.()
    }
  }
  if (own) return { list: own, how: training }
  throw new OptionError(
    `import: there is no vocabulary, expected --vocab with the model's ${config.vocabSize} tokens, or --text with the text that it was trained on; weights alone go to a .safetensors file`,
  )
}

/** Says that tokens which nobody said are characters have several of them, but for marks such as <pad>. */
function warnOfWords(tokens: readonly string[], where: string): void {
  const long = tokens.filter((token) => [...token].length > 1 && !/^<.*>$/.test(token))
  if (long.length === 0) return
  const some = long.slice(0, 3).map((token) => JSON.stringify(token.slice(0, 40)))
  print(
    `${where}: ${long.length} of ${tokens.length} tokens have several characters, such as ${some.join(', ')}, but are taken as single characters, which no text contains; if they are words, import with --tokens word`,
  )
}

function prefixesOf(pairs: readonly string[] = []): Record<string, string> {
  const split = pairs.map((pair) => {
    const at = pair.indexOf('=')
    if (at === -1) throw new OptionError(`import: --prefix is ${pair}, expected two prefixes, such as lstm.=rnn.`)
    return [pair.slice(0, at), pair.slice(at + 1)]
  })
  const froms = split.map(([from]) => from)
  const twice = froms.find((from, i) => froms.indexOf(from) !== i)
  if (twice !== undefined)
    throw new OptionError(`import: --prefix names ${JSON.stringify(twice)} twice, expected it once`)
  return Object.fromEntries(split)
}
