// Times this library: reads one JSON object per line, writes milliseconds, one number per line. Runs under any Node.
import { createInterface } from 'node:readline'
import { Worker } from 'node:worker_threads'
import {
  blasKernels,
  clipGradNorm,
  crossEntropy,
  fromData,
  GRU,
  LSTM,
  RNN,
  RNNModel,
  SGD,
  useKernels,
  wasmKernels,
} from 'unrolled'

import { profileOf } from './profile.mjs'

const vocabSize = 28
const cells = { rnn: RNN, gru: GRU, lstm: LSTM }
const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1]
const tokens = (length) => Int32Array.from({ length }, () => Math.floor(Math.random() * vocabSize))

const made = new Map()
/** Calls `make` once for each key. */
function once(key, make) {
  if (!made.has(key)) made.set(key, make())
  return made.get(key)
}

function use({ set, threads }) {
  const kernels = once(`${set} ${threads}`, () => (set === 'blas' ? blasKernels : wasmKernels)({ threads }))
  if (kernels) useKernels(kernels)
  return kernels
}

function makeModel({ cell, hidden, layers }) {
  const layer = new cells[cell]({ inputSize: vocabSize, hiddenSize: hidden, numLayers: layers })
  return new RNNModel(layer, vocabSize)
}

function trainStep({ cell, hidden, batch, steps, layers }) {
  const model = makeModel({ cell, hidden, layers })
  const parameters = model.parameters()
  const optimizer = new SGD(parameters, { lr: 1 })
  const [x, y] = [fromData(tokens(batch * steps), [batch, steps]), fromData(tokens(batch * steps), [batch, steps])]
  const step = () => {
    const { output } = model.forward(x)
    optimizer.zeroGrad()
    crossEntropy(output, y.T.reshape(-1)).backward()
    clipGradNorm(parameters, 1)
    optimizer.step()
  }
  // Warms up until the engine has compiled the kernels with its optimizing compiler.
  for (const start = performance.now(); performance.now() < start + 700; ) step()
  return step
}

/** The median of at least `count` steps without a pause, because threads need a while after one to get their cores. */
function time(step, count) {
  for (const start = performance.now(); performance.now() < start + 100; ) step()
  const times = []
  for (const begin = performance.now(); times.length < count || performance.now() < begin + 200; ) {
    const start = performance.now()
    step()
    times.push(performance.now() - start)
  }
  return median(times)
}

/** Milliseconds per token, generating `batch` sequences side by side with the likeliest token each time. */
function generate(job) {
  const stepper = makeModel(job).stepper(job.batch)
  const next = tokens(job.batch)
  const step = () => {
    const scores = stepper.step(next)
    for (let row = 0; row < job.batch; row++) {
      let best = 0
      for (let i = 1; i < vocabSize; i++) {
        if (scores[row * vocabSize + i] > scores[row * vocabSize + best]) best = i
      }
      next[row] = best
    }
  }
  const ms = time(() => {
    for (let i = 0; i < job.count; i++) step()
  }, 1)
  stepper.free()
  return ms / job.count / job.batch
}

/** GFLOPS of all threads together, at full load for a while: see limit.mjs. */
async function limit({ what, threads }) {
  const workers = Array.from(
    { length: threads },
    () => new Worker(new URL('./limit.mjs', import.meta.url), { workerData: what }),
  )
  const rates = await Promise.all(workers.map((worker) => new Promise((resolve) => worker.once('message', resolve))))
  return rates.includes(null) ? null : rates.reduce((sum, rate) => sum + rate)
}

const jobs = {
  version: () => `Node ${process.version}, ${wasmKernels({ threads: 1 }).name}`,
  limit,
  train: (job) => {
    if (!use(job)) return null
    const key = JSON.stringify({ ...job, count: 0 })
    return time(
      once(key, () => trainStep(job)),
      job.count,
    )
  },
  profile(job) {
    const kernels = use(job)
    return kernels ? profileOf(trainStep(job), kernels.name) : null
  },
  generate: (job) => (use(job) ? generate(job) : null),
}

for await (const line of createInterface({ input: process.stdin })) {
  const { job, ...rest } = JSON.parse(line)
  console.log(JSON.stringify(await jobs[job](rest)))
}
process.exit()
