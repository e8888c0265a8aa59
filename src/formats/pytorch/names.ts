import { FormatError } from '../../core/errors.js'
import { formatShape } from '../../core/shape.js'
import { cells } from '../../device/cells.js'
import type { ForeignModel, ForeignOptions } from '../foreign.js'
import { checkModelParameters, type ModelSizes, VERSION } from '../model-config.js'
import type { TensorValues } from '../safetensors.js'

type Tensors = Readonly<Record<string, TensorValues>>

/** What PyTorch puts before all names: DataParallel and DistributedDataParallel, and `torch.compile`. */
const wrappers = ['module.', '_orig_mod.']

/** The first parameter of every recurrent layer, with what stands before it. */
const FIRST = /^(.*)weight_ih_l0$/

/**
 * Replaces the beginnings of names, and removes those that PyTorch's wrappers add to all of them.
 * @throws FormatError if two names become one, or if a prefix begins no name
 */
export function renamed(tensors: Tensors, prefixes: Readonly<Record<string, string>>, where: string): Tensors {
  let entries = Object.entries(tensors)
  for (const wrapper of wrappers) {
    if (entries.length === 0 || !entries.every(([name]) => name.startsWith(wrapper))) continue
    entries = entries.map(([name, values]) => [name.slice(wrapper.length), values])
  }
  for (const [from, to] of Object.entries(prefixes)) {
    if (!entries.some(([name]) => name.startsWith(from))) {
      throw new FormatError(`${where}: no name begins with ${JSON.stringify(from)}, expected one of ${listed(entries)}`)
    }
    entries = entries.map(([name, values]) => [name.startsWith(from) ? to + name.slice(from.length) : name, values])
  }
  const names = new Set<string>()
  const twice = entries.map(([name]) => name).find((name) => names.size === names.add(name).size)
  if (twice !== undefined) throw new FormatError(`${where}: two tensors have the name ${twice} now, expected each once`)
  return Object.fromEntries(entries)
}

/**
 * Finds a language model among named tensors as PyTorch has them: one recurrent layer, whose names end in
 * `weight_ih_l0` and so on, the linear layer over its outputs, and an embedding if there is one. Sizes come from shapes.
 * @param where the file's name, for messages
 * @throws FormatError if there is none, if there are several, or if their shapes do not belong together
 */
export function modelOfTensors(given: Tensors, options: ForeignOptions, where: string): ForeignModel {
  const fail = (problem: string): never => {
    throw new FormatError(`${where}: ${problem}`)
  }
  const { prefixes = {}, cell, nonlinearity } = options
  const tensors = renamed(given, prefixes, where)
  const layers = Object.keys(tensors).flatMap((name) => FIRST.exec(name)?.[1] ?? [])
  if (layers.length !== 1) {
    const found = layers.length === 0 ? 'there is no weight_ih_l0' : `there are ${layers.length} recurrent layers`
    return fail(`${found}, expected the weights of one recurrent layer; it holds ${listed(Object.entries(tensors))}`)
  }
  const [prefix] = layers
  const layer = layerOf(tensors, prefix, fail)
  const asked = cell && cell !== layer.cell
  if (asked) fail(`its shapes are those of ${nameOf[layer.cell]}, expected ${nameOf[cell]}; leave the cell out`)
  if (nonlinearity === 'relu' && layer.cell !== 'rnn') fail(`nonlinearity is relu, expected only for an RNN`)

  const rest = Object.fromEntries(Object.entries(tensors).filter(([name]) => !layer.names.has(name)))
  const outputs = layer.hiddenSize * (layer.bidirectional ? 2 : 1)
  const heads = matrices(rest).filter(
    ({ name, shape }) => shape[1] === outputs && (!isEmbedding(name, rest) || layer.inputSize === shape[1]),
  )
  const head = heads.find(({ name }) => biasOf(name, rest)) ?? heads.at(-1)
  if (!head) {
    return fail(
      `there is no linear layer over the ${outputs} outputs of the recurrent layer, expected a weight of the shape [vocabSize, ${outputs}]; for the layer alone, write its weights to a .safetensors file`,
    )
  }
  const [vocabSize] = head.shape
  const embedding = matrices(rest).find(
    ({ name, shape }) => name !== head.name && shape[0] === vocabSize && shape[1] === layer.inputSize,
  )
  const oneHot = !embedding && layer.inputSize === vocabSize
  if (!embedding && !oneHot) {
    return fail(
      `the recurrent layer takes ${layer.inputSize} features, expected one for each of the ${vocabSize} tokens, or an embedding of the shape [${vocabSize}, ${layer.inputSize}]`,
    )
  }
  const bias = biasOf(head.name, rest)
  const used = new Set([head.name, embedding?.name, bias])
  const extra = Object.keys(rest).find((name) => !used.has(name))
  if (extra !== undefined) {
    fail(
      `${extra} ${formatShape(rest[extra].shape)} belongs neither to the recurrent layer ${prefix}* nor to ${head.name}; expected only an RNNModel's`,
    )
  }

  const { names, cell: kind, inputSize: _, ...sizes } = layer
  const embeddingSize = embedding && layer.inputSize
  const config: ModelSizes = { ...sizes, cell: kind, vocabSize, embeddingSize, dropout: 0 }
  if (kind === 'rnn') config.nonlinearity = nonlinearity ?? 'tanh'
  const tied = embedding !== undefined && same(rest[embedding.name], rest[head.name])
  if (tied) config.tieWeights = true
  const zeros = (): TensorValues => ({ data: new Float32Array(vocabSize), shape: [vocabSize] })
  const parameters: Record<string, TensorValues> = {
    ...(embedding && { 'embedding.weight': rest[embedding.name] }),
    ...Object.fromEntries([...names].map(([from, to]) => [`rnn.${to}`, tensors[from]])),
    ...(!tied && { 'linear.weight': rest[head.name] }),
    'linear.bias': bias === undefined ? zeros() : rest[bias],
  }
  checkModelParameters({ format: 'unrolled', version: VERSION, ...config }, parameters, where)
  const count = layer.numLayers === 1 ? '1 layer' : `${layer.numLayers} layers`
  const found = [
    `${prefix || '(no prefix)'}: ${nameOf[kind]} of ${count} and ${layer.hiddenSize} units${layer.bidirectional ? ' in two directions' : ''}${layer.bias ? '' : ', without biases'}.`,
    `${head.name}: the scores of ${vocabSize} tokens${bias === undefined ? ', without a bias, which is 0 here' : ''}.`,
    embedding
      ? `${embedding.name}: an embedding of ${embeddingSize} features${tied ? ', whose weights are those of the output' : ''}.`
      : 'There is no embedding: tokens are one-hot.',
  ]
  if (kind === 'rnn' && nonlinearity === undefined)
    found.push('Weights do not tell an RNN’s function: tanh is assumed.')
  return { config, parameters, found }
}

