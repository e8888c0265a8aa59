import fc from 'fast-check'
import { expect, test } from 'vitest'
import { FormatError } from '../../core/errors.js'
import { Generator } from '../../core/random.js'
import { parameterShapes } from '../../device/cells.js'
import type { ForeignOptions } from '../foreign.js'
import { importModel, importTensors } from '../import.js'
import { modelOf } from '../model-of.js'
import { encodeSafetensors, type TensorValues } from '../safetensors.js'
import { encodeStateDict } from '../state-dict.js'
import { modelOfTensors } from './names.js'

type Tensors = Record<string, TensorValues>

let next = 0
/** A tensor of numbers that no other tensor has. */
const values = (...shape: number[]): TensorValues => ({
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => ++next),
  shape,
})

interface Sizes {
  kind: 'rnn_tanh' | 'gru' | 'lstm'
  inputSize: number
  hiddenSize: number
  numLayers?: number
  bias?: boolean
  bidirectional?: boolean
  layerNorm?: boolean
  projSize?: number
}

/** The parameters of a recurrent layer as PyTorch names them. */
function layer(prefix: string, sizes: Sizes): Tensors {
  const { kind, inputSize, hiddenSize, numLayers = 1, bias = true, bidirectional = false, layerNorm = false } = sizes
  const { projSize } = sizes
  const result: Tensors = {}
  for (let index = 0; index < numLayers; index++) {
    const features = index === 0 ? inputSize : (projSize ?? hiddenSize) * (bidirectional ? 2 : 1)
    for (const direction of bidirectional ? ['', '_reverse'] : ['']) {
      const shapes = parameterShapes(kind, { inputSize: features, hiddenSize, bias, layerNorm, projSize })
      for (const [name, shape] of Object.entries(shapes)) {
        result[`${prefix}${name}_l${index}${direction}`] = values(...shape)
      }
    }
  }
  return result
}

const found = (tensors: Tensors, options: ForeignOptions = {}) => modelOfTensors(tensors, options, 'x.pt')

/** The data of a model's parameters by their names here. */
const dataOf = (parameters: Tensors) =>
  Object.fromEntries(Object.entries(parameters).map(([name, { data }]) => [name, data]))

function reason(tensors: Tensors, options: ForeignOptions = {}): string {
  try {
    found(tensors, options)
  } catch (error) {
    expect(error).toBeInstanceOf(FormatError)
    return (error as Error).message
  }
  throw new Error('it is not refused')
}

const identifier = fc.stringMatching(/^[a-z_][a-z0-9_]{0,9}$/)
const modulePath = fc.array(identifier, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('.'))
const size = fc.integer({ min: 1, max: 9 })

const drawn = fc.record({
  projects: fc.boolean(),
  kind: fc.constantFrom('rnn_tanh' as const, 'gru' as const, 'lstm' as const),
  hiddenSize: size,
  numLayers: fc.integer({ min: 1, max: 3 }),
  bias: fc.boolean(),
  bidirectional: fc.boolean(),
  layerNorm: fc.boolean(),
  vocabSize: fc.integer({ min: 2, max: 12 }),
  embedding: fc.option(size, { nil: undefined }),
  outputBias: fc.boolean(),
  names: fc.uniqueArray(modulePath, { minLength: 3, maxLength: 3 }),
  wrappers: fc.array(fc.constantFrom('module.', '_orig_mod.'), { maxLength: 3 }),
  order: fc.shuffledSubarray([0, 1, 2], { minLength: 3 }),
})

