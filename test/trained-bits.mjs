// Trains one model of each kind for some steps, with sizes that fill no vector, and gives the bits of their parameters.
import { createHash } from 'node:crypto'
import {
  Adam,
  crossEntropy,
  fromData,
  Generator,
  GRU,
  LSTM,
  RNN,
  RNNModel,
  SGD,
  useKernels,
  wasmKernels,
} from '../dist/node.js'

const [vocabSize, batch, numSteps] = [13, 11, 7]

/** @returns a SHA-256 for each model, with spaces between them */
export async function trainedBits(simd, threads, steps = 20) {
  useKernels(wasmKernels({ simd, threads }))
  const sums = []
  for (const [Layer, hiddenSize, numLayers, layerNorm] of [
    [RNN, 19, 1],
    [GRU, 33, 1],
    [LSTM, 45, 1],
    [RNN, 64, 2],
    [GRU, 7, 2],
    [LSTM, 32, 2],
    [GRU, 20, 1, true],
    [LSTM, 21, 2, true],
  ]) {
    const generator = new Generator(3)
    const layer = new Layer({
      inputSize: vocabSize,
      hiddenSize,
      numLayers,
      layerNorm,
      dropout: numLayers > 1 ? 0.2 : 0,
      generator,
    })
    const model = new RNNModel(layer, vocabSize, { generator })
    const optimizer = hiddenSize % 2 ? new SGD(model.parameters(), { lr: 0.5 }) : new Adam(model.parameters())
    for (let step = 0; step < steps; step++) {
      const tokens = () => Int32Array.from({ length: batch * numSteps }, () => generator.integer(vocabSize))
      const { output } = model.forward(fromData(tokens(), [batch, numSteps]))
      optimizer.zeroGrad()
      crossEntropy(output, fromData(tokens(), [batch * numSteps])).backward()
      optimizer.step()
    }
    const hash = createHash('sha256')
    for (const { data } of model.parameters())
      hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
    sums.push(hash.digest('hex'))
  }
  return sums.join(' ')
}
