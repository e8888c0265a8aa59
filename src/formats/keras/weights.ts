import { FormatError } from '../../core/errors.js'
import { formatShape } from '../../core/shape.js'
import type { TensorValues } from '../safetensors.js'
import type { KerasWeights } from './layers.js'
import type { ModelLayer, RecurrentModelLayer } from './model-layers.js'

export type Tensors = Readonly<Record<string, TensorValues>>

/** The weights of a layer in both directions; other layers than bidirectional ones have `forward` alone. */
export interface LayerWeights {
  forward: KerasWeights
  backward: KerasWeights
}

type Role = keyof KerasWeights

const roles = ['embeddings', 'kernel', 'recurrent_kernel', 'bias'] as const satisfies readonly Role[]

/** Keras 3's names: `layers`, the class and number of a layer, what is inside it, `vars`, and a number. */
const CHECKPOINT = /^layers\/([^/]+)\/(?:(.*)\/)?vars\/(\d+)$/

/** Whether names are those of Keras 3's files of weights, which do not tell what a weight is. */
export const areCheckpoint = (tensors: Tensors): boolean => Object.keys(tensors).some((name) => CHECKPOINT.test(name))

/**
 * The weights of each layer, by the layer's `folder` in Keras 3's files, and by its name in all others, where names are
 * those of the layer, of inner ones and of the weight, such as `lstm/lstm_cell/kernel:0`. Keras 3 puts the model's name
 * before them.
 * @param layers the names of the model's layers, if they are known
 * @throws FormatError if a layer has two weights of one name
 */
export function weightsByLayer(
  tensors: Tensors,
  where: string,
  layers: readonly string[] = [],
): Map<string, LayerWeights> {
  const found = new Map<string, LayerWeights>()
  for (const { layer, inner, role, values } of areCheckpoint(tensors)
    ? inCheckpoint(tensors, where)
    : named(tensors, layers, where)) {
    const weights = found.get(layer) ?? { forward: {}, backward: {} }
    const reverse = inner.some((part) => part !== layer && part.startsWith('backward_'))
    const own = reverse ? weights.backward : weights.forward
    if (own[role]) throw new FormatError(`${where}: ${layer} has two weights ${role}, expected one`)
    own[role] = values
    found.set(layer, weights)
  }
  return found
}

/** A weight with the layer that it belongs to, and the names of inner layers. */
interface Weight {
  layer: string
  inner: readonly string[]
  role: Role
  values: TensorValues
}

function checkRole(role: string | undefined, name: string, where: string): Role {
  const known = roles.find((word) => word === role)
  if (known) return known
  throw new FormatError(`${where}: ${name} is a weight that no layer here has, expected ${roles.join(', ')}`)
}

function inCheckpoint(tensors: Tensors, where: string): Weight[] {
  return Object.entries(tensors).flatMap(([name, values]) => {
    const [, layer, path = '', number] = CHECKPOINT.exec(name) ?? []
    // Others belong to the optimizer and to metrics.
    if (layer === undefined) return []
    const inner = path.split('/')
    const order = inner.includes('cell') ? ['kernel', 'recurrent_kernel', 'bias'] : ['kernel', 'bias']
    const names = /^embedding(_\d+)?$/.test(layer) ? ['embeddings'] : order
    return [{ layer, inner, role: checkRole(names[Number(number)], name, where), values }]
  })
}

function named(tensors: Tensors, layers: readonly string[], where: string): Weight[] {
  const weights = Object.entries(tensors).map(([name, values]) => {
    const parts = name.split('/')
    return { role: checkRole(parts.pop()?.replace(/:0$/, ''), name, where), parts, values }
  })
  const depth = weights.every(({ parts }) => layers.includes(parts[1])) ? 1 : 0
  return weights.map(({ parts, ...rest }) => ({ layer: parts[depth], inner: parts.slice(depth + 1), ...rest }))
}

/** The layer that weights belong to by their names and shapes. */
export function layerByWeights(name: string, { forward, backward }: LayerWeights): ModelLayer | RecurrentModelLayer {
  const layer = { name, folder: name }
  const [units, columns] = forward.recurrent_kernel?.shape ?? []
  if (forward.embeddings) return { ...layer, kind: 'embedding' }
  if (!forward.recurrent_kernel) return { ...layer, kind: 'dense' }
  const cell = columns === 4 * units ? 'lstm' : columns === 3 * units ? 'gru' : 'rnn'
  return { ...layer, kind: 'recurrent', cell, bidirectional: backward.kernel !== undefined }
}

/** Whether a layer is a GRU whose reset gate comes before the product, by its option, or else by its one bias. */
export const resetsBefore = ({ cell, resetAfter }: RecurrentModelLayer, { forward }: LayerWeights): boolean =>
  cell === 'gru' && (resetAfter === undefined ? forward.bias?.shape.length === 1 : !resetAfter)

/**
 * Checks that a layer has the weights of its kind, with shapes that belong together.
 * @throws FormatError if one is missing or has another shape
 */
export function checkWeights(
  layer: ModelLayer | RecurrentModelLayer,
  { forward, backward }: LayerWeights,
  where: string,
): void {
  const fail = (problem: string): never => {
    throw new FormatError(`${where}: ${layer.name}: ${problem}`)
  }
  const need = (weights: KerasWeights, role: Role): TensorValues =>
    weights[role] ?? fail(`its ${role} is missing, expected floats`)
  const fits = (values: TensorValues | undefined, role: string, shapes: readonly (readonly number[])[]): void => {
    if (!values || shapes.some((shape) => String(shape) === String(values.shape))) return
    fail(`its ${role} has the shape ${formatShape(values.shape)}, expected ${shapes.map(formatShape).join(' or ')}`)
  }
  const matrix = (weights: KerasWeights, role: Role): TensorValues => {
    const values = need(weights, role)
    return values.shape.length === 2 ? values : fail(`its ${role} has ${values.shape.length} axes, expected 2`)
  }
  if (layer.kind === 'embedding') matrix(forward, 'embeddings')
  if (layer.kind === 'dense') fits(forward.bias, 'bias', [[matrix(forward, 'kernel').shape[1]]])
  if (layer.kind !== 'recurrent') return
  const recurrent = layer as RecurrentModelLayer
  const { cell, bidirectional } = recurrent
  const biases = cell === 'gru' && !resetsBefore(recurrent, { forward, backward }) ? [2] : []
  const gates = { rnn: 1, gru: 3, lstm: 4 }[cell]
  for (const weights of bidirectional ? [forward, backward] : [forward]) {
    const units = matrix(weights, 'recurrent_kernel').shape[0]
    const columns = gates * units
    fits(weights.recurrent_kernel, 'recurrent_kernel', [[units, columns]])
    fits(weights.kernel, 'kernel', [[matrix(weights, 'kernel').shape[0], columns]])
    fits(weights.bias, 'bias', [[...biases, columns]])
  }
}
