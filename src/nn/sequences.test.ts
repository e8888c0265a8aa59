import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { devices, precisionOf } from '../../test/kernel-sets.js'
import { relativeError } from '../../test/read-fixture.js'
import { Generator } from '../core/random.js'
import type { Device } from '../device/device.js'
import { setDefaultDevice } from '../kernels/devices.js'
import { selectKernels, wasmKernels } from '../kernels/index.js'
import { fromData, randn, tensor } from '../tensor/create.js'
import { concatenate } from '../tensor/functions.js'
import { crossEntropy } from '../tensor/losses.js'
import type { Tensor } from '../tensor/tensor.js'
import { GRU } from './gru.js'
import { LSTM } from './lstm.js'
import { MinGRU, MinLSTM } from './minimal.js'
import { RNNModel } from './model.js'
import type { Module } from './module.js'
import type { RecurrentLayer, RecurrentOptions } from './recurrent.js'
import type { LSTMState } from './recurrent-state.js'
import { RNN } from './rnn.js'
import { packSequences, unpackSequences } from './sequences.js'

const layers: Record<string, (options: RecurrentOptions) => RecurrentLayer> = {
  RNN: (options) => new RNN(options) as RecurrentLayer,
  'RNN with relu': (options) => new RNN({ ...options, nonlinearity: 'relu' }) as RecurrentLayer,
  GRU: (options) => new GRU(options) as RecurrentLayer,
  LSTM: (options) => new LSTM(options) as RecurrentLayer,
  MinGRU: ({ layerNorm: _, ...options }) => new MinGRU(options) as unknown as RecurrentLayer,
  MinLSTM: ({ layerNorm: _, ...options }) => new MinLSTM(options) as unknown as RecurrentLayer,
  'GRU that resets before': ({ layerNorm: _, ...options }) =>
    new GRU({ ...options, resetAfter: false }) as RecurrentLayer,
}
const integers = (values: number[]) => tensor(values, { dtype: 'int32' })
const gradients = (module: Module) => module.namedParameters().map(([name, { grad }]) => [name, grad!] as const)

/** What two ways to compute the same give, by name. */
async function expectSame(device: Device, found: Map<string, Tensor>, expected: Map<string, Tensor>) {
  expect([...found.keys()]).toEqual([...expected.keys()])
  for (const [name, value] of found) {
    const error = relativeError(await value.values(), await expected.get(name)!.values())
    expect(error, name).toBeLessThan(precisionOf(device))
  }
}

/** A batch [numSteps, lengths.length, …] with NaN after the end of each sequence, and the sequences themselves. */
function batchOf(lengths: number[], numSteps: number, size: number, generator: Generator) {
  const sequences = lengths.map((length) => randn([length, size], generator).requiresGrad_())
  const longest = fromData(new Float32Array(numSteps * size).fill(Number.NaN), [numSteps, size])
  const { padded } = packSequences([...sequences, longest], { paddingValue: Number.NaN })
  return { sequences, x: padded.slice(1, 0, lengths.length).detach().requiresGrad_() }
}

/**
 * Runs a layer on a batch with padding, and on each of its sequences alone: outputs, last states and all gradients, with
 * random gradients of the outputs and states.
 */
function bothWays(layer: RecurrentLayer, lengths: number[], numSteps: number, generator: Generator) {
  const { inputSize, hiddenSize, numLayers, numDirections } = layer
  const { sequences, x } = batchOf(lengths, numSteps, inputSize, generator)
  const shape = [numLayers * numDirections, lengths.length, hiddenSize]
  const parts = layer instanceof LSTM ? (['h', 'c'] as const) : (['h'] as const)
  const first = parts.map(() => randn(shape, generator).requiresGrad_())
  const by = parts.map(() => randn(shape, generator))
  const byOutput = randn([numSteps, lengths.length, numDirections * hiddenSize], generator)
  const joined = (states: Tensor[]) => (states.length === 1 ? states[0] : { h: states[0], c: states[1] })
  const separated = (state: Tensor | LSTMState) => ('h' in state ? [state.h, state.c] : [state])
  const lossOf = (output: Tensor, byOutput: Tensor, states: Tensor[], by: Tensor[]) =>
    states.map((state, i) => state.mul(by[i]).sum()).reduce((sum, loss) => sum.add(loss), output.mul(byOutput).sum())

  const { output, state } = layer.forward(x, joined(first), { lengths })
  lossOf(output, byOutput, separated(state), by).backward()
  const found = new Map([['output', output], ...gradients(layer)])
  for (const [i, last] of separated(state).entries()) found.set(parts[i], last).set(`d${parts[i]}`, first[i].grad!)
  found.set('dx', x.grad!)
  for (const parameter of layer.parameters()) parameter.grad = null

  const alone = lengths.map((length, i) => {
    const one = first.map((state) =>
      state
        .detach()
        .slice(1, i, i + 1)
        .requiresGrad_(),
    )
    const own = sequences[i].reshape(length, 1, inputSize)
    const { output, state } = layer.forward(own, joined(one))
    const bys = by.map((values) => values.slice(1, i, i + 1))
    lossOf(output, byOutput.slice(1, i, i + 1).slice(0, 0, length), separated(state), bys).backward()
    return { output: output.select(1, 0), states: separated(state), first: one.map(({ grad }) => grad!) }
  })
  const padded = (values: Tensor[]) => {
    const size = values[0].shape[1]
    return packSequences([...values, randn([numSteps, size])]).padded.slice(1, 0, lengths.length)
  }
  const expected = new Map([['output', padded(alone.map(({ output }) => output))], ...gradients(layer)])
  for (const [i, part] of parts.entries()) {
    expected.set(
      part,
      concatenate(
        alone.map(({ states }) => states[i]),
        1,
      ),
    )
    expected.set(
      `d${part}`,
      concatenate(
        alone.map(({ first }) => first[i]),
        1,
      ),
    )
  }
  expected.set('dx', padded(sequences.map(({ grad }) => grad!)))
  return [found, expected] as const
}

