import { FormatError } from '../../core/errors.js'
import type { TensorValues } from '../safetensors.js'
import type { AttributeProto } from './proto.js'
import { tensorValues, whole32 } from './tensor.js'

/** The kinds of attributes by the numbers that files have for them: AttributeProto.AttributeType of onnx.proto. */
const kinds = { f: 1, i: 2, s: 3, t: 4, floats: 6, ints: 7, strings: 8 } as const
type Kind = keyof typeof kinds

/** The attributes of a node, of which each has to be asked for: what nobody reads could change what the node means. */
export class Attributes {
  readonly #given = new Map<string, AttributeProto>()
  readonly #asked = new Set<string>()

  /** @param what the node and its file, for messages */
  constructor(
    attributes: readonly AttributeProto[],
    readonly what: string,
  ) {
    for (const attribute of attributes) {
      const { name = '' } = attribute
      if (this.#given.has(name)) throw new FormatError(`${what} has the attribute ${name} twice, expected it once`)
      this.#given.set(name, attribute)
    }
  }

  /** These attributes with another value of one of them. */
  withInt(name: string, i: number): Attributes {
    const others = [...this.#given.values()].filter((attribute) => attribute.name !== name)
    return new Attributes([...others, { name, i }], this.what)
  }

  int(name: string): number | undefined {
    const attribute = this.#read(name, 'i')
    return attribute && whole32(attribute.i ?? 0)
  }

  float(name: string): number | undefined {
    const attribute = this.#read(name, 'f')
    return attribute && (attribute.f ?? 0)
  }

  string(name: string): string | undefined {
    const attribute = this.#read(name, 's')
    return attribute && textOf(attribute.s)
  }

  ints(name: string): number[] | undefined {
    return this.#read(name, 'ints')?.ints?.map(whole32)
  }

  floats(name: string): number[] | undefined {
    return this.#read(name, 'floats')?.floats
  }

  strings(name: string): string[] | undefined {
    return this.#read(name, 'strings')?.strings?.map(textOf)
  }

  tensor(name: string): TensorValues | undefined {
    const attribute = this.#read(name, 't')
    return attribute && tensorValues(attribute.t ?? {}, `${this.what}: ${name}`)
  }

  /** @throws FormatError if there is an attribute that was not asked for */
  checkAllRead(): void {
    const unread = [...this.#given.keys()].find((name) => !this.#asked.has(name))
    if (unread !== undefined)
      throw new FormatError(`${this.what} has the attribute ${unread}, which this version does not know`)
  }

  #read(name: string, kind: Kind): AttributeProto | undefined {
    this.#asked.add(name)
    const attribute = this.#given.get(name)
    if (!attribute) return undefined
    // Old files do not say the kind.
    const { type = kinds[kind], refAttrName } = attribute
    if (type !== kinds[kind] || refAttrName)
      throw new FormatError(`${this.what}: the attribute ${name} is of another kind`)
    return attribute
  }
}

const textOf = (bytes: Uint8Array = new Uint8Array()): string => new TextDecoder().decode(bytes)
