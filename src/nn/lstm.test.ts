import { beforeEach, describe, expect, test } from 'vitest'
import { devices, precisionOf } from '../../test/kernel-sets.js'
import { relativeError } from '../../test/read-fixture.js'
import { Generator } from '../core/random.js'
import { setDefaultDevice } from '../kernels/devices.js'
import { fromData, randn } from '../tensor/create.js'
import { GRU } from './gru.js'
import { LSTM, LSTMCell, type LSTMOptions } from './lstm.js'
import { RNNModel } from './model.js'
import type { RecurrentOptions } from './recurrent.js'
import type { LSTMState } from './recurrent-state.js'
import { SequenceTagger } from './sequence-tagger.js'

// Outputs, states and gradients of layers are compared with PyTorch's and with formulas in test/parity.test.ts.
const sizes = { inputSize: 7, hiddenSize: 10, numLayers: 2 }

/** A model runs token by token as it does over a sequence, with states that come and go, for two sequences. */
async function expectStepsLikeForward(model: RNNModel<LSTMState>, precision: number): Promise<void> {
  const generator = new Generator(6)
  const tokens = Int32Array.from({ length: 10 }, () => generator.integer(model.vocabSize))
  const { output } = model.forward(fromData(Int32Array.of(...tokens, ...tokens), [2, 10]))
  const expected = await output.values()
  const stepper = model.stepper(2)
  const step = async (t: number) =>
    expect(
      relativeError(
        await stepper.step(Int32Array.of(tokens[t], tokens[t])),
        expected.subarray(2 * t * model.vocabSize, 2 * (t + 1) * model.vocabSize),
      ),
    ).toBeLessThan(precision)
  for (let t = 0; t < 4; t++) await step(t)
  const kept = stepper.stateOf(1)
  await stepper.step(Int32Array.of(0, 1))
  for (const row of [0, 1]) stepper.setState(row, kept)
  for (let t = 4; t < 8; t++) await step(t)
  stepper.setState(0, undefined)
  stepper.select(Int32Array.of(1, 1))
  for (let t = 8; t < 10; t++) await step(t)
  stepper.free()
}

const special: [string, Partial<LSTMOptions>][] = [
  ['a projection', { projSize: 3 }],
  ['peepholes', { peepholes: true }],
  ['both', { projSize: 3, peepholes: true }],
]

describe.each(devices)('on $name', (device) => {
  beforeEach(() => setDefaultDevice(device))

  describe.each(special)('an LSTM with %s', (_name, options) => {
    test('runs token by token as over a sequence, also with an embedding', async () => {
      const generator = new Generator(1)
      const model = new RNNModel(new LSTM({ ...sizes, ...options, generator }), 7, { generator }).eval()
      await expectStepsLikeForward(model, precisionOf(device))
      const read = new LSTM({ ...sizes, inputSize: 5, ...options, generator })
      await expectStepsLikeForward(new RNNModel(read, 9, { embeddingSize: 5, generator }).eval(), precisionOf(device))
    })

    test('without biases is one with biases of zeros', async () => {
      const layer = new LSTM({ ...sizes, ...options, bias: false, bidirectional: true, generator: new Generator(2) })
      const biased = new LSTM({ ...sizes, ...options, bidirectional: true })
      const zeros = Object.entries(biased.stateDict()).filter(([name]) => name.startsWith('bias'))
      biased.loadStateDict({
        ...layer.stateDict(),
        ...Object.fromEntries(zeros.map(([name, { shape }]) => [name, fromData(new Float32Array(40), shape)])),
      })
      const x = randn([5, 3, 7], new Generator(3))
      const [a, b] = [layer, biased].map((one) => one.forward(x).output)
      expect(relativeError(await a.values(), await b.values())).toBeLessThan(precisionOf(device))
    })

    test('goes on from a state as if it had never stopped, forwards with tokens and scores', async () => {
      const generator = new Generator(4)
      const model = new RNNModel(new LSTM({ ...sizes, ...options, generator }), 7, { generator }).eval()
      const tokens = Int32Array.from({ length: 3 * 9 }, () => generator.integer(7))
      const all = fromData(tokens, [3, 9])
      const whole = model.forward(all)
      const first = model.forward(all.slice(1, 0, 4))
      const second = model.forward(all.slice(1, 4, 9), first.state)
      const parts = [...(await first.output.values()), ...(await second.output.values())]
      expect(relativeError(parts, await whole.output.values())).toBeLessThan(precisionOf(device))
      for (const part of ['h', 'c'] as const) {
        const [a, b] = [await second.state[part].values(), await whole.state[part].values()]
        expect(relativeError(a, b)).toBeLessThan(precisionOf(device))
      }
    })

    test('after the end of a sequence, the scores are 0', async () => {
      const generator = new Generator(5)
      const model = new RNNModel(new LSTM({ ...sizes, ...options, generator }), 7, { generator }).eval()
      const tokens = fromData(
        Int32Array.from({ length: 12 }, () => generator.integer(7)),
        [3, 4],
      )
      const { output } = model.forward(tokens, model.beginState(3), { lengths: [4, 1, 2] })
      const scores = await output.values()
      const none = Array.from({ length: 12 }, (_, row) => scores.subarray(row * 7, row * 7 + 7).every((x) => x === 0))
      expect(none).toEqual([0, 0, 0, 0, 1, 0, 0, 1, 1, 0, 1, 1].map(Boolean))
    })
  })
})

