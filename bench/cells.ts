// Trains a layer of each cell on a text for the same processor time of one thread, and writes docs/cells.md from the results.
//   npm run bench:cells -- tinyshakespeare.txt [--minutes 10] [--cells gru,lstm]
// Each cell has a process of its own, and a file in bench/results: cells that have one are not trained again. Processor time
// hardly depends on what else a machine does, so that other programs may run.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { Command } from 'commander'
import {
  Adam,
  type Batch,
  type Corpus,
  clipGradNorm,
  crossEntropy,
  detachState,
  evaluateCorpus,
  GRU,
  kernels,
  type LayerKind,
  LSTM,
  loadCorpus,
  MinGRU,
  MinLSTM,
  Generator as Random,
  type RecurrentLayer,
  type RecurrentOptions,
  type RecurrentState,
  RNN,
  RNNModel,
  SequenceData,
  selectKernels,
  splitCorpus,
} from 'unrolled'
import { type CellResult, writeCells } from './cells-docs.js'

const layers: Record<LayerKind, (options: RecurrentOptions) => RecurrentLayer> = {
  rnn_tanh: (options) => new RNN(options),
  rnn_relu: (options) => new RNN({ ...options, nonlinearity: 'relu' }),
  gru: (options) => new GRU(options),
  lstm: (options) => new LSTM(options),
  mingru: (options) => new MinGRU(options),
  minlstm: (options) => new MinLSTM(options),
}
const [hiddenSize, batchSize, numSteps] = [256, 32, 64]
/** The cells, and stacks of several layers. */
const models: Record<string, readonly [kind: LayerKind, numLayers: number]> = {
  rnn_tanh: ['rnn_tanh', 1],
  rnn_relu: ['rnn_relu', 1],
  gru: ['gru', 1],
  lstm: ['lstm', 1],
  mingru: ['mingru', 1],
  minlstm: ['minlstm', 1],
  'mingru x3': ['mingru', 3],
  'minlstm x3': ['minlstm', 3],
}
const rates = [0.002, 0.005, 0.012]
/** A trial of a rate takes this part of the whole time. */
const TRIAL = 1 / 30
/** The training loss is the mean over the batches of the last part of the time. */
const LAST = 0.05

const processorSeconds = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

/** The batches of one pass after another; the state is not carried from one pass to the next. */
function* passes(data: SequenceData): Generator<Batch & { first: boolean }, never> {
  for (;;) {
    let first = true
    for (const batch of data.batches()) {
      yield { ...batch, first }
      first = false
    }
  }
}

/** Trains for `seconds` of processor time, with a rate that falls to 0 in a straight line. */
async function train(name: string, text: Corpus, vocabSize: number, lr: number, seconds: number, heldOut?: Corpus) {
  const random = new Random(1)
  const [kind, numLayers] = models[name]
  const rnn = layers[kind]({ inputSize: vocabSize, hiddenSize, numLayers, generator: random })
  const model = new RNNModel(rnn, vocabSize, { generator: random })
  const parameters = model.parameters()
  const optimizer = new Adam(parameters, { lr })
  const batches = passes(new SequenceData(text, { batchSize, numSteps, generator: random }))
  const heldOutLosses: number[] = []
  const lastLosses: number[] = []
  let state: RecurrentState | undefined
  let [used, steps] = [0, 0]
  for (; used < seconds; steps++) {
    const began = processorSeconds()
    const { x, y, first } = batches.next().value
    const { output, state: after } = model.forward(x, first || !state ? undefined : detachState(state))
    state = after
    const loss = crossEntropy(output, y.T.reshape(-1))
    optimizer.zeroGrad()
    loss.backward()
    clipGradNorm(parameters, 1)
    optimizer.lr = lr * (1 - used / seconds)
    optimizer.step()
    const value = await loss.item()
    used += processorSeconds() - began
    if (used > seconds * (1 - LAST)) lastLosses.push(value)
    // Time for the held-out text does not count.
    if (heldOut && used > (seconds * (heldOutLosses.length + 1)) / 10) {
      heldOutLosses.push((await evaluateCorpus(model, heldOut, { batchSize })).loss)
    }
  }
  return {
    tokens: steps * batchSize * numSteps,
    seconds: used,
    parameters: parameters.reduce((sum, parameter) => sum + parameter.size, 0),
    loss: lastLosses.reduce((sum, loss) => sum + loss, 0) / lastLosses.length,
    heldOut: heldOutLosses,
  }
}

async function measure(name: string, file: string, minutes: number): Promise<CellResult> {
  selectKernels('wasm', { threads: 1 })
  const { corpus, vocab } = await loadCorpus(file)
  const { train: text, validation } = splitCorpus(corpus, { validation: 0.1 })
  // The engine compiles the kernels before anything is measured.
  await train(name, text, vocab.size, rates[0], 2)
  const trials: [number, number][] = []
  for (const rate of rates) {
    trials.push([rate, (await train(name, text, vocab.size, rate, minutes * 60 * TRIAL)).loss])
  }
  // A rate with which the loss is not finite any more is none.
  const [[rate]] = trials.filter(([, loss]) => Number.isFinite(loss)).toSorted(([, a], [, b]) => a - b)
  const result = await train(name, text, vocab.size, rate, minutes * 60, validation)
  const machine = `${cpus()[0].model.trim()}; Node ${process.version}, ${kernels().name}`
  const date = new Date().toISOString().slice(0, 10)
  return { cell: name, rate, trials, epochs: result.tokens / text.length, minutes, machine, date, ...result }
}

const command = new Command('bench:cells')
  .argument('<text>', 'a text file; its last tenth is held out')
  .option('--minutes <n>', 'processor time of each cell', Number, 10)
  .option('--cells <names>', 'only these', Object.keys(models).join(','))
  .option('--one <cell>', 'train this one in this process, and print the result')
  .parse()
const { minutes, cells, one } = command.opts<{ minutes: number; cells: string; one?: string }>()
const [file] = command.args
if (one) {
  console.log(JSON.stringify(await measure(one, file, minutes)))
  process.exit()
}
const fileOf = (cell: string) => `bench/results/cells-${cell.replace(' ', '-')}.json`
mkdirSync('bench/results', { recursive: true })
for (const cell of cells.split(',')) {
  if (existsSync(fileOf(cell))) continue
  const args = [...process.execArgv, process.argv[1], file, '--minutes', String(minutes), '--one', cell]
  writeFileSync(fileOf(cell), execFileSync(process.execPath, args, { encoding: 'utf8' }))
  console.log(readFileSync(fileOf(cell), 'utf8'))
}
const files = Object.keys(models)
  .map(fileOf)
  .filter((name) => existsSync(name))
writeCells(files.map((name) => JSON.parse(readFileSync(name, 'utf8'))))
