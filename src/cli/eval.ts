import { Command } from 'commander'
import { DataError, OptionError } from '../config.js'
import type { Baseline, Corpus, DeviceName, Evaluation, TextChanges } from '../node.js'
import { withProgress } from './bar.js'
import { changesOf } from './changes.js'
import { defaultsOf, number, saidOf, withOptions } from './command-line.js'
import { deviceOption, moveTo } from './device.js'
import type { EvalSeriesOptions } from './eval-series.js'
import { interruptible } from './interrupt.js'
import type { LabelFlags } from './label-flags.js'
import { modelKindIn } from './model-kind.js'
import { ModelTexts, type PartOptions, partOf, partOptions } from './model-text.js'
import { checkFlagEffects, type Needs } from './needs.js'
import { print, printJson } from './output.js'
import { gapsOption } from './series-flags.js'
import { bitsOf, grouped, lossTable, nameOfOrder, percent, perplexityOf } from './table.js'
import { charactersPerToken, countTokens, heldOut, ordersOf } from './token-counts.js'
import { flagOf } from './training-flags.js'

interface Options extends PartOptions, LabelFlags, Pick<EvalSeriesOptions, 'steps' | 'stride' | 'level' | 'gaps'> {
  baseline?: string[]
  orders?: number
  device: DeviceName
  json?: boolean
}

export function evalCommand(): Command {
  return withOptions(new Command('eval'), partOptions('all'))
    .description('Measure a saved model: on a text, beside n-grams, or on a CSV file of series or labelled texts.')
    .argument('<model>', 'folder of a saved model')
    .argument(
      '[text...]',
      'text files, directories, patterns such as books/*.txt, or - for standard input; or a CSV file',
    )
    .option('--baseline <text...>', 'count the n-grams on this text (default: the training part)')
    .option('--orders <n>', 'longest n-grams (default: 6, or 3 of words and byte pairs)', number)
    .option('--steps <n>', 'of a model of series: values in each forecast (default: its horizon)', number)
    .option('--stride <n>', 'of a model of series: values between two forecasts (default: those in each)', number)
    .option('--level <p>', 'of a model of series: what its intervals are to cover (default: 0.9)', number)
    .addOption(gapsOption())
    .option('--text-column <name>', 'of a model that labels texts: the texts (default: as in the training)')
    .option('--label-column <name>', 'of a model that labels texts: their labels (default: as in the training)')
    .addOption(deviceOption())
    .option('--json', 'one JSON object on standard output')
    .addHelpText(
      'after',
      `
Examples:
  unrolled eval runs/novel another.txt
  unrolled eval runs/novel novel.txt --split validation     the part that was held out
  unrolled eval runs/novel letters.txt --baseline novel.txt
  unrolled eval runs/weather weather.csv --split test       beside naive forecasts, drift, and exponential smoothing
  unrolled eval runs/reviews reviews.csv --split test       accuracy, precision, recall, F1, the confusion matrix

The loss is the mean over all tokens but the first, with one state carried through the whole text; a training's loss of
its held-out text differs, because it cuts that text into --batch-size rows that each begin with a state of zeros: the
shorter the rows, the higher.

Without a text, eval reads the one that the model was trained on. Without --split and --baseline, the n-grams are
counted on the first nine tenths of the text (--validation: another part) and compared with the model on the rest. For
a text that the model was trained on, the comparison is fair only with --split validation or --split test.`,
    )
    .action(async (folder: string, texts: string[], options: Options, command: Command) => {
      const said = saidOf(command)
      const kind = await modelKindIn(folder)
      checkKind(folder, kind, texts, said)
      if (kind === 'text') checkFlagEffects('eval', options, said, needs, defaultsOf(command.options))
      const work = {
        text: async () => (signal: AbortSignal) => run(folder, texts, options, signal),
        async series() {
          const { evaluateOnSeries } = await import('./eval-series.js')
          return (signal: AbortSignal) => evaluateOnSeries(folder, texts, options, said, signal)
        },
        async labels() {
          const { evaluateOnLabels } = await import('./eval-labels.js')
          return (signal: AbortSignal) => evaluateOnLabels(folder, texts, options, signal)
        },
      }[kind]
      await interruptible(await work())
    })
}

/** The options that only models of one kind have. */
const own = {
  text: { names: ['baseline', 'orders', 'encoding', 'clean'], are: 'models of texts' },
  series: { names: ['steps', 'stride', 'level', 'gaps'], are: 'models of series' },
  labels: { names: ['textColumn', 'labelColumn'], are: 'models that label texts' },
}

/** @throws OptionError for an option of models of another kind, and unless a model of tables is given one file */
function checkKind(folder: string, kind: keyof typeof own, files: readonly string[], said: readonly string[]): void {
  for (const [name, { names, are }] of Object.entries(own)) {
    const other = name === kind ? undefined : said.find((option) => names.includes(option))
    if (other === undefined) continue
    throw new OptionError(`eval: ${flagOf(other)} is for ${are}, and ${folder} is none of them; leave it out`)
  }
  if (kind === 'text' || files.length === 1) return
  throw new OptionError(`eval: ${files.length} files are given, expected one CSV file`)
}

