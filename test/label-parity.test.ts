import { beforeEach, describe, expect, test } from 'vitest'
import { setDefaultDevice } from '../src/kernels/devices.js'
import { GRU } from '../src/nn/gru.js'
import { LSTM } from '../src/nn/lstm.js'
import { RNN } from '../src/nn/rnn.js'
import { SequenceClassifier } from '../src/nn/sequence-classifier.js'
import { SequenceTagger } from '../src/nn/sequence-tagger.js'
import { tensor, zeros } from '../src/tensor/create.js'
import { crossEntropy } from '../src/tensor/losses.js'
import { devices, precisionOf } from './kernel-sets.js'
import { readFixture, relativeError } from './read-fixture.js'

// The values are PyTorch's; make_label_fixtures.py in test/fixtures made them.
const [vocab, size, labels] = [7, 4, 3]
const embedding = { embeddingSize: size }
const models = {
  last_lstm() {
    const rnn = new LSTM({ inputSize: size, hiddenSize: 5, numLayers: 2, bidirectional: true })
    return new SequenceClassifier(rnn, vocab, labels, embedding)
  },
  last_rnn: () => new SequenceClassifier(new RNN({ inputSize: vocab, hiddenSize: 5 }), vocab, labels),
  mean_gru() {
    const rnn = new GRU({ inputSize: size, hiddenSize: 5, bidirectional: true })
    return new SequenceClassifier(rnn, vocab, labels, { ...embedding, pooling: 'mean' })
  },
  tags_gru() {
    const rnn = new GRU({ inputSize: vocab, hiddenSize: 5, numLayers: 2, bidirectional: true })
    return new SequenceTagger(rnn, vocab, labels)
  },
  tags_lstm: () => new SequenceTagger(new LSTM({ inputSize: size, hiddenSize: 5 }), vocab, labels, embedding),
}

describe.each(devices)('$name', (device) => {
  beforeEach(() => setDefaultDevice(device))

  test.each(Object.keys(models) as (keyof typeof models)[])(
    '%s: scores, loss and all gradients are PyTorch’s',
    async (what) => {
      const fixture = readFixture(`labels_${what}`)
      const model = models[what]()
      model.loadStateDict(
        Object.fromEntries(model.namedParameters().map(([parameter]) => [parameter, fixture[`param.${parameter}`]])),
      )
      const { tokens, targets } = fixture
      const lengths = [...fixture.lengths.data]
      const scores = model.forward(tokens, { lengths })
      const loss = crossEntropy(scores.reshape(-1, labels), targets.reshape(-1))
      loss.backward()
      // PyTorch's linear output of padding is its bias; here padding has no scores.
      const [real, expected] = [await scores.values(), await fixture.scores.values()]
      const steps = what.startsWith('tags') ? 8 : 1
      for (let row = 0; row < real.length / labels; row++) {
        const padding = steps > 1 && row % steps >= lengths[Math.floor(row / steps)]
        if (padding) for (let k = 0; k < labels; k++) expected[row * labels + k] = 0
      }
      const errors: [string, number][] = [
        ['scores', relativeError(real, expected)],
        ['loss', relativeError(await loss.values(), await fixture.loss.values())],
      ]
      for (const [name, { grad }] of model.namedParameters()) {
        errors.push([name, relativeError(await grad!.values(), await fixture[`grad.param.${name}`].values())])
      }
      expect(errors.length).toBe(2 + Object.keys(fixture).filter((key) => key.startsWith('grad.')).length)
      expect(errors.filter(([, error]) => !(error <= precisionOf(device)))).toEqual([])

      const best = await model.predict(tokens, { lengths }).values()
      for (let row = 0; row < best.length; row++) {
        if (steps > 1 && row % steps >= lengths[Math.floor(row / steps)]) continue
        const of = [...expected.subarray(row * labels, (row + 1) * labels)]
        expect(best[row]).toBe(of.indexOf(Math.max(...of)))
      }
    },
  )
})

test('a layer that does not fit, too few labels and other inputs are refused', () => {
  const rnn = new GRU({ inputSize: 7, hiddenSize: 4 })
  expect(() => new SequenceClassifier(rnn, 8, 3)).toThrow(
    /^SequenceClassifier: the layer has inputSize = 7, expected the vocabulary's size 8$/,
  )
  expect(() => new SequenceTagger(rnn, 7, 1)).toThrow(
    /^SequenceTagger: numLabels is 1, expected a whole number of 2 or more$/,
  )
  expect(() => new SequenceClassifier(rnn, 7, 3, { pooling: 'max' as never })).toThrow(
    /^SequenceClassifier: pooling is 'max', expected one of 'last', 'mean'$/,
  )
  const model = new SequenceTagger(rnn, 7, 3)
  expect(() => model.forward(zeros([2, 3]))).toThrow(
    /^SequenceTagger\.forward: inputs are float of the shape \[2, 3\], expected int32 tokens \[batch, numSteps\]$/,
  )
  const tokens = tensor([[1, 2, 3]], { dtype: 'int32' })
  expect(() => model.predict(tokens, { lengths: [4] })).toThrow(
    /^SequenceTagger\.forward: lengths\[0\] is 4, expected a whole number from 1 to 3$/,
  )
})
