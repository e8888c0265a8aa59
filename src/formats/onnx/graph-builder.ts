import type { TensorValues } from '../safetensors.js'
import type { AttributeProto, NodeProto, TensorProto, ValueInfoProto } from './proto.js'
import { floatTensor, int64Tensor } from './tensor.js'

/** The nodes and tensors of a graph that is being made. */
export class GraphBuilder {
  readonly nodes: NodeProto[] = []
  readonly #tensors = new Map<string, TensorProto>()

  get initializers(): TensorProto[] {
    return [...this.#tensors.values()]
  }

  /** The bytes of all floats. */
  get bytes(): number {
    return this.initializers.reduce((sum, { rawData }) => sum + (rawData?.length ?? 0), 0)
  }

  /** Adds floats under a name, once. */
  floats(name: string, { data, shape }: TensorValues): string {
    const values = data instanceof Float32Array ? data : Float32Array.from(data)
    if (!this.#tensors.has(name)) this.#tensors.set(name, floatTensor(name, values, shape))
    return name
  }

  /** Adds whole numbers under a name, once. */
  wholes(name: string, values: readonly number[], dims: readonly number[] = [values.length]): string {
    if (!this.#tensors.has(name)) this.#tensors.set(name, int64Tensor(name, values, dims))
    return name
  }

  /** Adds a node; returns the names of its outputs. */
  addAll(op: string, inputs: string[], attributes: AttributeProto[], outputs: number): string[] {
    const name = `${op}_${this.nodes.length}`
    const output = Array.from({ length: outputs }, (_, i) => `${name}_${i}`)
    this.nodes.push({ input: inputs, output, name, opType: op, attribute: attributes })
    return output
  }

  /** Adds a node with one output; returns its name. */
  add(op: string, inputs: string[], attributes: AttributeProto[] = []): string {
    return this.addAll(op, inputs, attributes, 1)[0]
  }

  /** Adds a node whose output is one of the graph. */
  output(name: string, op: string, inputs: string[], attributes: AttributeProto[] = []): void {
    this.nodes.push({
      input: inputs,
      output: [name],
      name: `${op}_${this.nodes.length}`,
      opType: op,
      attribute: attributes,
    })
  }

  /** The parts of a value along its first axis, each of `length`. */
  split(name: string, parts: number, length: number): string[] {
    if (parts === 1) return [name]
    const sizes = this.wholes('sizes_of_layers', new Array<number>(parts).fill(length))
    return this.addAll('Split', [name, sizes], [int('axis', 0)], parts)
  }
}

// Attributes with the numbers of their kinds: AttributeProto.AttributeType of onnx.proto.
export const int = (name: string, i: number): AttributeProto => ({ name, i, type: 2 })
export const ints = (name: string, values: number[]): AttributeProto => ({ name, ints: values, type: 7 })
export const text = (name: string, s: string): AttributeProto => ({ name, s: bytesOf(s), type: 3 })
export const texts = (name: string, values: readonly string[]): AttributeProto => ({
  name,
  strings: values.map(bytesOf),
  type: 8,
})

const bytesOf = (value: string): Uint8Array => new TextEncoder().encode(value)

/** An input or output of a graph; an axis of any length has a name. */
export const valueInfo = (name: string, elemType: number, shape: readonly (number | string)[]): ValueInfoProto => ({
  name,
  type: {
    tensorType: {
      elemType,
      shape: { dim: shape.map((length) => (typeof length === 'string' ? { dimParam: length } : { dimValue: length })) },
    },
  },
})
