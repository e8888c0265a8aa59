import { FormatError } from '../../core/errors.js'
import type { Cell } from '../../device/cells.js'
import { innerLayer, type KerasLayer, nameOf } from './config.js'

/** A layer of a language model. */
export interface ModelLayer {
  kind: 'embedding' | 'recurrent' | 'dense' | 'softmax'
  name: string
  /** The folder of its weights in Keras 3's files. */
  folder: string
}

export interface RecurrentModelLayer extends ModelLayer {
  kind: 'recurrent'
  cell: Cell['name']
  nonlinearity?: 'tanh' | 'relu'
  /** Of a GRU, if it is known: whether its reset gate comes after the product with the weights. */
  resetAfter?: boolean
  bidirectional: boolean
}

/** What a configuration says of a language model. */
export interface KerasModel {
  layers: (ModelLayer | RecurrentModelLayer)[]
  /** What was found and what was assumed, a sentence each, for people. */
  found: string[]
}

const cellOfClass: Readonly<Record<string, Cell['name']>> = { SimpleRNN: 'rnn', GRU: 'gru', LSTM: 'lstm' }

/** Layers that change nothing when a model is used. */
const idle = ['InputLayer', 'Dropout', 'SpatialDropout1D']

/**
 * The layers of a language model: at most one Embedding, recurrent layers of one kind, and a Dense layer.
 * @param where the file's name, for messages
 * @throws FormatError for other layers, and for options under which they compute what this library does not
 */
export function modelLayersOf(layers: readonly KerasLayer[], where: string): KerasModel {
  const found: string[] = []
  const known: (ModelLayer | RecurrentModelLayer)[] = []
  for (const [i, layer] of layers.entries()) {
    const { folder } = layer
    const reading = { layer, name: nameOf(layer), found, where, isLast: false }
    if (idle.includes(layer.class_name)) {
      const { rate } = layer.config
      if (typeof rate === 'number' && rate > 0) found.push(dropoutLeft(reading.name))
      continue
    }
    // A layer that gives its last output alone may only be followed by layers that keep no time apart.
    const isLast = !layers.slice(i + 1).some(({ class_name }) => isRecurrent(class_name))
    for (const read of readLayer({ ...reading, isLast })) known.push({ ...read, name: reading.name, folder })
  }
  return { layers: checkOrder(known, where), found }
}

/** @throws FormatError unless layers follow one another as in a language model */
export function checkOrder<T extends ModelLayer>(layers: T[], where: string): T[] {
  const order = layers.map(({ kind }) => kind).join(', ')
  if (/^(embedding, )?(recurrent, )+dense(, softmax)?$/.test(order)) return layers
  throw new FormatError(
    `${where}: the layers are ${order || 'none'}, expected an embedding or none, recurrent ones, a Dense one and a softmax or none`,
  )
}

/** A layer and what messages about it need. */
interface Reading {
  layer: Pick<KerasLayer, 'class_name' | 'config'>
  name: string
  found: string[]
  where: string
  isLast: boolean
}

const isRecurrent = (className: string): boolean =>
  className === 'Bidirectional' || Object.hasOwn(cellOfClass, className)

const dropoutLeft = (name: string): string => `${name}: its dropout is left out, because it matters to training alone.`

type Unnamed<T> = Omit<T, 'name' | 'folder'>

function readLayer(reading: Reading): Unnamed<ModelLayer | RecurrentModelLayer>[] {
  const { layer, name, found, where } = reading
  const { class_name, config } = layer
  if (class_name === 'Embedding') {
    if (config.mask_zero === true) {
      found.push(`${name}: Keras skips token 0 (mask_zero); here it is a token like the others.`)
    }
    return [{ kind: 'embedding' }]
  }
  if (isRecurrent(class_name)) return [recurrentOf(reading)]
  if (class_name === 'TimeDistributed') {
    const inner = innerLayer(config, where, name)
    if (inner.class_name === 'Dense' || inner.class_name === 'Activation')
      return readLayer({ ...reading, layer: inner })
    return refuse(reading, 'layer', inner.class_name, 'Dense')
  }
  if (class_name === 'Dense' || class_name === 'Activation' || class_name === 'Softmax') {
    const activation = class_name === 'Softmax' ? 'softmax' : (config.activation ?? 'linear')
    if (class_name === 'Softmax' && Number(config.axis ?? -1) !== -1) refuse(reading, 'axis', config.axis, '-1')
    const softmax = activation === 'softmax'
    if (!softmax && activation !== 'linear') refuse(reading, 'activation', activation, 'linear or softmax')
    if (softmax) found.push(`${name}: its softmax is left out, because scores here are those before a softmax.`)
    return [
      ...(class_name === 'Dense' ? [{ kind: 'dense' } as const] : []),
      ...(softmax ? [{ kind: 'softmax' } as const] : []),
    ]
  }
  throw new FormatError(
    `${where}: ${name} is a layer of the class ${class_name}, expected only Embedding, SimpleRNN, GRU, LSTM, Bidirectional, Dense, Dropout and softmax`,
  )
}

