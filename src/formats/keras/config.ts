import { FormatError } from '../../core/errors.js'
import { array, fitting, object, optional, string } from '../../core/parse.js'

export type Config = Readonly<Record<string, unknown>>

/** A layer as a configuration has it. */
export interface KerasLayer {
  class_name: string
  config: Config
  inbound_nodes?: unknown
  /** The folder of its weights in Keras 3's files: its class and a number, such as lstm_1. */
  folder: string
}

const given = <T>() => fitting<T>('Object', (value) => typeof value === 'object' && value !== null)

type Unnumbered = Omit<KerasLayer, 'folder'>

const layerSchema = object<Unnumbered>({
  class_name: string,
  config: given<Config>(),
  inbound_nodes: optional(given<unknown>()),
})
const layersSchema = array(layerSchema)

/** A layer within another, such as that of a Bidirectional one. */
export const innerLayer = ({ layer }: Config, where: string, name: string): Unnumbered =>
  layerSchema(layer, where, `${name}.layer`)

/** The name that a configuration gives a layer. */
export const nameOf = ({ class_name, config: { name } }: Unnumbered): string =>
  typeof name === 'string' ? name : class_name

/**
 * The layers of a Sequential or a Functional model.
 * @param value a configuration of Keras 2, Keras 3 or TensorFlow.js
 * @param where the file's name, for messages
 * @throws FormatError for anything else
 */
export function listLayers(value: unknown, where: string): KerasLayer[] {
  const { class_name, config } = layerSchema(value, where, 'the model')
  if (!['Sequential', 'Functional', 'Model'].includes(class_name)) {
    throw new FormatError(`${where}: the model is of the class ${class_name}, expected Sequential or Functional`)
  }
  // Keras 2.2 and older wrote the layers of a Sequential model without an object around them.
  const layers = layersSchema(Array.isArray(config) ? config : config.layers, where, 'layers')
  const counts = new Map<string, number>()
  return layers.map((layer) => {
    const base = layer.class_name.replace(/(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/g, '_').toLowerCase()
    const count = counts.get(base) ?? 0
    counts.set(base, count + 1)
    return { ...layer, folder: count === 0 ? base : `${base}_${count}` }
  })
}

/**
 * The layers in the order of their work, which in a Functional model must form a chain.
 * @throws FormatError for other models
 */
export function layersOf(value: unknown, where: string): KerasLayer[] {
  const layers = listLayers(value, where)
  return (value as Unnumbered).class_name === 'Sequential' ? layers : chained(layers, where)
}

function chained(all: readonly KerasLayer[], where: string): KerasLayer[] {
  // Keras 3 writes the mask of an Embedding with mask_zero as a layer of its own, whose output layers take as their mask.
  const layers = all.filter(({ class_name }) => class_name !== 'NotEqual')
  const after = new Map<string | undefined, KerasLayer[]>()
  for (const layer of layers) {
    const sources = sourcesIn(layer.inbound_nodes)
    const isInput = layer.class_name === 'InputLayer'
    if (sources.length !== (isInput ? 0 : 1)) {
      throw new FormatError(
        `${where}: ${nameOf(layer)} takes ${sources.length} inputs, expected a chain of layers, each with the output of one other`,
      )
    }
    after.set(sources[0], [...(after.get(sources[0]) ?? []), layer])
  }
  const chain: KerasLayer[] = []
  for (let next = after.get(undefined); next; next = after.get(nameOf(chain[chain.length - 1]))) {
    if (next.length > 1 || chain.includes(next[0])) {
      const names = next.map(nameOf).join(' and ')
      throw new FormatError(`${where}: ${names} begin or go on side by side, expected a chain of layers`)
    }
    chain.push(next[0])
  }
  if (chain.length === layers.length) return chain
  throw new FormatError(
    `${where}: ${chain.length} of ${layers.length} layers follow one another from the input on, expected all of them`,
  )
}

/** A configuration's nodes are nested this deep at most; a forged one may be nested without end. */
const DEEPEST = 16

/**
 * The names of the layers whose outputs a node takes: Keras 3 writes them as `keras_history`, Keras 2 and TensorFlow.js as
 * [name, node, output, arguments].
 */
function sourcesIn(value: unknown, depth = 0): string[] {
  if (typeof value !== 'object' || value === null || depth > DEEPEST) return []
  const [name, node, output] = Array.isArray(value) ? value : []
  const own = typeof name === 'string' && typeof node === 'number' && typeof output === 'number' ? [name] : []
  return [...own, ...Object.entries(value).flatMap(([key, part]) => (key === 'mask' ? [] : sourcesIn(part, depth + 1)))]
}