const needs: Needs<Options> = {
  validation: ({ split, baseline }) => split === 'all' && baseline !== undefined && '--split',
  test: ({ split }) => split === 'all' && '--split',
}

/** The part of the text on which the model and n-grams are compared. */
interface Comparison {
  part: Corpus
  /** The part's name. */
  on: string
  counted: Corpus
  /** The name of the part that the n-grams are counted on. */
  from: string
}

async function run(folder: string, texts: string[], options: Options, signal: AbortSignal): Promise<void> {
  if (texts.includes('-') && options.baseline?.includes('-')) {
    throw new OptionError("eval: '-', standard input, is named twice, expected once")
  }
  const { evaluateCorpus, loadModel, ngramBaselines, savedText } = await import('../node.js')
  const saved = await loadModel(folder)
  const { model, vocab } = saved
  await moveTo('eval', options.device, model)
  const { split, baseline, orders = ordersOf(vocab) } = options
  const opened = new ModelTexts('eval', folder, saved, savedText(saved), options, signal)
  const measure = async (part: Corpus): Promise<Evaluation> => {
    const result = await withProgress('evaluating', (onProgress) => evaluateCorpus(model, part, { signal, onProgress }))
    if (!Number.isFinite(result.loss)) {
      throw new DataError(
        `${folder}: the loss is ${result.loss}, expected a model whose scores 32-bit floats can hold; it diverged: train it again with a smaller --lr`,
      )
    }
    return result
  }
  try {
    const { corpus, source: text, changes, whole, parts } = await opened.part(texts)
    const result = await measure(corpus)
    const counts = await countTokens(corpus, vocab, signal)

    const compare = async (): Promise<Comparison | undefined> => {
      const on = split === 'all' ? 'the whole text' : `the ${split} part`
      if (baseline) {
        const { corpus: counted } = await opened.whole(baseline)
        return { part: corpus, on, counted, from: baseline.join(', ') }
      }
      if (parts) return { part: corpus, on, counted: parts.train, from: 'the training part' }
      const share = options.validation ?? 0.1
      const held = await heldOut(corpus, share)
      return held && { part: held.validation, on: `the last ${percent(share)}`, counted: held.train, from: 'the rest' }
    }
    const comparison = await compare()
    let compared: Report['compared']
    let baselines: Baseline[] = []
    if (comparison) {
      const { part, on, counted, from } = comparison
      const { loss, perplexity, tokens } = part === corpus ? result : await measure(part)
      baselines = await withProgress('counting n-grams', (onProgress) =>
        ngramBaselines(counted, part, vocab.size, { maxOrder: orders, signal, onProgress }),
      )
      const first = baselines[0].counted < counted.length ? 'the first ' : ''
      const source = `n-grams counted on ${first}${grouped(baselines[0].counted)} tokens of ${from}`
      compared = { on: `${on}, ${source}`, tokens, loss, perplexity }
    }
    const characters = charactersPerToken(counts, vocab)
    const report: Report = {
      ...{ model: folder, text, clean: opened.clean, changes, split, ...result, unknown: counts[vocab.unk] },
      ...{ characters: Math.round(characters * corpus.length), bitsPerCharacter: result.bitsPerToken / characters },
      ...{ compared, baselines },
    }
    if (options.json) printJson(report)
    else printReport(report, characters, changesOf(changes, whole))
  } finally {
    await opened.close()
  }
}

/** The results of the measurement. */
interface Report extends Evaluation {
  model: string
  text: string
  clean: boolean
  changes: TextChanges
  split: Options['split']
  /** How many tokens the model does not know. */
  unknown: number
  /** Characters of all tokens; unknown tokens are assumed to be as long as the others. */
  characters: number
  bitsPerCharacter: number
  /** The model's loss on the part that is used for comparison with n-grams. */
  compared?: { on: string; tokens: number; loss: number; perplexity: number }
  baselines: Baseline[]
}

/** @param changes what was changed in the text, for people */
function printReport(report: Report, charactersPerToken: number, changes: string | undefined): void {
  const { text, clean, split, tokens, unknown, loss, bitsPerCharacter, compared, baselines } = report
  print(`text: ${partOf(text, split)}${clean ? ', cleaned as in the book' : ''}`)
  if (changes) print(changes)
  const share = unknown > 0 ? `, unknown to the model: ${grouped(unknown)} (${percent(unknown, tokens + 1)})` : ''
  print(`tokens predicted: ${grouped(tokens)}${share}`)
  const perCharacter = Number.isFinite(bitsPerCharacter) ? `, ${bitsPerCharacter.toFixed(4)} bits per character` : ''
  print(
    `loss ${loss.toFixed(4)} nats a token, perplexity ${perplexityOf(loss)}, ${bitsOf(loss).toFixed(4)} bits a token${perCharacter}`,
  )
  if (!compared) {
    print(
      'no comparison with n-grams: the text is too short to be split into a part to count them on and a part to predict; name a text to count them on with --baseline',
    )
    return
  }
  print(`on ${compared.on}:`)
  const rows = baselines.map(({ order, loss }) => ({ name: nameOfOrder(order), loss }))
  print(lossTable([...rows, { name: 'the model', loss: compared.loss }], charactersPerToken))
}
