import { Command, Option } from 'commander'
import { DataError, tokenKinds } from '../config.js'
import type { Baseline, LoadedCorpus, SourceFile, TextChanges, TextFacts, TokenKind, Vocab } from '../node.js'
import { withProgress } from './bar.js'
import { changesOf } from './changes.js'
import { defaultsOf, number, numberOrAll, saidOf } from './command-line.js'
import { interruptible } from './interrupt.js'
import { checkFlagEffects, type Needs } from './needs.js'
import { print, printJson, quoted } from './output.js'
import { bitsOf, grouped, lossTable, nameOfOrder, percent, table } from './table.js'
import { charactersPerToken, countTokens, heldOut, ordersOf } from './token-counts.js'
import { encodingHelp } from './training-flags.js'

interface Options {
  tokens: TokenKind
  encoding?: string
  clean?: boolean
  maxTokens: number
  validation: number
  orders?: number
  json?: boolean
}

export function dataCommand(): Command {
  return new Command('data')
    .description('Show the size and the tokens of a text, and how well n-grams predict it.')
    .argument('<text...>', 'text files, directories, patterns such as books/*.txt, or - for standard input')
    .addOption(new Option('--tokens <kind>', 'what a token is').choices(tokenKinds).default('char'))
    .option('--encoding <name>', encodingHelp)
    .option('--clean', "the book's cleaning: only the letters A–Z, in lower case")
    .option('--no-clean', 'use the text as it is (the default)')
    .addOption(
      new Option('--max-tokens <n>', 'use only the first n tokens').argParser(numberOrAll).default(Infinity, 'all'),
    )
    .option('--validation <p>', 'part at the end of the text that n-grams have to predict', number, 0.1)
    .option('--orders <n>', 'longest n-grams (default: 6, or 3 of words and byte pairs)', number)
    .option('--json', 'one JSON object on standard output')
    .addHelpText(
      'after',
      `
Examples:
  unrolled data novel.txt
  unrolled data books/ --tokens word --orders 4

The vocabulary comes from the whole text, so n-grams of words know every word of the part that they predict.`,
    )
    .action(async (texts: string[], options: Options, command: Command) => {
      checkFlagEffects('data', options, saidOf(command), needs, defaultsOf(command.options))
      await interruptible((signal) => run(texts, options, signal))
    })
}

const needs: Needs<Options> = { orders: ({ validation }) => validation === 0 && '--validation above 0' }

/** The number of tokens that are shown. */
const MOST_FREQUENT = 20

async function run(texts: string[], options: Options, signal: AbortSignal): Promise<void> {
  const { loadCorpus, openSources } = await import('../node.js')
  const { tokens, clean, maxTokens, encoding } = options
  const opened = await openSources(texts, 'data', { signal })
  try {
    const facts = await readFacts(opened.files, options, signal)
    const text = await withProgress('encoding', (update) =>
      loadCorpus(opened, {
        tokens,
        clean,
        maxTokens,
        encoding,
        signal,
        onProgress: ({ done, total }) => update(done / total),
      }),
    )
    try {
      await report(text, facts, options, signal)
    } finally {
      await text.close()
    }
  } finally {
    await opened.close()
  }
}

/** The facts of a text; undefined if byte tokens were asked for and the bytes are not text. */
async function readFacts(
  files: readonly SourceFile[],
  { tokens, encoding, clean = false }: Options,
  signal: AbortSignal,
): Promise<TextFacts | undefined> {
  const { textFacts } = await import('../node.js')
  try {
    return await withProgress('reading', (onProgress) => textFacts(files, { clean, encoding, signal, onProgress }))
  } catch (error) {
    if (error instanceof DataError && tokens === 'byte' && !clean && encoding === undefined) return undefined
    throw error
  }
}

