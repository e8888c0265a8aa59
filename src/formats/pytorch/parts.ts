import { formatShape, sameShape } from '../../core/shape.js'
import { type Cell, cells } from '../../device/cells.js'
import { outputFeatures } from '../../nn/shapes.js'
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
  /** The features of an LSTM's projection. */
  projSize: number | undefined
  /** Whether an LSTM's gates see c, which a saved model of this library may have. */
  peepholes: true | undefined
}

/** The names of an embedding, of the output's weight, and of its bias; a tied weight has both roles. */
export interface OutputNames {
  head: string
  embedding?: string
  bias?: string
}

/** The first parameter of every recurrent layer, with what stands before it; a cell's has no number. */
const FIRST = /^(.*)weight_ih(_l0)?$/s

/** A reason why tensors are no language model, and the way for modules that are none. */
export const notAModel = (problem: string): string =>
  `${problem}; if the module is no language model, importTensors reads its weights, and unrolled import writes them to a .safetensors file (--out weights.safetensors)`

/** The one recurrent layer or cell among named tensors. */
export function layerAmong(tensors: Tensors, fail: Fail): RecurrentNames {
  const firsts = Object.keys(tensors).flatMap((name) => {
    const first = FIRST.exec(name)
    return first ? [{ prefix: first[1], isCell: first[2] === undefined }] : []
  })
  if (firsts.length === 0) {
    return fail(
      notAModel(
        `there is no weight_ih_l0, expected the weights of a recurrent layer; it holds ${listed(Object.entries(tensors))}`,
      ),
    )
  }
  if (firsts.length > 1) {
    const names = firsts.slice(0, 4).map(({ prefix }) => prefix || '(no prefix)')
    return fail(
      notAModel(
        `there are ${firsts.length} recurrent layers (${names.join(', ')}${firsts.length > 4 ? ', …' : ''}), expected one; if they are a stack, rename the weights of the second to weight_ih_l1 and so on, as one layer with num_layers has them`,
      ),
    )
  }
  const [{ prefix, isCell }] = firsts
  return layerOf(tensors, prefix, isCell ? '' : '_l0', fail)
}

function layerOf(tensors: Tensors, prefix: string, suffix: '' | '_l0', fail: Fail): RecurrentNames {
  const has = (name: string): boolean => Object.hasOwn(tensors, prefix + name)
  const [ihName, hhName] = [`${prefix}weight_ih${suffix}`, `${prefix}weight_hh${suffix}`]
  if (!Object.hasOwn(tensors, hhName)) return fail(`${hhName} is missing, expected it beside ${ihName}`)
  const [ih, hh] = [tensors[ihName].shape, tensors[hhName].shape]
  const projection = has(`weight_hr${suffix}`) ? tensors[`${prefix}weight_hr${suffix}`].shape : undefined
  const [rows, outputs] = hh
  const hiddenSize = projection ? projection[1] : outputs
  if (projection && (projection.length !== 2 || projection[0] !== outputs || rows !== 4 * hiddenSize)) {
    return fail(
      `${prefix}weight_hr${suffix} has the shape ${formatShape(projection)} beside ${hhName} ${formatShape(hh)}, expected [projSize, hiddenSize] beside [4 × hiddenSize, projSize], for an LSTM with a projection (proj_size)`,
    )
  }
  const known = Object.values(cells).filter((cell): cell is Cell => 'groups' in cell)
  const cell = known.find(({ gates }) => gates.length * hiddenSize === rows)?.name
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
    const part = /^(?:(?:weight|bias|gain)_(?:ih|hh|c)|weight_(?:hr|ch))(_l\d+(?:_reverse)?)?$/.exec(own)
    if (part && (part[1] !== undefined) === (suffix !== '')) names.set(name, suffix ? own : `${own}_l0`)
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
    projSize: projection?.[0],
    peepholes: has(`weight_ch${suffix}`) || undefined,
  }
}

