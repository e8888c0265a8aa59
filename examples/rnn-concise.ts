// The section "Concise Implementation of Recurrent Neural Networks", cell by cell, in its order.
//   npm run example examples/rnn-concise.ts [EPOCHS]
import { loadTimeMachine, predict, RNN, RNNModel, rand, train, tryGpu, zeros } from 'unrolled'

// Loading the dataset
const [batchSize, numSteps] = [32, 35]
const { data, vocab, source } = await loadTimeMachine({ batchSize, numSteps })
console.log(source)

// Defining the model
const numHiddens = 256
const rnnLayer = new RNN({ inputSize: vocab.size, hiddenSize: numHiddens })

const state = rnnLayer.beginState(batchSize)
console.log('state.shape', state.shape)
console.log('the same as zeros of', zeros([1, batchSize, numHiddens]).shape)

const X = rand([numSteps, batchSize, vocab.size])
const { output: Y, state: newState } = rnnLayer.forward(X, state)
console.log('Y.shape', Y.shape, 'newState.shape', newState.shape)

// Training and prediction
const device = await tryGpu()
console.log(`on ${device.name}: ${device.reason}`)
const net = new RNNModel(rnnLayer, vocab.size).to(device)
console.log(await predict('time traveller', 10, net, vocab))

const [numEpochs, lr] = [Number(process.argv[2] ?? 500), 1]
await train(net, data, vocab, { lr, epochs: numEpochs })
console.log(await predict('time traveller', 50, net, vocab))
