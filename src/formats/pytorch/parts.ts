import { formatShape, sameShape } from '../../core/shape.js'
import { cells } from '../../device/cells.js'
import type { TensorValues } from '../safetensors.js'
import type { Fail } from './pickle.js'

export type Tensors = Readonly<Record<string, TensorValues>>

/** A recurrent layer among named tensors. */
export interface RecurrentNames {
  /** What stands before the names of its parameters. */
  prefix: string
  /** The names of its parameters, and their names in a layer of this library. */
  names: ReadonlyMap<string, string>
  cell: 'rnn' | 'gru' | 'lstm'
  inputSize: number
  hiddenSize: number
  numLayers: number
  bias: boolean
  bidirectional: boolean
  layerNorm: true | undefined
}

/** The names of an embedding, of the output's weight, and of its bias; a tied weight has both roles. */
export interface OutputNames {
  head: string
  embedding?: string
  bias?: string
}

/** The first parameter of every recurrent layer, with what stands before it; a cell's has no number. */
const FIRST = /^(.*)weight_ih(_l0)?$/s

/** All recurrent layers and cells among named tensors. */
export function layersOf(tensors: Tensors, fail: Fail): RecurrentNames[] {
  const found = Object.keys(tensors).flatMap((name) => {
    const first = FIRST.exec(name)
    return first ? [{ prefix: first[1], isCell: first[2] === undefined }] : []
  })
  return found.map(({ prefix, isCell }) => layerOf(tensors, prefix, isCell ? '' : '_l0', fail))
}

function layerOf(tensors: Tensors, prefix: string, suffix: '' | '_l0', fail: Fail): RecurrentNames {
  const has = (name: string): boolean => Object.hasOwn(tensors, prefix + name)
  const [ihName, hhName] = [`${prefix}weight_ih${suffix}`, `${prefix}weight_hh${suffix}`]
  if (!Object.hasOwn(tensors, hhName)) return fail(`${hhName} is missing, expected it beside ${ihName}`)
  if (has('weight_hr_l0')) {
    return fail(
      `${prefix}weight_hr_l0 belongs to an LSTM with projections (proj_size), which this library does not have`,
    )
  }
  const [ih, hh] = [tensors[ihName].shape, tensors[hhName].shape]
  const [rows, hiddenSize] = hh
  const cell = Object.values(cells).find(({ gates }) => gates.length * hiddenSize === rows)?.name
  if (ih.length !== 2 || hh.length !== 2 || ih[0] !== rows || ih[1] === 0 || rows === 0 || !cell) {
    return fail(
      `${hhName} has the shape ${formatShape(hh)} beside ${formatShape(ih)}, expected 1, 3 or 4 times as many rows as columns, for an RNN, a GRU or an LSTM`,
    )
  }
  let numLayers = 1
  while (suffix && has(`weight_ih_l${numLayers}`)) numLayers++
  const names = new Map<string, string>()
  for (const name of Object.keys(tensors)) {
    const own = name.startsWith(prefix) ? name.slice(prefix.length) : ''
    if (suffix && /^(weight|bias|gain)_(ih|hh|c)_l\d+(_reverse)?$/.test(own)) names.set(name, own)
    if (!suffix && /^(weight|bias|gain)_(ih|hh|c)$/.test(own)) names.set(name, `${own}_l0`)
  }
  return {
    prefix,
    names,
    cell,
    inputSize: ih[1],
    hiddenSize,
    numLayers,
    bias: has(`bias_ih${suffix}`),
    bidirectional: has('weight_ih_l0_reverse'),
    layerNorm: has(`gain_ih${suffix}`) || undefined,
  }
}

/**
 * Finds which matrix is the output's weight and which the embedding, by their shapes, by the output's bias, and at last by
 * their names.
 */
export function outputOf(tensors: Tensors, layer: RecurrentNames, fail: Fail): OutputNames {
  const { inputSize } = layer
  const outputs = layer.hiddenSize * (layer.bidirectional ? 2 : 1)
  const matrices = Object.keys(tensors).filter((name) => tensors[name].shape.length === 2)
  const heads = matrices.filter((name) => tensors[name].shape[1] === outputs)
  if (heads.length === 0) {
    return fail(
      `there is no linear layer over the ${outputs} outputs of the recurrent layer, expected a weight of the shape [vocabSize, ${outputs}]; importTensors reads a layer by itself`,
    )
  }
  const readings = heads.flatMap((head) => {
    const [vocabSize] = tensors[head].shape
    const bias = biasOf(head, tensors)
    const others = matrices.filter((name) => name !== head && sameShape(tensors[name].shape, [vocabSize, inputSize]))
    const embeddings = others.filter((name) => biasOf(name, tensors) === undefined)
    const readings: OutputNames[] = embeddings.map((embedding) => ({ head, embedding, bias }))
    if (inputSize === vocabSize) readings.push({ head, bias })
    // Files with tied weights may have them once, beside the bias of the other name.
    const stray = bias === undefined && strayBias(tensors, vocabSize)
    if (inputSize === outputs && stray) readings.push({ head, embedding: head, bias: stray })
    else if (inputSize === outputs && isEmbedding(head)) readings.push({ head, embedding: head, bias })
    return readings
  })
  if (readings.length === 0) {
    const [vocabSize] = tensors[heads[0]].shape
    return fail(
      `the recurrent layer takes ${inputSize} features, expected one for each of the ${vocabSize} tokens of ${heads[0]}, or an embedding of the shape [${vocabSize}, ${inputSize}]`,
    )
  }
  const unused = ({ head, embedding, bias }: OutputNames) =>
    Object.keys(tensors).filter((name) => name !== head && name !== embedding && name !== bias).length
  const least = Math.min(...readings.map(unused))
  const best = readings.filter((reading) => unused(reading) === least)
  if (best.length === 1) return best[0]
  const named = best.filter(({ head, embedding }) => embedding && isEmbedding(embedding) && !isEmbedding(head))
  if (named.length === 1) return named[0]
  const names = best.map(({ head }) => head)
  return fail(
    `each of ${[...new Set(names)].join(' and ')} could be the output's weight, expected one; map the prefix of the embedding to embedding.`,
  )
}

/** The bias that belongs to a weight. */
function biasOf(weight: string, tensors: Tensors): string | undefined {
  const name = weight.replace(/weight$/, 'bias')
  return name !== weight && Object.hasOwn(tensors, name) ? name : undefined
}

/** A bias whose weight is not in the file. */
const strayBias = (tensors: Tensors, length: number): string | undefined =>
  Object.keys(tensors).find(
    (name) =>
      sameShape(tensors[name].shape, [length]) &&
      name.endsWith('bias') &&
      !Object.hasOwn(tensors, name.replace(/bias$/, 'weight')),
  )

/** Whether a module is an embedding by its own name, the last before `weight`. */
const isEmbedding = (weight: string): boolean => /(^|\.)([^.]*emb[^.]*|encoder|wte|lookup[^.]*)\.weight$/i.test(weight)
