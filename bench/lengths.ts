// Measures how the time a token of a training step changes with the length of the sequences, for cells that a sequence has to
// be walked through step by step and for those whose gates depend on the input alone, on one thread and on all.
//   npm run bench:lengths -- [--rounds 15] [--batch 1,32] [--lengths 16,64,256,1024,4096] [--cells gru,mingru,minlstm]
import { availableParallelism, loadavg } from 'node:os'
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
  .option('--rounds <n>', 'turns of each number of threads', Number, 15)
  .option('--batch <sizes>', 'sequences', numbers, [1, 32])
  .option('--lengths <steps>', 'time steps', numbers, [16, 64, 256, 1024, 4096])
  .option('--cells <names>', 'cells', (text) => text.split(','), Object.keys(layers))
  .parse()
  .opts<{ rounds: number; batch: number[]; lengths: number[]; cells: (keyof typeof layers)[] }>()

const sides = [...new Set([1, availableParallelism()])].map((threads) => wasmKernels({ threads }))
console.log(`Node ${process.version}, ${sides[0].name}, load ${loadavg()[0].toFixed(1)}`)
console.log('Microseconds a token: the least and the median of the rounds, on one thread / on all.')
for (const batch of options.batch) {
  console.log(
    `\n| batch ${batch} | ${options.lengths.join(' | ')} |\n| --- |${' --- |'.repeat(options.lengths.length)}`,
  )
  for (const cell of options.cells) {
    const columns = options.lengths.map((length) => {
      const made = sides.map((kernels) => {
        useKernels(kernels)
        const step = stepOf(cell, batch, length)
        for (const start = performance.now(); performance.now() < start + 300; ) step()
        return { kernels, step, times: [] as number[] }
      })
      for (let round = 0; round < options.rounds; round++) {
        for (const { kernels, step, times } of made) {
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
    })
    console.log(`| ${cell} | ${columns.join(' | ')} |`)
  }
}
