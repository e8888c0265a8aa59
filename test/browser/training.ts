/** A short training of each cell with plain SIMD, which gives the same bits in every engine. */
export const training = `
import { GRU, kernels, LSTM, manualSeed, RNN, RNNModel, sequencesFromText, SGD, trainSteps, useKernels, wasmKernels } from './dist/index.js'

export async function bitsOfTraining(threads = 2) {
  useKernels(wasmKernels({ simd: 'simd', threads }))
  const bits = {}
  for (const [name, Layer] of Object.entries({ RNN, GRU, LSTM })) {
    manualSeed(3)
    const { data, vocab } = sequencesFromText('she sells sea shells '.repeat(60), { batchSize: 24, numSteps: 8 })
    const model = new RNNModel(new Layer({ inputSize: vocab.size, hiddenSize: 20, numLayers: 2, dropout: 0.2 }), vocab.size)
    const optimizer = new SGD(model.parameters(), { lr: 1, momentum: 0.5 })
    for await (const _ of trainSteps(model, data, { optimizer, epochs: 3 }));
    let hash = 2166136261
    for (const { data } of model.parameters()) {
      for (const byte of new Uint8Array(data.buffer, data.byteOffset, data.byteLength)) {
        hash = Math.imul(hash ^ byte, 16777619) >>> 0
      }
    }
    bits[name] = hash
  }
  return { bits, threads: kernels().threads, kernels: kernels().name }
}
`