test('under any names and in any order, the model is found as it is, or refused if its embedding could be its output', () => {
  let read = 0
  fc.assert(
    fc.property(drawn, ({ vocabSize, embedding, outputBias, names, wrappers, order, projects, ...drawnSizes }) => {
      const { kind: drawnKind, hiddenSize, layerNorm: normalizes } = drawnSizes
      const projectable = projects && drawnKind === 'lstm' && hiddenSize > 1 && !normalizes
      const sizes = { ...drawnSizes, projSize: projectable ? hiddenSize - 1 : undefined }
      const [lstm, fc1, embed] = names.map((name) => `${wrappers.join('')}${name}.`)
      const inputSize = embedding ?? vocabSize
      const outputs = (sizes.projSize ?? sizes.hiddenSize) * (sizes.bidirectional ? 2 : 1)
      const recurrent = layer('', { ...sizes, inputSize })
      const [weight, bias, table] = [values(vocabSize, outputs), values(vocabSize), values(vocabSize, inputSize)]
      const parts = [
        Object.entries(recurrent).map(([name, tensor]) => [lstm + name, tensor] as const),
        [[`${fc1}weight`, weight] as const, ...(outputBias ? [[`${fc1}bias`, bias] as const] : [])],
        embedding === undefined ? [] : [[`${embed}weight`, table] as const],
      ]
      const tensors = Object.fromEntries(order.flatMap((part) => parts[part]))
      const expected = {
        ...Object.fromEntries(Object.entries(recurrent).map(([name, { data }]) => [`rnn.${name}`, data])),
        'linear.weight': weight.data,
        'linear.bias': outputBias ? bias.data : new Float32Array(vocabSize),
        ...(embedding !== undefined && { 'embedding.weight': table.data }),
      }
      let model: ReturnType<typeof found>
      try {
        model = found(tensors)
      } catch (error) {
        // Without a bias, and with as many features before the layer as after it, only names can tell.
        expect(outputBias || inputSize !== outputs).toBe(false)
        expect((error as Error).message).toContain('do not tell which is the output and which the embedding')
        const prefixes = {
          [`${names[1]}.`]: 'linear.',
          ...(embedding !== undefined && { [`${names[2]}.`]: 'embedding.' }),
        }
        model = found(tensors, { prefixes })
      }
      read++
      expect(dataOf(model.parameters)).toEqual(expected)
      const { kind, ...rest } = sizes
      const cell = kind === 'rnn_tanh' ? 'rnn' : kind
      const layerNorm = sizes.layerNorm || undefined
      expect(model.config).toMatchObject({ ...rest, layerNorm, cell, vocabSize, embeddingSize: embedding })
    }),
    { numRuns: 200 },
  )
  expect(read).toBe(200)
})

const [V, H, E] = [7, 5, 4]
const lstm = layer('rnn.', { kind: 'lstm', inputSize: E, hiddenSize: H })
const linear = { 'linear.weight': values(V, H), 'linear.bias': values(V) }
const embedding = { 'embedding.weight': values(V, E) }
const model = { ...embedding, ...lstm, ...linear }
const without = (tensors: Tensors, name: string) =>
  Object.fromEntries(Object.entries(tensors).filter(([other]) => other !== name))

test('names of the book, of PyTorch’s example of a language model, and of nn.Sequential', () => {
  const gru = (prefix: string, inputSize: number) => layer(prefix, { kind: 'gru', inputSize, hiddenSize: H })
  const book = found({ ...gru('rnn.', V), ...linear })
  expect(book.config).toMatchObject({ cell: 'gru', vocabSize: V, hiddenSize: H, embeddingSize: undefined })
  // examples/word_language_model, with as many features in as out: names alone tell, in the order of any file.
  const [encoder, decoder] = [values(V, H), values(V, H)]
  for (const order of [
    { 'encoder.weight': encoder, 'decoder.weight': decoder },
    { 'decoder.weight': decoder, 'encoder.weight': encoder },
  ]) {
    expect(found({ ...gru('rnn.', H), ...order }).parameters).toMatchObject({
      'embedding.weight': encoder,
      'linear.weight': decoder,
    })
  }
  const sequential = { '0.weight': values(V, H), ...gru('1.', H), '2.weight': values(V, H) }
  expect(reason(sequential)).toBe(
    'x.pt: the names and shapes of 0.weight and 2.weight do not tell which is the output and which the embedding; map their prefixes to linear. and embedding.',
  )
  // Both orders are the same model if the weights are tied.
  const tied = found({ ...sequential, '2.weight': sequential['0.weight'] })
  expect(tied.config.tieWeights).toBe(true)
  const bias = { '2.bias': values(V) }
  expect(found({ ...sequential, ...bias }).parameters).toMatchObject({ 'embedding.weight': sequential['0.weight'] })
})

test('a cell that runs in a loop is a layer, and a layer’s shapes tell it from others even where all sizes are the same', () => {
  const cell = {
    'cell.weight_ih': values(4 * H, V),
    'cell.weight_hh': values(4 * H, H),
    'cell.bias_ih': values(4 * H),
    'cell.bias_hh': values(4 * H),
  }
  const { config, parameters } = found({ ...cell, ...linear })
  expect(config).toMatchObject({ cell: 'lstm', numLayers: 1, bias: true })
  expect(parameters['rnn.weight_ih_l0']).toBe(cell['cell.weight_ih'])
  const square = {
    ...layer('a.', { kind: 'rnn_tanh', inputSize: H, hiddenSize: H }),
    'b.weight': values(H, H),
    'b.bias': values(H),
  }
  expect(found(square).config).toMatchObject({ cell: 'rnn', vocabSize: H, embeddingSize: undefined })
  const embedded = { ...square, 'c.weight': values(H, H) }
  expect(found(embedded).parameters).toMatchObject({
    'embedding.weight': embedded['c.weight'],
    'linear.weight': embedded['b.weight'],
  })
})

