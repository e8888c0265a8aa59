import { Command, Option } from 'commander'
import type { Baseline, Corpus, TokenKind, Vocab } from '../node.js'
import { number, numberOrAll } from './arguments.js'
import { withProgress } from './bar.js'
import { interruptible } from './interrupt.js'
import { bitsOf, table } from './table.js'

interface Options {
  tokens: TokenKind
  clean: boolean
  maxTokens: number
  validation: number
  orders: number
  json?: boolean
}

export function dataCommand(): Command {
  return new Command('data')
    .description('Tell what a text is made of, and how well n-grams foretell it.')
    .argument('<text...>', 'text files, directories, patterns such as books/*.txt, or - for standard input')
    .addOption(
      new Option('--tokens <kind>', 'what a token is').choices(['char', 'byte', 'word', 'bpe']).default('char'),
    )
    .option('--no-clean', 'keep case, punctuation and line ends')
    .addOption(
      new Option('--max-tokens <n>', 'take the first so many tokens').argParser(numberOrAll).default(Infinity, 'all'),
    )
    .option('--validation <p>', 'part at the end of the text that n-grams are to foretell', number, 0.1)
    .option('--orders <n>', 'longest n-grams', number, 6)
    .option('--json', 'one JSON object on standard output')
    .addHelpText(
      'after',
      `
Examples:
  unrolled data novel.txt
  unrolled data books/ --no-clean --tokens word --orders 3`,
    )
    .action((texts: string[], options: Options) => interruptible((signal) => run(texts, options, signal)))
}

/** Tokens that are read at once. */
const WINDOW = 65_536
/** Tokens that are shown. */
const MOST_FREQUENT = 20

async function run(texts: string[], options: Options, signal: AbortSignal): Promise<void> {
  const { loadCorpus, ngramBaselines, splitCorpus } = await import('../node.js')
  const { tokens, clean, maxTokens, validation, orders } = options
  const text = await withProgress('reading', (update) =>
    loadCorpus(texts, { tokens, clean, maxTokens, signal, onProgress: ({ done, total }) => update(done / total) }),
  )
  try {
    const { corpus, vocab, source, bytes } = text
    const counts = countsOf(corpus, vocab)
    const parts = splitCorpus(corpus, { validation })
    const baselines = parts.validation
      ? await withProgress('counting n-grams', (onProgress) =>
          ngramBaselines(parts.train, parts.validation!, vocab.size, { maxOrder: orders, signal, onProgress }),
        )
      : []
    if (signal.aborted) return
    const present = counts.filter((count) => count > 0)
    const facts = {
      ...{ text: source, bytes, kind: tokens, clean, tokens: corpus.length, vocabulary: vocab.size },
      singletons: present.filter((count) => count === 1).length,
      entropy: present.reduce((sum, count) => sum - (count / corpus.length) * Math.log(count / corpus.length), 0),
      mostFrequent: Array.from(counts, (count, i) => ({ token: vocab.tokenOf(i), count }))
        .sort((a, b) => b.count - a.count)
        .slice(0, MOST_FREQUENT),
    }
    if (options.json) console.log(JSON.stringify({ ...facts, validation, baselines }))
    else show(facts, baselines, validation)
  } finally {
    await text.close()
  }
}

function countsOf(corpus: Corpus, vocab: Vocab): Float64Array {
  const counts = new Float64Array(vocab.size)
  for (let at = 0; at < corpus.length; at += WINDOW) {
    for (const token of corpus.subarray(at, Math.min(corpus.length, at + WINDOW))) counts[token]++
  }
  return counts
}

interface Facts {
  text: string
  bytes: number
  kind: TokenKind
  clean: boolean
  tokens: number
  vocabulary: number
  singletons: number
  entropy: number
  mostFrequent: { token: string; count: number }[]
}

function show(facts: Facts, baselines: Baseline[], validation: number): void {
  const { text, bytes, kind, clean, tokens, vocabulary, singletons, entropy, mostFrequent } = facts
  const grouped = (count: number) => count.toLocaleString('en')
  console.log(`text: ${text}${clean ? ', cleaned as in the book (--no-clean keeps all)' : ''}`)
  console.log(`size: ${grouped(bytes)} bytes, ${grouped(tokens)} tokens (${kind})`)
  console.log(`vocabulary: ${grouped(vocabulary)}, <unk> included; ${grouped(singletons)} of them once only`)
  console.log(`entropy of a token by itself: ${entropy.toFixed(4)} nats, ${bitsOf(entropy).toFixed(4)} bits`)
  console.log('most frequent:')
  const shown = mostFrequent.map(({ token, count }) => [
    ...[JSON.stringify(token), grouped(count), `${((100 * count) / tokens).toFixed(2)} %`],
  ])
  console.log(table(shown))
  if (baselines.length === 0) return
  console.log(`n-grams of the rest foretell the last ${(validation * 100).toFixed(0)} %:`)
  const rows = baselines.map(({ order, loss, perplexity }) => [
    ...[
      order === 1 ? 'frequencies' : `${order}-grams`,
      loss.toFixed(4),
      perplexity.toFixed(3),
      bitsOf(loss).toFixed(4),
    ],
  ])
  console.log(table([['', 'nats', 'perplexity', 'bits'], ...rows]))
}