describe.each(devices)('on $name', (device) => {
  beforeAll(() => setDefaultDevice(device))
  afterAll(() => setDefaultDevice(wasmKernels()))

  test.each(Object.keys(layers))(
    '%s: each sequence of a batch gives what it gives alone, and padding of NaN nothing',
    async (name) => {
      const generator = new Generator(7)
      // Shaders take a software adapter long to compile.
      const numLayers = device.kind === 'webgpu' ? 1 : 2
      for (const layerNorm of [false, true]) {
        const layer = layers[name]({
          inputSize: 3,
          hiddenSize: 9,
          numLayers,
          bidirectional: true,
          layerNorm,
          generator,
        })
        // One more batch has neither a sequence as long as the input nor more than one.
        const random = Array.from({ length: 6 }, () => 1 + generator.integer(5))
        for (const lengths of [random, [1]]) {
          const [found, expected] = bothWays(layer, lengths, 5, generator)
          await expectSame(device, found, expected)
          for (const parameter of layer.parameters()) parameter.grad = null
        }
      }
    },
  )

  test('a model’s scores and gradients are those of each text alone, also from padding that is no token', async () => {
    const generator = new Generator(3)
    const texts = [[1, 2, 0], [4], [3, 3, 2, 1, 4]]
    const targets = texts.map((text) => text.map((token) => (token + 1) % 5))
    const rows = (sequences: number[][], paddingValue: number, batchFirst: boolean) =>
      packSequences(sequences, { dtype: 'int32', paddingValue, batchFirst })
    for (const options of [{}, { embeddingSize: 4 }, { bidirectional: true }]) {
      const { bidirectional = false, ...others } = { bidirectional: false, ...options }
      const inputSize = 'embeddingSize' in options ? 4 : 5
      const rnn = new GRU({ inputSize, hiddenSize: 6, bidirectional, generator })
      const model = new RNNModel(rnn, 5, { ...others, generator })
      const { padded, lengths } = rows(texts, -1, true)
      const { output } = model.forward(padded, undefined, { lengths })
      crossEntropy(output, rows(targets, -100, false).padded.reshape(-1), { reduction: 'sum' }).backward()
      const scores = unpackSequences(output.reshape(5, 3, 5), lengths)
      expect([...(await output.reshape(5, 3, 5).select(1, 1).slice(0, 1).values())].every((x) => x === 0)).toBe(true)
      const found = new Map([...scores.map((x, i) => [String(i), x] as const), ...gradients(model)])
      for (const parameter of model.parameters()) parameter.grad = null
      const alone = texts.map((text, i) => {
        const { output } = model.forward(integers(text).reshape(1, -1))
        crossEntropy(output, integers(targets[i]), { reduction: 'sum' }).backward()
        return [String(i), output] as const
      })
      await expectSame(device, found, new Map([...alone, ...gradients(model)]))
    }
  })

  test('lengths that are all those of the input give the same bits as none', async () => {
    const layer = new LSTM({ inputSize: 3, hiddenSize: 5, batchFirst: true, generator: new Generator(1) })
    const x = randn([2, 4, 3], new Generator(2))
    const bits = async (lengths?: number[]) => [...(await layer.forward(x, undefined, { lengths }).output.values())]
    expect(await bits([4, 4])).toEqual(await bits())
    const shorter = await layer.forward(x, undefined, { lengths: [2, 4] }).output.toArray()
    expect((shorter as number[][][])[0].slice(2)).toEqual([Array(5).fill(0), Array(5).fill(0)])
  })
})

