// The section "Concise Implementation of Recurrent Neural Networks", cell by cell, in its order.
//   npm run example examples/rnn-concise.ts [EPOCHS]     plots to runs/rnn-concise.svg
// Lines with %% begin the cells of the studio's lesson; one with %%= replaces the line above it there.

// %% load
import { loadTimeMachine, predict, RNN, RNNModel, rand, train, tryGpu, zeros } from 'unrolled'
import { show } from './show.js'

const [batchSize, numSteps] = [32, 35]
const { data, vocab, source } = await loadTimeMachine({ batchSize, numSteps })
console.log(source)

// %% layer
const numHiddens = 256
const rnnLayer = new RNN({ inputSize: vocab.size, hiddenSize: numHiddens })

// %% state
const state = rnnLayer.beginState(batchSize)
console.log('state.shape', state.shape)
console.log('the same as zeros of', zeros([1, batchSize, numHiddens]).shape)

// %% forward
const X = rand([numSteps, batchSize, vocab.size])
const { output: Y, state: newState } = rnnLayer.forward(X, state)
console.log('Y.shape', Y.shape, 'newState.shape', newState.shape)

// %% random
const device = await tryGpu()
console.log(`on ${device.name}: ${device.reason}`)
const net = new RNNModel(rnnLayer, vocab.size).to(device)
console.log(await predict('time traveller', 10, net, vocab))

// %% train
const [numEpochs, lr] = [Number(process.argv[2] ?? 500), 1]
// %%= const [numEpochs, lr] = [50, 1]
const { history } = await train(net, data, vocab, { lr, epochs: numEpochs })
const [x, y] = [history.map(({ epoch }) => epoch), history.map(({ perplexity }) => perplexity)]
await show({ title: 'Training', xLabel: 'epoch', yLabel: 'perplexity', series: [{ name: 'RNN', x, y }] })

// %% write
console.log(await predict('time traveller', 50, net, vocab))
