// Exercise 2: what do more hidden layers do, and what makes them train? Stacks of 1, 2 and 3 layers, once with
// the initial values of the book's MXNet tab (normal, deviation 0.01) and once with those of its PyTorch tab
// (uniform within ±1/√hidden units, the default here).
//   npm run example examples/layers.ts [EPOCHS]     plots to runs/layers.svg

// %% layers
import { constant, initialize, loadTimeMachine, manualSeed, normal, RNN, RNNModel, train } from 'unrolled'
import { show } from './show.js'

const epochs = Number(process.argv[2] ?? 200)
// %%= const epochs = 20
const [high, low] = [10, 2]
// %%= const [high, low] = [15, 10]
const { data, vocab, source } = await loadTimeMachine()
console.log(source)

const series: { name: string; x: number[]; y: number[] }[] = []
for (const initial of ['normal 0.01', 'uniform']) {
  for (const numLayers of [1, 2, 3]) {
    manualSeed(0)
    const model = new RNNModel(new RNN({ inputSize: vocab.size, hiddenSize: 256, numLayers }), vocab.size)
    if (initial !== 'uniform') initialize(model, { weight: normal(0.01), bias: constant(0) })
    const { history, perplexity } = await train(model, data, vocab, { lr: 1, epochs, report: 'silent' })
    const below = (limit: number) => history.find((event) => event.perplexity < limit)?.epoch ?? 'none'
    const name = `${numLayers}, ${initial}`
    console.log(
      `layers: ${name}: perplexity ${perplexity.toFixed(2)}; first epoch below ${high}: ${below(high)}, below ${low}: ${below(low)}`,
    )
    series.push({ name, x: history.map(({ epoch }) => epoch), y: history.map((event) => event.perplexity) })
  }
}
await show({ title: 'Layers', xLabel: 'epoch', yLabel: 'perplexity', yScale: 'log', series })