test('weights that threads share reading of: parts of all lengths are dealt to both, with the same numbers', async () => {
  selectKernels('wasm', { threads: 2 })
  const generator = new Generator(5)
  const layer = new LSTM({ inputSize: 2, hiddenSize: 368, generator }) as RecurrentLayer
  const lengths = Array.from({ length: 21 }, () => 1 + generator.integer(3))
  const [found, expected] = bothWays(layer, lengths, 3, generator)
  await expectSame(wasmKernels(), found, expected)
  selectKernels('auto')
})

describe('lengths that cannot be', () => {
  const gru = new GRU({ inputSize: 1, hiddenSize: 2 })
  const x = () =>
    tensor([
      [[1], [2]],
      [[3], [4]],
    ])
  test.each<[unknown, string]>([
    [[2, 0], 'GRU.forward: lengths[1] is 0, expected a whole number from 1 to 2'],
    [[2, 3], 'GRU.forward: lengths[1] is 3, expected a whole number from 1 to 2'],
    [[1.5, 1], 'GRU.forward: lengths[0] is 1.5, expected a whole number from 1 to 2'],
    [[2], 'GRU.forward: lengths has 1 value, expected one for each of 2 sequences'],
    [[1, 2, 1], 'GRU.forward: lengths has 3 values, expected one for each of 2 sequences'],
    [2, 'GRU.forward: lengths is the number 2, expected an array of whole numbers or an int32 tensor [batch]'],
    [tensor([1, 2]), 'GRU.forward: lengths is a Tensor, expected an array of whole numbers'],
  ])('%o', (lengths, message) => {
    expect(() => gru.forward(x(), undefined, { lengths: lengths as never })).toThrow(message)
  })

  test('options are an object, without others', () => {
    expect(() => gru.forward(x(), undefined, [2, 1] as never)).toThrow('GRU.forward: the options argument is')
    expect(() => gru.forward(x(), undefined, { length: [2, 1] } as never)).toThrow('did you mean lengths?')
  })

  test('lengths may be an Int32Array or a tensor', async () => {
    const outputs = [[1, 2], Int32Array.of(1, 2), integers([1, 2])].map((lengths) =>
      gru.forward(x(), undefined, { lengths }),
    )
    for (const { output } of outputs) expect(output.data).toEqual(outputs[0].output.data)
  })
})

describe('packSequences', () => {
  test('pads at the end, in either order of axes, and keeps the kind of numbers', () => {
    const { padded, lengths } = packSequences([
      [[1, 2]],
      [
        [3, 4],
        [5, 6],
      ],
    ])
    expect([padded.shape, [...padded.data], lengths]).toEqual([
      [2, 2, 2],
      [1, 2, 3, 4, 0, 0, 5, 6],
      [1, 2],
    ])
    const tokens = packSequences([Int32Array.of(1), [2, 3] as never], {
      batchFirst: true,
      paddingValue: -100,
      dtype: 'int32',
    })
    expect([tokens.padded.dtype, tokens.padded.data]).toEqual(['int32', Int32Array.of(1, -100, 2, 3)])
    const unpacked = unpackSequences(tokens.padded, tokens.lengths, { batchFirst: true })
    expect(unpacked.map(({ data }) => [...data])).toEqual([[1], [2, 3]])
  })

  test('tensors get their gradients, and padding none', () => {
    const [a, b] = [tensor([[1], [2]]).requiresGrad_(), tensor([[3]]).requiresGrad_()]
    packSequences([a, b], { paddingValue: 9 })
      .padded.mul(
        tensor([
          [[1], [2]],
          [[3], [4]],
        ]),
      )
      .sum()
      .backward()
    expect([[...a.grad!.data], [...b.grad!.data]]).toEqual([[1, 3], [2]])
  })

  test.each<[unknown[], object, string]>([
    [[], {}, 'packSequences: the sequences are an array of length 0, expected an array of at least one'],
    [[[[1]], []], {}, 'packSequences: sequence 1 has the shape [0], expected at least one step'],
    [[[[1]], [[1, 2]]], {}, 'packSequences: sequence 1 is float [1, 2] and sequence 0 float [1, 1], expected the same'],
    [[[1]], { dtype: 'int32', paddingValue: 0.5 }, 'packSequences: paddingValue is 0.5, expected a whole number'],
    [[[1]], { padding: 1 }, 'packSequences: there is no option padding, did you mean paddingValue?'],
  ])('refuses %o with %o', (sequences, options, message) => {
    expect(() => packSequences(sequences as never, options)).toThrow(message)
  })
})
