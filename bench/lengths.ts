// Measures how the time a token of a training step changes with the length of the sequences, for cells that a sequence has to
// be walked through step by step and for those whose gates depend on the input alone, on one thread and on all.
// On a busy machine --pieces gives processor time on one thread instead, and computes from the pieces of its jobs what two threads
// would take that share each job evenly.
//   npm run bench:lengths -- [--pieces] [--rounds 15] [--batch 1,32] [--lengths 16,64,256,1024,4096] [--cells gru,mingru,minlstm]
import { availableParallelism, loadavg } from 'node:os'
import { setTimeout } from 'node:timers/promises'
import { Command } from 'commander'
import {
  clipGradNorm,
  crossEntropy,
  fromData,
  Generator,
  GRU,
  MinGRU,
  MinLSTM,
  type RecurrentOptions,
  RNNModel,
  SGD,
  useKernels,
  wasmKernels,
} from 'unrolled'

const layers = {
  gru: (options: RecurrentOptions) => new GRU(options),
  mingru: (options: RecurrentOptions) => new MinGRU(options),
  minlstm: (options: RecurrentOptions) => new MinLSTM(options),
}
const [vocabSize, hiddenSize] = [28, 256]

/** A training step of a language model. */
function stepOf(cell: keyof typeof layers, batch: number, steps: number): () => void {
  const generator = new Generator(1)
  const model = new RNNModel(layers[cell]({ inputSize: vocabSize, hiddenSize, generator }), vocabSize, { generator })
  const parameters = model.parameters()
  const optimizer = new SGD(parameters, { lr: 0.1 })
  const tokens = () => Int32Array.from({ length: batch * steps }, () => generator.integer(vocabSize))
  const [x, y] = [fromData(tokens(), [batch, steps]), fromData(tokens(), [batch * steps])]
  return () => {
    const { output } = model.forward(x)
    optimizer.zeroGrad()
    crossEntropy(output, y).backward()
    clipGradNorm(parameters, 1)
    optimizer.step()
  }
}

const numbers = (text: string) => text.split(',').map(Number)
const options = new Command('bench:lengths')
  .option('--pieces', 'processor time on one thread, and what two threads would take that share its pieces')
  .option('--rounds <n>', 'turns of each number of threads', Number, 15)
  .option('--batch <sizes>', 'sequences', numbers, [1, 32])
  .option('--lengths <steps>', 'time steps', numbers, [16, 64, 256, 1024, 4096])
  .option('--cells <names>', 'cells', (text) => text.split(','), Object.keys(layers))
  .parse()
  .opts<{ pieces?: boolean; rounds: number; batch: number[]; lengths: number[]; cells: (keyof typeof layers)[] }>()

const columnsOf = (titles: readonly unknown[]) => `| ${titles.join(' | ')} |`

/** The least and the median of the rounds on each number of threads, in turn. */
async function onThreads(cell: keyof typeof layers, batch: number, length: number): Promise<string> {
  const made = sides.map((kernels) => {
    useKernels(kernels)
    const step = stepOf(cell, batch, length)
    for (const start = performance.now(); performance.now() < start + 300; ) step()
    return { kernels, step, times: [] as number[] }
  })
  for (let round = 0; round < options.rounds; round++) {
    for (const { kernels, step, times } of made) {
      // On a busy machine threads that have rested are the first to get a core.
      await setTimeout(5)
      useKernels(kernels)
      step()
      const start = performance.now()
      step()
      times.push(((performance.now() - start) * 1000) / length / batch)
    }
  }
  const figures = made.map(({ times }) => times.sort((a, b) => a - b))
  const show = (at: (sorted: number[]) => number) => figures.map((sorted) => at(sorted).toFixed(2)).join('/')
  return `${show((sorted) => sorted[0])}, ${show((sorted) => sorted[sorted.length >> 1])}`
}

const processorMicros = (): number => {
  const { user, system } = process.cpuUsage()
  return user + system
}

/** The pool of some kernels, whose jobs tell how much less time they would take on two threads. */
interface Pool {
  run(kind: string, plan: number, items: number): void
}
let saved = 0
function watch({ pool }: { pool: Pool }): void {
  const run = pool.run.bind(pool)
  pool.run = (kind, plan, items) => {
    const began = processorMicros()
    run(kind, plan, items)
    saved += (processorMicros() - began) * (1 - Math.ceil(items / 2) / items)
  }
}

/** The median of the rounds on one thread, and on two that share its pieces. */
async function byPieces(cell: keyof typeof layers, batch: number, length: number): Promise<string> {
  useKernels(sides[0])
  const step = stepOf(cell, batch, length)
  for (const start = processorMicros(); processorMicros() < start + 300_000; ) step()
  const rounds = Array.from({ length: options.rounds }, () => {
    const began = processorMicros()
    saved = 0
    let steps = 0
    for (; steps === 0 || processorMicros() < began + 20_000; steps++) step()
    const one = processorMicros() - began
    return [one, one - saved].map((micros) => micros / steps / length / batch)
  })
  const [one, two] = rounds.sort(([a], [b]) => a - b)[rounds.length >> 1]
  return `${one.toFixed(2)}/${two.toFixed(2)}`
}

const sides = [...new Set([1, availableParallelism()])].map((threads) => wasmKernels({ threads }))
if (options.pieces) watch((sides[0] as unknown as { engine: { pool: Pool } }).engine)
console.log(`Node ${process.version}, ${sides[0].name}, load ${loadavg()[0].toFixed(1)}`)
console.log(
  options.pieces
    ? 'Microseconds of processor time a token on one thread / what two threads would take that share its pieces.'
    : 'Microseconds a token: the least and the median of the rounds, on one thread / on all.',
)
for (const batch of options.batch) {
  console.log(
    `\n${columnsOf([`batch ${batch}`, ...options.lengths])}\n${columnsOf([0, ...options.lengths].map(() => '---'))}`,
  )
  for (const cell of options.cells) {
    const figures: string[] = []
    for (const length of options.lengths)
      figures.push(await (options.pieces ? byPieces : onThreads)(cell, batch, length))
    console.log(columnsOf([cell, ...figures]))
  }
}