test('what reads the output of a layer has the size of its projection', () => {
  const layer = new LSTM({ ...sizes, projSize: 3, bidirectional: true })
  expect(layer.outputSize).toBe(3)
  expect(layer.beginState(2).h.shape).toEqual([4, 2, 3])
  expect(layer.beginState(2).c.shape).toEqual([4, 2, 10])
  expect(new RNNModel(layer, 7).linear.weight.shape).toEqual([7, 6])
  expect(new SequenceTagger(layer, 7, 5).linear.weight.shape).toEqual([5, 6])
  const tied = new RNNModel(new LSTM({ ...sizes, inputSize: 3, projSize: 3 }), 7, {
    embeddingSize: 3,
    tieWeights: true,
  })
  expect(tied.linear.weight).toBe(tied.embedding!.weight)
})

test('the parameters have PyTorch’s names and shapes, those of peepholes besides', () => {
  const shapes = (options: Partial<LSTMOptions>) =>
    Object.fromEntries(new LSTM({ ...sizes, ...options }).namedParameters().map(([name, { shape }]) => [name, shape]))
  expect(shapes({ projSize: 3, peepholes: true, bidirectional: true, numLayers: 1 })).toEqual({
    ...{ weight_ih_l0: [40, 7], weight_hh_l0: [40, 3], bias_ih_l0: [40], bias_hh_l0: [40], weight_hr_l0: [3, 10] },
    weight_ch_l0: [30],
    ...{ weight_ih_l0_reverse: [40, 7], weight_hh_l0_reverse: [40, 3], bias_ih_l0_reverse: [40] },
    ...{ bias_hh_l0_reverse: [40], weight_hr_l0_reverse: [3, 10], weight_ch_l0_reverse: [30] },
  })
  expect(shapes({ projSize: 3 }).weight_ih_l1).toEqual([40, 3])
})

test('weightDropout drops weights of h, and not those of the projection', async () => {
  const layer = new LSTM({ ...sizes, projSize: 3, numLayers: 1, weightDropout: 1 })
  const x = randn([1, 2, 7], new Generator(1))
  const state = { h: randn([1, 2, 3], new Generator(2)), c: randn([1, 2, 10], new Generator(3)) }
  const zeros = { ...state, h: layer.beginState(2).h }
  expect(await layer.forward(x, state).output.values()).toEqual(await layer.forward(x, zeros).output.values())
  expect((await layer.forward(x, zeros).output.values()).every((value) => value !== 0)).toBe(true)
})

test.each<[string, object, RegExp]>([
  ['as wide as h', { projSize: 10 }, /^LSTM: projSize is 10, expected fewer features than hiddenSize = 10/],
  ['of nothing', { projSize: 0 }, /^LSTM: projSize is 0, expected a whole number/],
  ['with normalization', { projSize: 3, layerNorm: true }, /^LSTM: layerNorm with projSize, expected one of them/],
  ['and peepholes with it', { peepholes: true, layerNorm: true }, /^LSTM: layerNorm with peepholes/],
  ['and peepholes that are no flag', { peepholes: 1 }, /^LSTM: peepholes is the number 1, expected true or false/],
])('a projection %s is refused', (_name, options, message) => {
  expect(() => new LSTM({ ...sizes, ...options })).toThrow(message)
})

test('other cells have neither, and say so', () => {
  const options = { ...sizes, projSize: 3 } as RecurrentOptions
  expect(() => new GRU(options)).toThrow('projSize: only an LSTM has a projection; leave it out')
  expect(() => new LSTMCell({ inputSize: 3, hiddenSize: 4, peepholes: true } as RecurrentOptions)).toThrow('peepholes')
})

test('a state of other widths is refused', () => {
  const layer = new LSTM({ ...sizes, projSize: 3 })
  const { h, c } = layer.beginState(2)
  const x = randn([1, 2, 7])
  expect(() => layer.forward(x, { h: c, c })).toThrow(
    'state.h has the shape [2, 2, 10], expected [layers × directions, batch, projSize] = [2, 2, 3]',
  )
  expect(() => layer.forward(x, { h, c: h })).toThrow('state.c has the shape [2, 2, 3], expected')
  const [projected, peeping, plain] = [{ projSize: 3 }, { peepholes: true }, {}].map((options) =>
    new RNNModel(new LSTM({ ...sizes, ...options }), 7).stepper(),
  )
  for (const other of [peeping, plain]) {
    expect(() => other.setState(0, projected.stateOf(0))).toThrow('2 projected LSTM layers of 10 units')
  }
})