test('tied weights are found, whether the file has them twice, once under either name, or as safetensors notes them', async () => {
  const source = modelOf(
    {
      cell: 'gru',
      vocabSize: V,
      hiddenSize: H,
      numLayers: 1,
      bias: true,
      bidirectional: false,
      dropout: 0,
      embeddingSize: H,
      tieWeights: true,
    },
    new Generator(1),
  )
  const { 'embedding.weight': weight, ...rest } = source.stateDict()
  const plain = { data: weight.data, shape: weight.shape }
  const expected = dataOf({ ...rest, 'embedding.weight': plain })
  const files: Uint8Array[] = [
    await encodeStateDict(source),
    encodeSafetensors({ ...rest, 'encoder.weight': plain, 'linear.weight': plain }),
    encodeSafetensors({ ...rest, 'linear.weight': plain }, { 'encoder.weight': 'linear.weight' }),
    encodeSafetensors({ ...rest, 'encoder.weight': plain }, { 'linear.weight': 'encoder.weight' }),
  ]
  for (const file of files) {
    const { config, parameters } = await importModel(file)
    expect(config).toMatchObject({ tieWeights: true, embeddingSize: H })
    expect(dataOf(parameters)).toEqual(expected)
  }
  const tensors = await importTensors(files[2])
  expect(tensors['encoder.weight']).toBe(tensors['linear.weight'])
})

test('an RNN is told from a GRU and an LSTM, and its function is what is said, or assumed', () => {
  const rnn = { ...layer('rnn.', { kind: 'rnn_tanh', inputSize: V, hiddenSize: H }), ...linear }
  expect(found(rnn).found.at(-1)).toContain('tanh is assumed; if it is relu, import with nonlinearity relu')
  const relu = found(rnn, { nonlinearity: 'relu' })
  expect(relu.config.nonlinearity).toBe('relu')
  expect(relu.found).toEqual([
    'rnn.: an RNN of 1 layer and 5 units.',
    'linear.weight: the scores of 7 tokens.',
    'There is no embedding: tokens are one-hot.',
  ])
})

const stack = { ...lstm, ...layer('lstm2.', { kind: 'lstm', inputSize: H, hiddenSize: H }), ...embedding, ...linear }
const renameOf = (layer: string) => ({ [`lstm2.${layer}_l0`]: `rnn.${layer}_l1` })

test('a stack of layers with names of their own is one layer once they are renamed as the message says', () => {
  expect(reason(stack)).toMatch(/there are 2 recurrent layers \(rnn\., lstm2\.\), .* weight_ih_l1 and so on/)
  const prefixes = Object.assign({}, ...['weight_ih', 'weight_hh', 'bias_ih', 'bias_hh'].map(renameOf))
  expect(found(stack, { prefixes }).config).toMatchObject({ numLayers: 2, embeddingSize: E })
})

test.each([
  ['features in place of tokens', { ...lstm, ...linear }],
  ['several recurrent layers', stack],
  ['a layer alone', lstm],
  ['no recurrent layer', linear],
  ['a convolution besides', { ...model, 'conv.weight': values(2, 2), 'conv.bias': values(2) }],
])('a module that is no language model learns the way of its weights: %s', (_, tensors) => {
  expect(reason(tensors)).toMatch(/importTensors reads its weights, .*--out weights\.safetensors/)
})

