// Times TensorFlow.js on its WebAssembly backend: reads one JSON object per line, writes milliseconds, one per line.
import { createRequire } from 'node:module'
import path from 'node:path'
import { createInterface } from 'node:readline'
import * as tf from '@tensorflow/tfjs'
import { setThreadsCount, setWasmPaths } from '@tensorflow/tfjs-backend-wasm'

const vocabSize = 28
const backend = createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm')
setWasmPaths(`${path.dirname(backend)}/`)
setThreadsCount(2)
await tf.setBackend('wasm')
const layers = { rnn: tf.layers.simpleRNN, gru: tf.layers.gru, lstm: tf.layers.lstm }

async function train({ cell, hidden, batch, steps, layers: depth, count }) {
  const model = tf.sequential()
  for (let i = 0; i < depth; i++) {
    const inputShape = i === 0 ? [steps, vocabSize] : undefined
    model.add(layers[cell]({ units: hidden, returnSequences: true, inputShape }))
  }
  model.add(tf.layers.dense({ units: vocabSize, activation: 'softmax' }))
  model.compile({ optimizer: tf.train.sgd(1), loss: 'categoricalCrossentropy' })
  const tokens = () => {
    const values = Array.from({ length: batch * steps }, () => Math.floor(Math.random() * vocabSize))
    return tf.oneHot(tf.tensor2d(values, [batch, steps], 'int32'), vocabSize)
  }
  const [x, y] = [tokens(), tokens()]
  await model.trainOnBatch(x, y)
  const times = []
  for (let i = 0; i < count; i++) {
    const start = performance.now()
    await model.trainOnBatch(x, y)
    times.push(performance.now() - start)
  }
  for (const one of [x, y, model]) one.dispose()
  return times.sort((a, b) => a - b)[count >> 1]
}

const jobs = { version: () => `TensorFlow.js ${tf.version.tfjs} (WASM)`, train }
for await (const line of createInterface({ input: process.stdin })) {
  const { job, ...rest } = JSON.parse(line)
  console.log(JSON.stringify(await jobs[job](rest)))
}