/**
 * Finds which matrix is the output's weight and which the embedding, by their shapes, by the output's bias, and at last by
 * their names.
 * @param tensors all but those of the recurrent layer
 */
export function outputOf(tensors: Tensors, layer: RecurrentNames, fail: Fail): OutputNames {
  const all = Object.keys(tensors)
  // So few that all their combinations can be tried.
  if (all.length > 3) {
    return fail(
      notAModel(
        `besides the recurrent layer ${layer.prefix}* there are ${listed(Object.entries(tensors))}, expected at most 3: the weight and the bias of a linear layer over its outputs, and the weight of an embedding`,
      ),
    )
  }
  const { inputSize } = layer
  const outputs = outputFeatures(layer)
  const matrices = all.filter((name) => tensors[name].shape.length === 2)
  const heads = matrices.filter((name) => tensors[name].shape[1] === outputs)
  if (heads.length === 0) {
    return fail(
      notAModel(
        `there is no linear layer over the ${outputs} outputs of the recurrent layer, expected a weight of the shape [vocabSize, ${outputs}]`,
      ),
    )
  }
  const readings = heads.flatMap((head) => readingsOf(head, matrices, tensors, inputSize === outputs, inputSize))
  if (readings.length === 0) {
    const [vocabSize] = tensors[heads[0]].shape
    return fail(
      notAModel(
        `the recurrent layer takes ${inputSize} features, expected one for each of the ${vocabSize} tokens of ${heads[0]}, or an embedding of the shape [${vocabSize}, ${inputSize}]`,
      ),
    )
  }
  const uses = ({ head, embedding, bias }: OutputNames) => new Set([head, embedding, bias].filter(Boolean)).size
  const most = Math.max(...readings.map(uses))
  const best = readings.filter((reading) => uses(reading) === most)
  const named = best.filter(({ head, embedding }) => embedding && isEmbedding(embedding) && !isEmbedding(head))
  const [first, ...others] = named.length > 0 ? named : best
  const isTied = ({ head, embedding }: OutputNames) => embedding && same(tensors[head], tensors[embedding])
  if (others.length === 0 || [first, ...others].every(isTied)) return first
  return fail(
    `the names and shapes of ${matrices.join(' and ')} do not tell which is the output and which the embedding; map their prefixes to linear. and embedding.`,
  )
}

/** The roles that matrices may have if `head` is the output's weight. */
function readingsOf(
  head: string,
  matrices: readonly string[],
  tensors: Tensors,
  tieable: boolean,
  inputSize: number,
): OutputNames[] {
  const [vocabSize] = tensors[head].shape
  const bias = biasOf(head, tensors)
  const embeddings = matrices.filter((name) => name !== head && sameShape(tensors[name].shape, [vocabSize, inputSize]))
  const readings: OutputNames[] = embeddings.map((embedding) => ({ head, embedding, bias }))
  if (inputSize === vocabSize) readings.push({ head, bias })
  // Files with tied weights may have them once, beside the bias of the other name.
  const stray = bias === undefined ? strayBias(tensors, vocabSize) : undefined
  if (tieable && (stray || isEmbedding(head))) readings.push({ head, embedding: head, bias: bias ?? stray })
  return readings
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
const isEmbedding = (weight: string): boolean => /emb|^(encoder|wte)$|^lookup/i.test(weight.split('.').at(-2) ?? '')

/** Whether two tensors have the same values. */
export const same = (a: TensorValues, b: TensorValues): boolean =>
  a === b || (a.data.length === b.data.length && a.data.every((value, i) => value === b.data[i]))

/** The names of the first few tensors, for messages. */
export const listed = (entries: readonly (readonly [string, TensorValues])[]): string => {
  const names = entries.slice(0, 6).map(([name, { shape }]) => `${name.slice(0, 80)} ${formatShape(shape)}`)
  return `${names.join(', ') || 'nothing'}${entries.length > 6 ? `, and ${entries.length - 6} more` : ''}`
}
