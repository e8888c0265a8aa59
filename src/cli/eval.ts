import { Command, Option } from 'commander'
import { OptionError } from '../core/errors.js'
import type { Baseline, Corpus, Vocab } from '../node.js'
import { number } from './arguments.js'
import { withProgress } from './bar.js'
import { interruptible } from './interrupt.js'
import { bitsOf, table } from './table.js'

type Split = 'all' | 'train' | 'validation' | 'test'

/** Tokens that are read at once. */
const WINDOW = 65_536

interface Options {
  split: Split
  validation?: number
  test?: number
  baseline?: string[]
  clean?: boolean
  orders: number
  json?: boolean
}

export function evalCommand(): Command {
  return new Command('eval')
    .description('Measure a saved model on a text, beside n-grams.')
    .argument('<model>', 'folder of a saved model')
    .argument('<text...>', 'text files, directories, patterns such as books/*.txt, or - for standard input')
    .addOption(
      new Option('--split <part>', 'of the text, as the training cut it')
        .choices(['all', 'train', 'validation', 'test'])
        .default('all'),
    )
    .option('--validation <p>', 'held-out part of the text (default: as in the training)', number)
    .option('--test <p>', 'part at the end of the text (default: as in the training)', number)
    .option('--baseline <text...>', 'count the n-grams on this text (default: the part that was trained on)')
    .option('--clean', 'letters only, lower case (default: as in the training)')
    .option('--no-clean', 'keep case, punctuation and line ends')
    .option('--orders <n>', 'longest n-grams', number, 6)
    .option('--json', 'one JSON object on standard output')
    .addHelpText(
      'after',
      `
Examples:
  unrolled eval runs/novel another.txt
  unrolled eval runs/novel novel.txt --split validation     the part that was held out
  unrolled eval runs/novel letters.txt --baseline novel.txt

Without --split and --baseline, the n-grams are counted on the first nine tenths of the text, and compared with the
model on the last.`,
    )
    .action((folder: string, texts: string[], options: Options) =>
      interruptible((signal) => run(folder, texts, options, signal)),
    )
}

/** What was measured. */
interface Report {
  model: string
  text: string
  tokens: number
  characters: number
  /** Tokens that the model does not know. */
  unknown: number
  loss: number
  perplexity: number
  bitsPerCharacter: number
  /** What the table compares on, and the model's loss there. */
  compared: { on: string; tokens: number; loss: number; perplexity: number }
  baselines: Baseline[]
}

async function run(folder: string, texts: string[], options: Options, signal: AbortSignal): Promise<void> {
  const { evaluateCorpus, loadCorpus, loadModel, ngramBaselines, splitCorpus } = await import('../node.js')
  const { model, vocab, config } = await loadModel(folder)
  const record = config.training ?? {}
  const recorded = (name: string) => (typeof record[name] === 'number' ? record[name] : 0)
  const clean = options.clean ?? record.clean !== false
  const { split, validation = recorded('validation'), test = recorded('test') } = options
  if (split === 'validation' || split === 'test') {
    if ((split === 'validation' ? validation : test) === 0) {
      throw new OptionError(
        `eval: ${folder} was trained without a ${split} part, expected --${split} with a proportion`,
      )
    }
  }
  const load = (sources: string[], maxTokens: number) =>
    withProgress('reading', (update) =>
      loadCorpus(sources, {
        ...{ tokens: vocab.kind, clean, vocab, maxTokens, signal },
        onProgress: ({ done, total }) => update(done / total),
      }),
    )
  // A part of the text is one of what the training took, which may have been its beginning only.
  const text = await load(texts, split !== 'all' && typeof record.maxTokens === 'number' ? record.maxTokens : Infinity)
  const opened = [text]
  try {
    const parts = split === 'all' ? { train: text.corpus } : splitCorpus(text.corpus, { validation, test })
    const corpus = split === 'all' ? text.corpus : parts[split]!
    const measure = (part: Corpus) =>
      withProgress('evaluating', (onProgress) => evaluateCorpus(model, part, { signal, onProgress }))
    const result = await measure(corpus)

    let [counted, compared] = [parts.train, corpus]
    let on = `the ${split} part, n-grams counted on the training part`
    if (options.baseline) {
      opened.push(await load(options.baseline, Infinity))
      counted = opened[1].corpus
      on = `the same text, n-grams counted on ${options.baseline.join(', ')}`
    } else if (split === 'all') {
      const tenth = splitCorpus(corpus, { validation: 0.1 })
      counted = tenth.train
      compared = tenth.validation!
      on = 'its last tenth, n-grams counted on the rest'
    }
    const there = compared === corpus ? result : await measure(compared)
    const baselines = await withProgress('counting n-grams', (onProgress) =>
      ngramBaselines(counted, compared, vocab.size, { maxOrder: options.orders, signal, onProgress }),
    )
    if (signal.aborted) return
    const characters = charactersOf(corpus, vocab)
    show(
      {
        ...{ model: folder, text: text.source, tokens: result.tokens, characters, unknown: text.unknown },
        ...{ loss: result.loss, perplexity: result.perplexity },
        bitsPerCharacter: (bitsOf(result.loss) * corpus.length) / characters,
        compared: { on, tokens: there.tokens, loss: there.loss, perplexity: there.perplexity },
        baselines,
      },
      options,
    )
  } finally {
    for (const { close } of opened) await close()
  }
}

function show(report: Report, { json }: Options): void {
  if (json) {
    console.log(JSON.stringify(report))
    return
  }
  const { text, tokens, unknown, loss, perplexity, bitsPerCharacter, compared, baselines } = report
  console.log(`text: ${text}`)
  console.log(
    `tokens foretold: ${tokens.toLocaleString('en')}${unknown > 0 ? `, unknown to the model: ${unknown}` : ''}`,
  )
  console.log(
    `loss ${loss.toFixed(4)} nats a token, perplexity ${perplexity.toFixed(3)}, ${bitsPerCharacter.toFixed(4)} bits per character`,
  )
  console.log(`on ${compared.on}:`)
  const row = (name: string, { loss, perplexity }: { loss: number; perplexity: number }) => [
    ...[name, loss.toFixed(4), perplexity.toFixed(3), bitsOf(loss).toFixed(4)],
  ]
  const rows = baselines.map((one) => row(one.order === 1 ? 'frequencies' : `${one.order}-grams`, one))
  console.log(table([['', 'nats', 'perplexity', 'bits'], ...rows, row('the model', compared)]))
}

/** Code points of a corpus as a text. */
function charactersOf(corpus: Corpus, vocab: Vocab): number {
  if (vocab.kind === 'char') return corpus.length
  const stream = vocab.textStream()
  let count = 0
  for (let at = 0; at < corpus.length; at += WINDOW) {
    for (const token of corpus.subarray(at, Math.min(corpus.length, at + WINDOW))) {
      for (const _ of stream.push(vocab.tokenOf(token))) count++
    }
  }
  return count + [...stream.flush()].length
}
