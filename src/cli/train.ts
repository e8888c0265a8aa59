import { existsSync } from 'node:fs'
import path from 'node:path'
import { Command, Option } from 'commander'
import pc from 'picocolors'
import { DivergenceError } from '../core/errors.js'
import { Generator } from '../core/random.js'
import { checkModelFolder, saveModel } from '../node/model-folder.js'
import type { LoadedBook } from '../node/time-machine.js'
import {
  GRU,
  kernels,
  LSTM,
  loadText,
  loadTimeMachine,
  predict,
  type RecurrentLayer,
  RNN,
  RNNModel,
  type Sampling,
  type TokenKind,
  type TrainEvent,
  trainSteps,
  type Vocab,
} from '../node.js'
import type { EpochEvent } from '../train/steps.js'
import { number, numberOrAll } from './arguments.js'
import { Interrupt } from './interrupt.js'
import { showCurve } from './plot.js'
import { duration, trainView } from './view.js'

interface Options {
  cell: 'rnn' | 'gru' | 'lstm'
  nonlinearity: 'tanh' | 'relu'
  hiddenSize: number
  numLayers: number
  dropout: number
  batchSize: number
  numSteps: number
  sampling: Sampling
  maxTokens: number
  tokens: TokenKind
  clean: boolean
  epochs: number
  lr: number
  clip: number
  seed: number
  out?: string
  json?: boolean
}

export function trainCommand(): Command {
  const choice = (flags: string, text: string, words: string[]) =>
    new Option(flags, text).choices(words).default(words[0])
  return new Command('train')
    .description("Train a language model; without options, the book's model on The Time Machine.")
    .argument('[text...]', 'text files, or directories of .txt files')
    .addOption(choice('--cell <kind>', 'kind of recurrent layer', ['rnn', 'gru', 'lstm']))
    .addOption(choice('--nonlinearity <function>', 'of an rnn', ['tanh', 'relu']))
    .option('--hidden-size <n>', 'hidden units of each layer', number, 256)
    .option('--num-layers <n>', 'layers on top of each other', number, 1)
    .option('--dropout <p>', 'between layers', number, 0)
    .option('--batch-size <n>', 'sequences in a batch', number, 32)
    .option('--num-steps <n>', 'tokens of a sequence', number, 35)
    .addOption(choice('--sampling <kind>', 'how the text is cut into sequences', ['sequential', 'random']))
    .option('--max-tokens <n>', 'train on the first so many tokens, or all', numberOrAll, 10_000)
    .addOption(choice('--tokens <kind>', 'what a token is', ['char', 'word']))
    .option('--no-clean', 'keep case, punctuation and line ends')
    .option('--epochs <n>', 'passes over the text', number, 500)
    .option('--lr <rate>', 'learning rate', number, 1)
    .option('--clip <norm>', 'largest norm of the gradients, or all', numberOrAll, 1)
    .option('--seed <n>', 'the same seed gives the same model', number, 0)
    .option('--out <folder>', 'where the model is saved (default: a new folder in runs/)')
    .option('--json', 'one JSON object a line on standard output: an event an epoch, and the result')
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
    .action(run)
}