test.each<[string, Tensors, ForeignOptions, RegExp]>([
  ['nothing', {}, {}, /there is no weight_ih_l0, .* it holds nothing/],
  ['no recurrent layer', linear, {}, /there is no weight_ih_l0, .* it holds linear.weight \[7, 5\], linear.bias \[7\]/],
  ['a layer alone', lstm, {}, /no linear layer over the 5 outputs .* \[vocabSize, 5\]/],
  [
    'a linear layer of other features',
    { ...lstm, ...embedding, 'linear.weight': values(V, 6) },
    {},
    /no linear layer over the 5 outputs/,
  ],
  [
    'no embedding',
    without(model, 'embedding.weight'),
    {},
    /takes 4 features, expected one for each of the 7 tokens of linear.weight, or an embedding of the shape \[7, 4\]/,
  ],
  ['an embedding of other tokens', { ...model, 'embedding.weight': values(8, E) }, {}, /takes 4 features/],
  [
    'a vector where the hidden weights are',
    { ...model, 'rnn.weight_hh_l0': values(20) },
    {},
    /rnn.weight_hh_l0 has the shape \[20\]/,
  ],
  [
    'two gates',
    { ...model, 'rnn.weight_ih_l0': values(10, E), 'rnn.weight_hh_l0': values(10, H) },
    {},
    /1, 3 or 4 times/,
  ],
  [
    'no units',
    { ...model, 'rnn.weight_ih_l0': values(0, E), 'rnn.weight_hh_l0': values(0, 0) },
    {},
    /has the shape \[0, 0\]/,
  ],
  ['no hidden weights', without(model, 'rnn.weight_hh_l0'), {}, /rnn.weight_hh_l0 is missing/],
  ['one bias', without(model, 'rnn.bias_hh_l0'), {}, /rnn.bias_hh_l0 is missing/],
  [
    'a bias of another size',
    { ...model, 'rnn.bias_hh_l0': values(19) },
    {},
    /rnn.bias_hh_l0 has the shape \[19\], expected \[20\]/,
  ],
  [
    'a bias of the output of another size',
    { ...model, 'linear.bias': values(8) },
    {},
    /linear.bias has the shape \[8\], expected \[7\]/,
  ],
  [
    'a third layer without a second',
    { ...model, 'rnn.weight_ih_l2': values(20, H) },
    {},
    /rnn.weight_ih_l2 is unknown/,
  ],
  [
    'a second layer of other units',
    { ...model, ...layer('rnn.', { kind: 'gru', inputSize: E, hiddenSize: H, numLayers: 2 }), ...lstm },
    {},
    /rnn.weight_ih_l1 has the shape \[15, 5\], expected \[20, 5\]/,
  ],
  [
    'half of a second direction',
    { ...model, 'rnn.weight_ih_l0_reverse': values(20, E) },
    {},
    /no linear layer over the 10 outputs/,
  ],
  ['a projection that does not fit', { ...model, 'rnn.weight_hr_l0': values(3, H) }, {}, /proj_size/],
  [
    'whole numbers',
    { ...model, 'linear.weight': { data: new Int32Array(V * H), shape: [V, H] } },
    {},
    /linear.weight holds whole numbers/,
  ],
  [
    'a number that is none',
    { ...model, 'linear.bias': { data: new Float32Array(V).fill(Number.NaN), shape: [V] } },
    {},
    /linear.bias has values that are not finite/,
  ],
  [
    'batch normalization',
    { ...model, 'bn.weight': values(H), 'bn.num_batches_tracked': { data: Int32Array.of(3), shape: [] } },
    {},
    /besides the recurrent layer rnn\.\* there are .*bn.weight \[5\], bn.num_batches_tracked \[\], expected at most 3/,
  ],
  [
    'a counter',
    { ...lstm, ...embedding, 'linear.weight': values(V, H), steps: { data: Int32Array.of(3), shape: [] } },
    {},
    /steps \[\] belongs neither/,
  ],
  ['another cell than was said', model, { cell: 'gru' }, /those of an LSTM, expected a GRU/],
  ['a function of an LSTM', model, { nonlinearity: 'relu' }, /nonlinearity is relu, expected it only for an RNN/],
  ['a prefix of no name', model, { prefixes: { 'net.': '' } }, /no name begins with "net."/],
  [
    'two names that become one',
    model,
    { prefixes: { 'linear.bias': 'linear.weight' } },
    /two tensors have the name linear.weight/,
  ],
])('%s: refused with the reason', (_name, tensors, options, expected) => {
  expect(reason(tensors, options)).toMatch(expected)
})

test('a hundred thousand tensors are refused at once', () => {
  const one = values(1)
  const many = Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`module.${i}.weight_ih_l0`, one]))
  expect(reason(many)).toMatch(/there are 100000 recurrent layers \(0\., 1\., 2\., 3\., …\)/)
  const square = values(1, 1)
  const matrices = Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`${i}.weight`, square]))
  const rnn = layer('rnn.', { kind: 'rnn_tanh', inputSize: 1, hiddenSize: 1 })
  expect(reason({ ...rnn, ...matrices })).toMatch(/and 99994 more, expected at most 3/)
})
