// Measures how time and memory grow with the length of sequences and of the text, and with batch and hidden size. Every
// figure comes from its own process. Exits with code 1 if the time per token grows with the length of sequences or
// changes with the length of the text, or if memory grows too much.
//   npm run bench:growth
// On a GPU, or the software adapter at hand, it measures what a long training of a tiny model holds.
//   npm run bench:growth -- --device webgpu [steps, by default 20000]
import { execFileSync } from 'node:child_process'
import {
  Generator,
  LSTM,
  type RecurrentLayer,
  RNN,
  RNNModel,
  SequenceData,
  sequencesFromText,
  trainSteps,
} from 'unrolled'
import { findDevice } from './gpu.js'
import { benchGrowth } from './gpu-growth.js'

const hiddenSize = 256
type Job =
  | { what: 'train'; cell: 'rnn' | 'lstm'; batch: number; steps: number; hidden: number }
  | { what: 'corpus'; length: number }
interface Outcome {
  /** Microseconds a token, and bytes a character for a corpus. */
  micros: number
  bytes?: number
  /** The peak memory of the process in megabytes, and its memory before it began. */
  peak: number
  start: number
}

const megabytes = () => process.resourceUsage().maxRSS / 1000

async function microsPerToken(data: SequenceData, model: RNNModel, count: number): Promise<number> {
  const times: number[] = []
  let last = 0
  for await (const event of trainSteps(model, data, { lr: 0.1, epochs: 1_000_000 })) {
    if (event.type !== 'step') continue
    const now = performance.now()
    if (event.step > 2) times.push(now - last)
    last = now
    if (times.length === count) break
  }
  return (times.sort((a, b) => a - b)[times.length >> 1] * 1000) / data.batchSize / data.numSteps
}

async function run(job: Job): Promise<Outcome> {
  const start = megabytes()
  const generator = new Generator(1)
  if (job.what === 'corpus') {
    const text = Buffer.alloc(job.length, 'the quick brown fox jumps over the lazy dog\n').toString('latin1')
    const before = process.memoryUsage.rss()
    const { data, vocab } = sequencesFromText(text)
    const bytes = (process.resourceUsage().maxRSS * 1000 - before) / job.length
    const model = new RNNModel(new RNN({ inputSize: vocab.size, hiddenSize, generator }), vocab.size)
    return { micros: await microsPerToken(data, model, 40), bytes, peak: megabytes(), start }
  }
  const { batch, steps, hidden } = job
  const corpus = Uint8Array.from({ length: batch * steps * 6 + steps + 1 }, () => generator.integer(28))
  const data = new SequenceData(corpus, { batchSize: batch, numSteps: steps })
  const sizes = { inputSize: 28, hiddenSize: hidden, generator }
  const layer: RecurrentLayer = job.cell === 'lstm' ? new LSTM(sizes) : new RNN(sizes)
  const model = new RNNModel(layer, 28)
  return { micros: await microsPerToken(data, model, steps > 500 ? 5 : 40), peak: megabytes(), start }
}

const [, , given, device, steps = '20000'] = process.argv
if (given === '--device' && device === 'webgpu') {
  const { acquired, by, words } = await findDevice()
  console.log(`adapter: ${words}`)
  const problems = by === 'nothing' ? [] : await benchGrowth(acquired, Number(steps))
  for (const problem of problems) console.log(`PROBLEM: ${problem}`)
  process.exit(problems.length > 0 ? 1 : 0)
}
if (given) {
  console.log(JSON.stringify(await run(JSON.parse(given))))
  process.exit()
}

const inProcess = (job: Job): Outcome => {
  const args = [...process.execArgv, process.argv[1], JSON.stringify(job)]
  return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' }))
}
const problems: string[] = []

console.log('| time steps | RNN, µs a token | peak MB | LSTM, µs a token | peak MB |\n| --- | --- | --- | --- | --- |')
const lengths = [35, 128, 512, 2048, 4096].map((steps) => {
  const sizes = { what: 'train', batch: 32, steps, hidden: hiddenSize } as const
  const [rnn, lstm] = [inProcess({ ...sizes, cell: 'rnn' }), inProcess({ ...sizes, cell: 'lstm' })]
  const figures = [rnn, lstm].flatMap(({ micros, peak }) => [micros.toFixed(2), peak.toFixed(0)])
  console.log(`| ${[steps, ...figures].join(' | ')} |`)
  return rnn.micros
})
if (lengths.at(-1)! > 2 * lengths[0]) problems.push('time a token grows with the length of sequences')

console.log('\n| characters of text | µs a token | bytes a character beyond the text |\n| --- | --- | --- |')
const texts = [1e4, 1e6, 1e7, 1e8].map((length) => {
  const { micros, bytes } = inProcess({ what: 'corpus', length })
  console.log(`| ${length.toLocaleString('en')} | ${micros.toFixed(2)} | ${length < 1e7 ? '–' : bytes!.toFixed(1)} |`)
  if (length >= 1e7 && bytes! > 3) problems.push(`a text of ${length} characters takes ${bytes} bytes for each`)
  return micros
})
if (Math.max(...texts) > 2 * Math.min(...texts)) problems.push('time a token changes with the length of the text')

console.log('\n| LSTM | batch 1 | batch 32 | batch 64 |\n| --- | --- | --- | --- |')
for (const hidden of [128, 256, 512, 1024]) {
  const peaks = [1, 32, 64].map((batch) => {
    const { peak, start } = inProcess({ what: 'train', cell: 'lstm', batch, steps: 35, hidden })
    // Five copies of the parameters and three of the activations, with some room for the engine.
    const parameters = 4 * hidden * (hidden + 28 + 2) + 28 * hidden
    const activations = batch * 35 * hidden * 8
    const bound = 100 + (4 * (8 * parameters + 4 * activations)) / 1e6
    if (peak - start > bound) problems.push(`hidden ${hidden}, batch ${batch}: ${peak} MB, expected ${bound} or less`)
    return peak.toFixed(0)
  })
  console.log(`| ${[`${hidden} hidden units, peak MB`, ...peaks].join(' | ')} |`)
}
for (const problem of problems) console.log(`PROBLEM: ${problem}`)
process.exitCode = problems.length > 0 ? 1 : 0