async function run(texts: string[], options: Options): Promise<void> {
  const { json, seed, epochs } = options
  const out = options.out ?? freshFolder(texts)
  const say = (text: string) => (json ? console.error(text) : console.log(text))
  const generator = new Generator(seed)
  const { data, vocab, source } = await load(texts, options)
  const model = new RNNModel(makeLayer(options, vocab, generator), vocab.size, { generator })
  await checkModelFolder(out)
  say(source)
  say(`model: ${summary(options, model, vocab)}, ${kernels().name}`)

  const interrupt = new Interrupt()
  const prefixes = knownPrefixes(vocab)
  const view = trainView(epochs)
  const history: EpochEvent[] = []
  let steps = 0
  let divergence: DivergenceError | undefined
  const start = performance.now()
  try {
    for await (const event of trainSteps(model, data, { ...options, signal: interrupt.signal })) {
      steps = event.step
      report(event)
      if (event.type !== 'epoch') continue
      history.push(event)
      if (event.epoch % Math.ceil(epochs / 10) === 0 && event.epoch < epochs) {
        view.say(pc.dim(`  ${await predict(prefixes[0], 50, model, vocab)}`))
      }
    }
  } catch (error) {
    if (!(error instanceof DivergenceError)) throw error
    divergence = error
  } finally {
    view.end()
  }
  // A training that broke before its first epoch ended has nothing worth taking an older model's place.
  if (divergence && history.length === 0) throw divergence

  const last = history.at(-1)
  const training = {
    text: source,
    ...options,
    out: undefined,
    json: undefined,
    finishedEpochs: history.length,
    perplexity: last?.perplexity,
  }
  await saveModel(out, model, vocab, training)
  const svg = history.length > 1 ? await showCurve(history, out, say) : undefined
  const seconds = (performance.now() - start) / 1000
  const samples = await Promise.all(prefixes.map((prefix) => predict(prefix, 50, model, vocab)))
  if (interrupt.signal.aborted) say(`stopped after step ${steps} (epoch ${history.length + 1})`)
  if (last)
    say(
      `perplexity ${pc.bold(last.perplexity.toFixed(1))}, ${last.tokensPerSecond.toFixed(1)} tokens/sec on ${kernels().name}`,
    )
  for (const sample of samples) say(sample)
  say(`saved to ${out} after ${duration(seconds)}${svg ? `, the curve to ${svg}` : ''}`)
  if (json) {
    const { perplexity = null, tokensPerSecond = null } = last ?? {}
    const result = {
      epochs: history.length,
      steps,
      perplexity,
      tokensPerSecond,
      seconds,
      samples,
      model: out,
      plot: svg,
    }
    console.log(JSON.stringify({ type: 'done', ...result, stopped: interrupt.signal.aborted, kernels: kernels().name }))
  }
  if (divergence) throw divergence

  function report(event: TrainEvent): void {
    if (event.type === 'step') view.step(event)
    else view.epoch(event)
    if (json && event.type === 'epoch') console.log(JSON.stringify(event))
  }
}

async function load(texts: string[], options: Options): Promise<LoadedBook> {
  const generator = new Generator(options.seed)
  if (texts.length > 0)
    return { ...(await loadText(texts, { ...options, generator })), source: `text: ${texts.join(', ')}` }
  return loadTimeMachine({
    ...options,
    generator,
    onProgress: ({ received, total }) => {
      if (process.stderr.isTTY)
        process.stderr.write(`\rdownloading: ${received}${total ? ` of ${total}` : ''} bytes\x1b[K`)
      if (process.stderr.isTTY && received === total) process.stderr.write('\r\x1b[K')
    },
  })
}

function makeLayer(options: Options, vocab: Vocab, generator: Generator): RecurrentLayer {
  const { cell, nonlinearity, hiddenSize, numLayers, dropout } = options
  const common = { inputSize: vocab.size, hiddenSize, numLayers, dropout, generator }
  if (cell === 'lstm') return new LSTM(common)
  if (cell === 'gru') return new GRU(common)
  return new RNN({ ...common, nonlinearity })
}

function summary({ cell, numLayers, hiddenSize }: Options, model: RNNModel, vocab: Vocab): string {
  const parameters = model.parameters().reduce((sum, { size }) => sum + size, 0)
  const layers = numLayers === 1 ? '1 layer' : `${numLayers} layers`
  return `${cell}, ${layers} of ${hiddenSize} units, ${vocab.size} tokens, ${parameters.toLocaleString('en')} parameters`
}

/** The book's two beginnings where the vocabulary has their tokens, else its most frequent token. */
function knownPrefixes(vocab: Vocab): string[] {
  const known = ['time traveller', 'traveller'].filter((prefix) =>
    vocab.split(prefix).every((token) => vocab.has(token)),
  )
  return known.length > 0 ? known : [vocab.tokenOf(1)]
}

/** A folder in runs/ that is not there yet: no training replaces another's model unasked. */
function freshFolder(texts: string[]): string {
  const name = texts.length > 0 ? path.parse(path.resolve(texts[0])).name : 'time-machine'
  const first = path.join('runs', name)
  let folder = first
  for (let number = 2; existsSync(folder); number++) folder = `${first}-${number}`
  return folder
}
