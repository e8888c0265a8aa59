import { FormatError } from '../../core/errors.js'
import { formatShape } from '../../core/shape.js'
import type { ForeignModel, ForeignOptions } from '../foreign.js'
import { checkModelParameters, type ModelSizes, VERSION } from '../model-config.js'
import type { TensorValues } from '../safetensors.js'
import { layerAmong, listed, notAModel, outputOf, type RecurrentNames, same, type Tensors } from './parts.js'

/** What PyTorch puts before all names: DataParallel and DistributedDataParallel, and `torch.compile`. */
const wrappers = ['module.', '_orig_mod.']

/**
 * Replaces the beginnings of names, and removes those that PyTorch's wrappers add to all of them.
 * @throws FormatError if two names become one, or if a prefix begins no name
 */
export function renamed(tensors: Tensors, prefixes: Readonly<Record<string, string>>, where: string): Tensors {
  let entries = Object.entries(tensors)
  const wrapperOf = () => wrappers.find((prefix) => entries.every(([name]) => name.startsWith(prefix)))
  for (let wrapper = wrapperOf(); wrapper && entries.length > 0; wrapper = wrapperOf()) {
    const { length } = wrapper
    entries = entries.map(([name, values]) => [name.slice(length), values])
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
 * `weight_ih_l0` and so on, or a cell, whose names end in `weight_ih`; the linear layer over its outputs; and an embedding
 * if there is one. Sizes come from shapes. Where names and shapes allow two readings, it is refused and not guessed.
 * @param where the file's name, for messages
 * @throws FormatError if there is none, if there are several, or if their shapes do not belong together
 */
export function modelOfTensors(given: Tensors, options: ForeignOptions, where: string): ForeignModel {
  const fail = (problem: string): never => {
    throw new FormatError(`${where}: ${problem}`)
  }
  const { prefixes = {}, cell, nonlinearity } = options
  const tensors = renamed(given, prefixes, where)
  const layer = layerAmong(tensors, fail)
  if (cell && cell !== layer.cell) {
    fail(`its shapes are those of ${nameOf[layer.cell]}, expected ${nameOf[cell]}; leave the cell out`)
  }
  if (nonlinearity === 'relu' && layer.cell !== 'rnn') {
    fail(`nonlinearity is relu, expected it only for an RNN; the layer is ${nameOf[layer.cell]}`)
  }
  const rest = Object.fromEntries(Object.entries(tensors).filter(([name]) => !layer.names.has(name)))
  const output = outputOf(rest, layer, fail)
  const { head, embedding, bias } = output
  const used = new Set([head, embedding, bias])
  const extra = Object.keys(rest).find((name) => !used.has(name))
  if (extra !== undefined) {
    fail(
      notAModel(
        `${extra} ${formatShape(rest[extra].shape)} belongs neither to the recurrent layer ${layer.prefix}* nor to ${head}; expected only a recurrent layer, a linear layer over it, and possibly an embedding`,
      ),
    )
  }

  const [vocabSize] = rest[head].shape
  const tied = embedding !== undefined && (embedding === head || same(rest[embedding], rest[head]))
  const { names, cell: kind, inputSize, hiddenSize, numLayers, bias: biases, bidirectional, layerNorm } = layer
  const { projSize, peepholes } = layer
  const embeddingSize = embedding === undefined ? undefined : inputSize
  const config: ModelSizes = {
    cell: kind,
    vocabSize,
    hiddenSize,
    numLayers,
    bias: biases,
    bidirectional,
    embeddingSize,
    layerNorm,
    projSize,
    peepholes,
    dropout: 0,
  }
  if (kind === 'rnn') config.nonlinearity = nonlinearity ?? 'tanh'
  if (tied) config.tieWeights = true
  const zeros = (): TensorValues => ({ data: new Float32Array(vocabSize), shape: [vocabSize] })
  const parameters: Record<string, TensorValues> = {
    ...(embedding && { 'embedding.weight': rest[embedding] }),
    ...Object.fromEntries([...names].map(([from, to]) => [`rnn.${to}`, tensors[from]])),
    ...(!tied && { 'linear.weight': rest[head] }),
    'linear.bias': bias === undefined ? zeros() : rest[bias],
  }
  checkModelParameters({ format: 'unrolled', version: VERSION, ...config }, parameters, where)
  const found = [...foundIn(layer), ...foundOf(output, vocabSize, inputSize, tied)]
  if (kind === 'rnn' && nonlinearity === undefined)
    found.push(
      'Weights do not tell an RNN’s function: tanh is assumed; if it is relu, import with nonlinearity relu (--nonlinearity relu).',
    )
  return { config, parameters, found }
}

const nameOf = { rnn: 'an RNN', gru: 'a GRU', lstm: 'an LSTM' } as const

function foundIn(layer: RecurrentNames): string[] {
  const { prefix, cell, numLayers, hiddenSize, bidirectional, bias, layerNorm, projSize, peepholes } = layer
  const layers = numLayers === 1 ? '1 layer' : `${numLayers} layers`
  const more = [
    bidirectional && ' in two directions',
    projSize !== undefined && `, projected to ${projSize} features`,
    peepholes && ', with peepholes',
    layerNorm && ', with layer normalization',
    !bias && ', without biases',
  ]
  return [
    `${prefix || '(no prefix)'}: ${nameOf[cell]} of ${layers} and ${hiddenSize} units${more.filter(Boolean).join('')}.`,
  ]
}

function foundOf(
  { head, embedding, bias }: { head: string; embedding?: string; bias?: string },
  vocabSize: number,
  features: number,
  tied: boolean,
): string[] {
  return [
    `${head}: the scores of ${vocabSize} tokens${bias === undefined ? ', without a bias, which is 0 here' : ''}.`,
    embedding
      ? `${embedding}: an embedding of ${features} features${tied ? ', whose weights are those of the output' : ''}.`
      : 'There is no embedding: tokens are one-hot.',
  ]
}
