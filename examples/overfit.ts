// Exercise 1: can the RNN be made to overfit? Trains on a small text, and measures the perplexity of held-out text
// after each epoch.
//   npm run example examples/overfit.ts [EPOCHS]     plots to runs/overfit.svg

// %% overfit-data
import { evaluate, GRU, loadTimeMachine, manualSeed, RNNModel, SequenceData, trainSteps } from 'unrolled'
import { show } from './show.js'

manualSeed(0)
const sizes = { batchSize: 16, numSteps: 35 }
const { corpus, vocab, source } = await loadTimeMachine({ maxTokens: 12_000 })
const training = new SequenceData(corpus.subarray(0, 6_000), sizes)
const heldOut = new SequenceData(corpus.subarray(6_000, corpus.length), sizes)
console.log(source)

// %% overfit-train
const epochs = Number(process.argv[2] ?? 300)
// %%= const epochs = 300
const model = new RNNModel(new GRU({ inputSize: vocab.size, hiddenSize: 256 }), vocab.size)
const curve: { epoch: number; training: number; heldOut: number }[] = []
for await (const event of trainSteps(model, training, { lr: 1, epochs })) {
  if (event.type !== 'epoch') continue
  const { perplexity } = await evaluate(model, heldOut)
  curve.push({ epoch: event.epoch, training: event.perplexity, heldOut: perplexity })
  if (event.epoch % Math.ceil(epochs / 10) === 0) {
    console.log(`epoch ${event.epoch}: training ${event.perplexity.toFixed(2)}, held out ${perplexity.toFixed(2)}`)
  }
}

// %% overfit-curve
const best = curve.reduce((least, point) => (point.heldOut < least.heldOut ? point : least))
const last = curve[curve.length - 1]
console.log(`held-out perplexity is least, ${best.heldOut.toFixed(2)}, at epoch ${best.epoch}`)
console.log(`at the end: training ${last.training.toFixed(2)}, held out ${last.heldOut.toFixed(2)}: over-fitted`)

const x = curve.map(({ epoch }) => epoch)
await show({
  title: 'Over-fitting on purpose',
  xLabel: 'epoch',
  yLabel: 'perplexity',
  yScale: 'log',
  series: [
    { name: 'training', x, y: curve.map(({ training }) => training) },
    { name: 'held out', x, y: curve.map(({ heldOut }) => heldOut) },
  ],
})
