import { expect, test } from 'vitest'
import { DataError, OptionError } from '../core/errors.js'
import { Generator } from '../core/random.js'
import { SequenceData } from '../data/sequences.js'
import { modelOf } from '../formats/model-of.js'
import { fromData } from '../tensor/create.js'
import { calibrate, LARGEST_TEMPERATURE } from './calibrate.js'
import { evaluateCorpus } from './evaluate.js'
import { trainSteps } from './steps.js'

const sizes = { vocabSize: 7, hiddenSize: 5, numLayers: 1, bias: true, bidirectional: false, dropout: 0 }
const draw = new Generator(3)
const corpus = Uint8Array.from({ length: 300 }, (_, i) => (draw.uniform() < 0.7 ? (i % 3) + 1 : draw.integer(7)))

/** The mean loss with the scores divided by a temperature, by its definition, in double precision. */
function lossAt(scores: number[][], temperature: number): number {
  const losses = scores.map((row, i) => {
    const z = row.map((score) => score / temperature)
    return Math.log(z.reduce((sum, one) => sum + Math.exp(one), 0)) - z[corpus[i + 1]]
  })
  return losses.reduce((sum, loss) => sum + loss, 0) / losses.length
}

const fresh = () => modelOf({ cell: 'gru', ...sizes, outputDropout: 0.5 }, new Generator(1))
const trained = fresh()
const data = new SequenceData(corpus, { batchSize: 4, numSteps: 10 })
for await (const _ of trainSteps(trained, data, { lr: 1, epochs: 10 }));

/** The trained model with larger scores. */
function modelTimes(factor: number) {
  const model = fresh()
  model.loadStateDict(trained.stateDict())
  for (const { data } of model.linear.parameters()) data.set(data.map((value) => value * factor))
  return model
}

test.each([1, 4, 30])('scores %d times as large: finds the temperature with the lowest loss', async (factor) => {
  const model = modelTimes(factor)
  const all = modelTimes(factor)
    .eval()
    .forward(fromData(Int32Array.from(corpus.subarray(0, -1)), [1, 299])).output
  const scores = Array.from({ length: 299 }, (_, i) => [...all.data.subarray(i * 7, (i + 1) * 7)])
  const { temperature, before, after } = await calibrate(model, corpus, { numSteps: 50 })

  expect(before.loss).toBeCloseTo(lossAt(scores, 1), 5)
  expect(after.loss).toBeCloseTo(lossAt(scores, temperature), 5)
  for (const other of [0.99, 1.01])
    expect(lossAt(scores, temperature * other)).toBeGreaterThan(lossAt(scores, temperature))
  expect((await evaluateCorpus(model, corpus)).loss).toBeCloseTo(after.loss, 6)
  expect(model.training).toBe(true)
  // Calibrating a calibrated model changes nothing.
  expect((await calibrate(model, corpus)).temperature).toBeCloseTo(1, 3)
})

test('three passes are enough if the temperature is nearly right, because Newton’s method doubles the correct digits', async () => {
  const model = modelTimes(1)
  await calibrate(model, corpus)
  for (const { data } of model.linear.parameters()) data.set(data.map((value) => value * 1.02))
  let passes = 0
  const { temperature } = await calibrate(model, corpus, {
    onProgress: (done) => {
      if (done === 1) passes++
    },
  })
  // One pass for β = 1, one for the step of two per cent, and one for the error that it left, which is about 0.02².
  expect(passes).toBe(3)
  expect(temperature).toBeCloseTo(1.02, 4)
})

test('the search also ends for a model with constant scores, and for one that is always right', async () => {
  const indifferent = modelTimes(0)
  expect(await calibrate(indifferent, corpus)).toMatchObject({ temperature: 1 })
  const right = modelTimes(0)
  right.linear.bias!.data[2] = 5
  const { after } = await calibrate(
    right,
    Uint8Array.from({ length: 20 }, () => 2),
  )
  expect(after.loss).toBeLessThan(1e-6)
})

test('large scores that are all equal have the loss of a guess', async () => {
  const model = modelTimes(0)
  model.linear.bias!.data.fill(1e17)
  expect((await calibrate(model, corpus)).before.loss).toBeCloseTo(Math.log(7), 12)
})

test('for a model that is always wrong, smaller scores are better, down to the bound of the search', async () => {
  const wrong = modelTimes(0)
  wrong.linear.bias!.data[2] = 5
  const threes = Uint8Array.from({ length: 20 }, () => 3)
  const { temperature, after } = await calibrate(wrong, threes)
  expect(temperature).toBe(LARGEST_TEMPERATURE)
  // All seven tokens are then nearly equally likely.
  expect(after.loss).toBeCloseTo(Math.log(7), 3)
})

test('a model that diverged is refused', async () => {
  await expect(calibrate(modelTimes(1e39), corpus)).rejects.toThrow(DataError)
})

test('tied weights are refused, and the model is unchanged', async () => {
  const model = modelOf({ cell: 'rnn', ...sizes, embeddingSize: 5, tieWeights: true }, new Generator(1))
  await expect(calibrate(model, corpus)).rejects.toThrow(OptionError)
  await expect(calibrate(modelTimes(1), corpus.subarray(0, 1))).rejects.toThrow(/calibrate|evaluateCorpus/)
  const stopped = modelTimes(2)
  const bits = stopped.linear.weight.data.slice()
  await expect(calibrate(stopped, corpus, { signal: AbortSignal.abort() })).rejects.toThrow()
  expect(stopped.linear.weight.data).toEqual(bits)
})
