import { existsSync } from 'node:fs'
import path from 'node:path'
import { DivergenceError, OptionError } from '../core/errors.js'
import { Generator } from '../core/random.js'
import { gatesOf } from '../kernels/kernels.js'
import {
  checkModelFolder,
  type EpochEvent,
  GRU,
  type KernelName,
  kernels,
  type LoadedBook,
  LSTM,
  loadText,
  loadTimeMachine,
  predict,
  type RecurrentLayer,
  RNN,
  RNNModel,
  type Sampling,
  saveModel,
  selectKernels,
  type TokenKind,
  trainSteps,
  type Vocab,
} from '../node.js'
import { colorsOf } from './colors.js'
import { Interrupt } from './interrupt.js'
import { showCurve } from './plot.js'
import { duration, trainView } from './view.js'

export interface TrainingOptions {
  cell: 'rnn' | 'gru' | 'lstm'
  nonlinearity: 'tanh' | 'relu'
  hiddenSize: number
  numLayers: number
  dropout: number
  bidirectional?: boolean
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
  kernels: KernelName
  threads?: number
  out?: string
  json?: boolean
}

/** What `train` and `book` do: load a text, train on it, save the model, and show what came of it. */
export async function runTraining(texts: string[], options: TrainingOptions): Promise<void> {
  const { json, seed, epochs } = options
  const out = options.out ?? freshFolder(texts)
  const say = (text: string) => (json ? console.error(text) : console.log(text))
  const colors = colorsOf(json ? process.stderr : process.stdout)
  if (options.bidirectional) {
    throw new OptionError(
      'train: bidirectional is refused: a language model must not see the text that it is to foretell; make such a layer with the library',
    )
  }
  selectKernels(options.kernels, options)
  await checkModelFolder(out)
  const { data, vocab, source } = await load(texts, options)
  const generator = new Generator(seed)
  const model = new RNNModel(makeLayer(options, vocab, generator), vocab.size, { generator })
  const interrupt = new Interrupt()
  say(`text: ${source}`)
  say(`model: ${summary(options, model, vocab)}, ${computedOn()}`)

  const prefixes = knownPrefixes(vocab)
  const view = trainView(data, epochs)
  const history: EpochEvent[] = []
  let steps = 0
  let divergence: DivergenceError | undefined
  const start = performance.now()
  try {
    for await (const event of trainSteps(model, data, { ...options, signal: interrupt.signal })) {
      steps = event.step
      if (event.type === 'step') {
        view.step(event)
        continue
      }
      view.epoch(event)
      history.push(event)
      if (json) console.log(JSON.stringify(event))
      if (event.epoch % Math.ceil(epochs / 10) === 0 && event.epoch < epochs) {
        view.sample(await predict(prefixes[0], 50, model, vocab))
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

  const { perplexity = null, tokensPerSecond = null } = history.at(-1) ?? {}
  const seconds = (performance.now() - start) / 1000
  await saveModel(out, model, vocab, {
    text: source,
    ...recordOf(options),
    finishedEpochs: history.length,
    perplexity,
    kernels: kernels().name,
  })
  const plot = history.length > 1 ? await showCurve(history, out, say) : undefined
  const samples: string[] = []
  for (const prefix of prefixes) samples.push(await predict(prefix, 50, model, vocab))

  const stopped = interrupt.signal.aborted
  if (stopped) say(`stopped after step ${steps} (epoch ${history.length + 1})`)
  if (perplexity !== null && tokensPerSecond !== null) {
    say(
      `perplexity ${colors.bold(perplexity.toFixed(1))}, ${tokensPerSecond.toFixed(1)} tokens/sec on ${kernels().name}`,
    )
  }
  for (const sample of samples) say(sample)
  say(`saved to ${out} after ${duration(seconds)}${plot ? `, the curve to ${plot}` : ''}`)
  if (json) {
    const result = { epochs: history.length, steps, perplexity, tokensPerSecond, seconds, samples, model: out, plot }
    console.log(JSON.stringify({ type: 'done', ...result, stopped, text: source, kernels: kernels().name }))
  }
  if (divergence) throw divergence
}

/** What the kernels in use are, for people. */
function computedOn(): string {
  const { name, threads } = kernels()
  return `${name} on ${threads} ${threads === 1 ? 'thread' : 'threads'}`
}

/** The options as config.json keeps them. */
function recordOf({
  out: _,
  json: __,
  kernels: ___,
  threads: ____,
  ...options
}: TrainingOptions): Record<string, string | number | boolean> {
  const entries = Object.entries(options).map(([name, value]) => [name, value === Infinity ? 'all' : value])
  return Object.fromEntries(entries)
}

async function load(texts: string[], options: TrainingOptions): Promise<LoadedBook> {
  const given = { ...options, generator: new Generator(options.seed) }
  if (texts.length > 0) return { ...(await loadText(texts, given)), source: texts.join(', ') }
  const { isTTY } = process.stderr
  let shown = false
  const book = await loadTimeMachine({
    ...given,
    onProgress: ({ received, total }) => {
      shown = isTTY
      if (isTTY) process.stderr.write(`\rdownloading: ${received}${total ? ` of ${total}` : ''} bytes\x1b[K`)
    },
  })
  if (shown) process.stderr.write('\r\x1b[K')
  return book
}

/** Parameters of a recurrent layer beyond which nobody trains on one machine. */
const MAX_PARAMETERS = 2 ** 30

function makeLayer(options: TrainingOptions, vocab: Vocab, generator: Generator): RecurrentLayer {
  const { cell, nonlinearity, hiddenSize, numLayers, dropout } = options
  const count = gatesOf[cell === 'rnn' ? 'rnn_tanh' : cell] * hiddenSize * (vocab.size + 2 * numLayers * hiddenSize)
  if (count > MAX_PARAMETERS) {
    throw new OptionError(
      `train: the model would have about ${count.toPrecision(2)} parameters, expected at most ${MAX_PARAMETERS}; use a smaller hiddenSize or numLayers`,
    )
  }
  const common = { inputSize: vocab.size, hiddenSize, numLayers, dropout, generator }
  if (cell === 'lstm') return new LSTM(common)
  if (cell === 'gru') return new GRU(common)
  return new RNN({ ...common, nonlinearity })
}

function summary({ cell, numLayers, hiddenSize }: TrainingOptions, model: RNNModel, vocab: Vocab): string {
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