function recurrentOf(reading: Reading): Unnamed<RecurrentModelLayer> {
  const { layer, name, where } = reading
  if (layer.class_name !== 'Bidirectional') {
    return { kind: 'recurrent', bidirectional: false, ...cellOf(reading, layer) }
  }
  const { merge_mode, backward_layer } = layer.config
  if (merge_mode !== undefined && merge_mode !== 'concat') refuse(reading, 'merge_mode', merge_mode, 'concat')
  const inner = innerLayer(layer.config, where, name)
  const forward = cellOf({ ...reading, isLast: false }, inner)
  if (backward_layer !== undefined && backward_layer !== null) {
    const backward = innerLayer({ layer: backward_layer }, where, name)
    // What Keras writes of itself says go_backwards, as it must here.
    const other = cellOf(
      { ...reading, isLast: false },
      { ...backward, config: { ...backward.config, go_backwards: false } },
    )
    const options = ['cell', 'nonlinearity', 'resetAfter'] as const
    if (options.some((option) => other[option] !== forward[option])) {
      refuse(reading, 'backward_layer', backward.class_name, `one like the forward layer, ${inner.class_name}`)
    }
  }
  return { kind: 'recurrent', bidirectional: true, ...forward }
}

/** The cell of a recurrent layer, once its options are those that this library's layers have. */
function cellOf(
  reading: Reading,
  { class_name, config }: Reading['layer'],
): Pick<RecurrentModelLayer, 'cell' | 'nonlinearity' | 'resetAfter'> {
  const { name, found } = reading
  if (!Object.hasOwn(cellOfClass, class_name)) refuse(reading, 'layer', class_name, 'SimpleRNN, GRU or LSTM')
  const cell = cellOfClass[class_name]
  const { activation = 'tanh', recurrent_activation, return_sequences } = config
  const nonlinearity = cell === 'rnn' && activation === 'relu' ? 'relu' : 'tanh'
  if (activation !== nonlinearity) refuse(reading, 'activation', activation, cell === 'rnn' ? 'tanh or relu' : 'tanh')
  if (cell !== 'rnn' && recurrent_activation !== 'sigmoid') {
    refuse(reading, 'recurrent_activation', recurrent_activation, 'sigmoid')
  }
  for (const option of ['go_backwards', 'time_major', 'return_state']) {
    if (config[option] === true) refuse(reading, option, true, 'false')
  }
  // Versions of Keras that do not write reset_after have no other GRU; without biases nothing else tells.
  const { reset_after = config.use_bias === false ? false : undefined } = config
  if (return_sequences !== true) {
    if (!reading.isLast) refuse(reading, 'return_sequences', return_sequences ?? false, 'true')
    found.push(`${name}: Keras gives the scores after the last token alone; here there are scores after each token.`)
  }
  if (Number(config.dropout ?? 0) > 0 || Number(config.recurrent_dropout ?? 0) > 0) found.push(dropoutLeft(name))
  if (cell === 'rnn') return { cell, nonlinearity }
  return cell === 'gru' && typeof reset_after === 'boolean' ? { cell, resetAfter: reset_after } : { cell }
}

function refuse({ name, where }: Reading, option: string, value: unknown, expected: string): never {
  const shown = typeof value === 'string' ? value : JSON.stringify(value)
  throw new FormatError(`${where}: ${name} has ${option} = ${shown?.slice(0, 80)}, expected ${expected}`)
}
