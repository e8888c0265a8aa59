// How fast a training step is, beside PyTorch's on the same machine in the same run: rounds in turn, medians.
//   npm run bench [HIDDEN,…]        PyTorch: a Python that has it (Debian: python3-torch), named by PYTHON
import { spawn } from 'node:child_process'
import { availableParallelism, cpus } from 'node:os'
import { createInterface } from 'node:readline'
import { setTimeout } from 'node:timers/promises'
import {
  blasKernels,
  clipGradNorm,
  crossEntropy,
  fromData,
  GRU,
  type Kernels,
  LSTM,
  type RecurrentLayer,
  RNN,
  RNNModel,
  SGD,
  useKernels,
  wasmKernels,
} from 'unrolled'

const hiddenSizes = (process.argv[2] ?? '256,1024').split(',').map(Number)
const [vocabSize, batchSize, numSteps, rounds] = [28, 32, 35, 7]
const cells = { rnn: RNN, gru: GRU, lstm: LSTM }
const gates = { rnn: 1, gru: 3, lstm: 4 }

const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]

/** PyTorch in a process of its own: `ask` for the milliseconds of a step; undefined where it is not installed. */
async function startTorch(): Promise<{ version: string; ask: (line: string) => Promise<number> } | undefined> {
  const python = spawn(process.env.PYTHON ?? '/usr/bin/python3', ['bench/torch_peer.py'], {
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  python.on('error', () => undefined)
  const lines = createInterface({ input: python.stdout })[Symbol.asyncIterator]()
  const { value: version } = await lines.next()
  if (version === undefined) return undefined
  const ask = async (line: string) => {
    python.stdin.write(`${line}\n`)
    return Number((await lines.next()).value)
  }
  return { version, ask }
}

/** One training step of ours, as a function. */
function stepper(cell: keyof typeof cells, hiddenSize: number, kernels: Kernels): () => void {
  useKernels(kernels)
  const layer: RecurrentLayer = new cells[cell]({ inputSize: vocabSize, hiddenSize })
  const model = new RNNModel(layer, vocabSize)
  const parameters = model.parameters()
  const optimizer = new SGD(parameters, { lr: 1 })
  const random = () => Int32Array.from({ length: batchSize * numSteps }, () => Math.floor(Math.random() * vocabSize))
  const [x, y] = [fromData(random(), [batchSize, numSteps]), fromData(random(), [batchSize, numSteps])]
  return () => {
    useKernels(kernels)
    const { output } = model.forward(x)
    optimizer.zeroGrad()
    crossEntropy(output, y.T.reshape(-1)).backward()
    clipGradNorm(parameters, 1)
    optimizer.step()
  }
}

function time(step: () => void, count: number): number {
  step()
  const times = Array.from({ length: count }, () => {
    const start = performance.now()
    step()
    return performance.now() - start
  })
  return median(times)
}

const torch = await startTorch()
const sets = [wasmKernels(), blasKernels()].filter((set) => set !== undefined)
const threads = availableParallelism()
console.log(`${cpus()[0].model}, ${threads} cores; Node ${process.version}; PyTorch ${torch?.version ?? 'not found'}`)
console.log(`milliseconds a training step, batch ${batchSize}, ${numSteps} steps; median of ${rounds} rounds in turn`)
for (const hidden of hiddenSizes) {
  const count = hidden > 512 ? 3 : 12
  for (const cell of Object.keys(cells) as (keyof typeof cells)[]) {
    const ours = sets.map((set) => ({ name: set.name, step: stepper(cell, hidden, set), times: [] as number[] }))
    const peers = torch ? [...new Set([1, threads])].map((n) => ({ n, times: [] as number[] })) : []
    for (let round = 0; round < rounds; round++) {
      for (const { step, times } of ours) times.push(time(step, count))
      // Threads of a BLAS spin for a while after their work; the other side must not pay for it.
      await setTimeout(200)
      for (const { n, times } of peers) {
        times.push(await torch!.ask(`${cell} ${hidden} ${batchSize} ${numSteps} 1 ${n} ${count}`))
      }
    }
    const best = Math.min(...peers.map(({ times }) => median(times)))
    const gflop = (6 * batchSize * numSteps * hidden * (gates[cell] * hidden + vocabSize)) / 1e9
    const columns = ours.map(({ name, times }) => {
      const ms = median(times)
      const ratio = peers.length > 0 ? `, ${(best / ms).toFixed(2)}× PyTorch` : ''
      return `${name} ${ms.toFixed(1)} (${((gflop / ms) * 1e3).toFixed(0)} GFLOPS${ratio})`
    })
    columns.push(...peers.map(({ n, times }) => `PyTorch, ${n} threads ${median(times).toFixed(1)}`))
    console.log(`${cell} ${hidden}: ${columns.join('; ')}`)
  }
}
process.exit()