const nameOf = { rnn: 'an RNN', gru: 'a GRU', lstm: 'an LSTM' } as const

/** The names of the first few tensors, for messages. */
const listed = (entries: readonly [string, TensorValues][]): string => {
  const names = entries.slice(0, 6).map(([name, { shape }]) => `${name} ${formatShape(shape)}`)
  return `${names.join(', ')}${entries.length > 6 ? `, and ${entries.length - 6} more` : ''}`
}

const matrices = (tensors: Tensors): { name: string; shape: readonly number[] }[] =>
  Object.entries(tensors).flatMap(([name, { shape }]) => (shape.length === 2 ? { name, shape } : []))

/** The bias that belongs to a weight. */
function biasOf(weight: string, tensors: Tensors): string | undefined {
  const name = weight.replace(/weight$/, 'bias')
  return name !== weight && Object.hasOwn(tensors, name) ? name : undefined
}

/** Whether a matrix is an embedding by its name. */
const isEmbedding = (name: string, tensors: Tensors): boolean =>
  /emb|encoder|wte/i.test(name) && biasOf(name, tensors) === undefined

const same = (a: TensorValues, b: TensorValues): boolean =>
  a.data.length === b.data.length && a.data.every((value, i) => value === b.data[i])

/** The sizes of the recurrent layer of a prefix, and its parameters' names here. */
function layerOf(tensors: Tensors, prefix: string, fail: (problem: string) => never) {
  const has = (name: string): boolean => Object.hasOwn(tensors, prefix + name)
  const { shape: ih } = tensors[`${prefix}weight_ih_l0`]
  if (!has('weight_hh_l0')) return fail(`${prefix}weight_hh_l0 is missing, expected it beside ${prefix}weight_ih_l0`)
  if (has('weight_hr_l0')) {
    return fail(
      `${prefix}weight_hr_l0 belongs to an LSTM with projections (proj_size), which this library does not have`,
    )
  }
  const { shape: hh } = tensors[`${prefix}weight_hh_l0`]
  const [rows, hiddenSize] = hh
  const cell = Object.values(cells).find(({ gates }) => gates.length * hiddenSize === rows)?.name
  if (ih.length !== 2 || hh.length !== 2 || ih[0] !== rows || !cell) {
    return fail(
      `${prefix}weight_hh_l0 has the shape ${formatShape(hh)} beside ${formatShape(ih)}, expected 1, 3 or 4 times as many rows as columns, for an RNN, a GRU or an LSTM`,
    )
  }
  let numLayers = 1
  while (has(`weight_ih_l${numLayers}`)) numLayers++
  const names = new Map<string, string>()
  for (const name of Object.keys(tensors)) {
    const own = name.startsWith(prefix) ? name.slice(prefix.length) : ''
    if (/^(weight|bias|gain)_(ih|hh|c)_l\d+(_reverse)?$/.test(own)) names.set(name, own)
  }
  const bidirectional = has('weight_ih_l0_reverse')
  const layerNorm = has('gain_ih_l0') || undefined
  return { names, cell, inputSize: ih[1], hiddenSize, numLayers, bias: has('bias_ih_l0'), bidirectional, layerNorm }
}