async function report(
  { corpus, vocab, source, bytes, changes }: LoadedCorpus,
  facts: TextFacts | undefined,
  { tokens: kind, clean = false, validation, orders = ordersOf(vocab), json }: Options,
  signal: AbortSignal,
): Promise<void> {
  const { ngramBaselines } = await import('../node.js')
  const counts = await countTokens(corpus, vocab, signal)
  const held = await heldOut(corpus, validation)
  const baselines = held
    ? await withProgress('counting n-grams', (onProgress) =>
        ngramBaselines(held.train, held.validation, vocab.size, { maxOrder: orders, signal, onProgress }),
      )
    : []
  const tokens = corpus.length
  const present = [...counts.keys()].filter((i) => counts[i] > 0)
  const result: TextReport = {
    ...{ text: source, bytes, ...facts, kind, clean, changes, tokens, vocabulary: vocab.size },
    singletons: present.filter((i) => counts[i] === 1).length,
    entropy: present.reduce((sum, i) => sum - (counts[i] / tokens) * Math.log(counts[i] / tokens), 0),
    mostFrequent: present
      .sort((a, b) => counts[b] - counts[a])
      .slice(0, MOST_FREQUENT)
      .map((i) => ({ token: vocab.tokenOf(i), count: counts[i] })),
    validation,
    charactersPerToken: facts ? charactersPerToken(counts, vocab) : Number.NaN,
    baselines,
  }
  if (json) printJson(result)
  else printReport(result, vocab, held?.train.length)
}

interface TextReport extends Partial<TextFacts> {
  text: string
  bytes: number
  kind: TokenKind
  clean: boolean
  changes: TextChanges
  /** Number of tokens of the chosen kind. The following values are about this kind, too. */
  tokens: number
  /** Size of the vocabulary, including <unk>. */
  vocabulary: number
  /** Tokens that occur only once. */
  singletons: number
  /** Entropy of a single token, without context, in nats. */
  entropy: number
  mostFrequent: { token: string; count: number }[]
  validation: number
  /** Mean characters per token; NaN for bytes that are not text. */
  charactersPerToken: number
  baselines: Baseline[]
}

/** @param toCount number of tokens before those that n-grams have to predict */
function printReport(result: TextReport, vocab: Vocab, toCount: number | undefined): void {
  const { text, files, bytes, characters, lines, kinds, kind, clean, changes, tokens, vocabulary } = result
  print(`text: ${text}${clean ? ', cleaned as in the book' : ''}`)
  const changed = changesOf(changes, tokens)
  if (changed) print(changed)
  const sizes = { files, bytes, characters, lines }
  const known = Object.entries(sizes).filter((entry): entry is [string, number] => entry[1] !== undefined)
  print(`size: ${known.map(([name, size]) => `${grouped(size)} ${size === 1 ? name.slice(0, -1) : name}`).join(', ')}`)
  if (kinds) {
    const rows = Object.entries(kinds).map(([name, found]) => [
      ...[name, found ? grouped(found.tokens) : '–', found ? grouped(found.vocabulary) : '–'],
    ])
    print(table([['', 'tokens', 'vocabulary'], ...rows]))
  }
  const { singletons, entropy, mostFrequent, charactersPerToken, validation, baselines } = result
  print(`tokens (${kind}): ${grouped(tokens)}, with a vocabulary of ${grouped(vocabulary)}, including <unk>`)
  print(`tokens that occur once: ${grouped(singletons)} (${percent(singletons, vocabulary - 1)} of the vocabulary)`)
  print(`entropy of single tokens, without context: ${entropy.toFixed(4)} nats, ${bitsOf(entropy).toFixed(4)} bits`)
  print('most frequent:')
  print(
    table(
      mostFrequent.map(({ token, count }) => [
        tokenShown(token, vocab),
        grouped(count),
        `${((100 * count) / tokens).toFixed(2)} %`,
      ]),
    ),
  )
  if (baselines.length === 0) {
    if (validation > 0)
      print(
        'no n-grams: the text is too short to be split into a part to count them on and a part to predict; use a longer text or a larger --validation',
      )
    return
  }
  const { counted } = baselines[0]
  const from = counted === toCount ? 'the rest' : `the first ${grouped(counted)} tokens`
  print(`loss on the last ${percent(validation)} of n-grams counted on ${from} (Witten–Bell smoothing):`)
  const rows = baselines.map(({ order, loss }) => ({ name: nameOfOrder(order), loss }))
  print(lossTable(rows, charactersPerToken))
}

/** A token in quotes; a token of bytes as the text that they encode, or as numbers. */
function tokenShown(token: string, vocab: Vocab): string {
  const text = vocab.join([token])
  if (text.includes('\ufffd') && vocab.kind !== 'char') {
    return Array.from(token, (byte) => `0x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`).join(' ')
  }
  return quoted(text)
}
