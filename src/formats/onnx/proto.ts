import { PbfReader, PbfWriter } from 'pbf'
import { FormatError } from '../../core/errors.js'

/*
 * The messages of an ONNX file that this library reads and writes: field numbers of onnx/onnx.proto, version 1.20. Fields
 * that are not listed are skipped. None of these messages contains itself, so a file cannot nest them without end: what
 * could, subgraphs and types of types, is kept as bytes.
 */

/** A number, a text, bytes, or a message of its own. */
type Kind = 'int' | 'float' | 'double' | 'string' | 'bytes' | Message
/** The fields of a message by number: a name, the kind, and whether it repeats. */
type Message = Readonly<Record<number, readonly [name: string, kind: Kind, repeated?: 'repeated']>>

export interface StringEntry {
  key?: string
  value?: string
}

export interface TensorProto {
  dims?: number[]
  dataType?: number
  floatData?: number[]
  int32Data?: number[]
  int64Data?: number[]
  doubleData?: number[]
  name?: string
  rawData?: Uint8Array
  externalData?: StringEntry[]
  dataLocation?: number
}

export interface AttributeProto {
  name?: string
  f?: number
  i?: number
  s?: Uint8Array
  t?: TensorProto
  g?: Uint8Array
  floats?: number[]
  ints?: number[]
  strings?: Uint8Array[]
  refAttrName?: string
  type?: number
}

export interface NodeProto {
  input?: string[]
  output?: string[]
  name?: string
  opType?: string
  attribute?: AttributeProto[]
  domain?: string
}

export interface DimensionProto {
  dimValue?: number
  dimParam?: string
}

export interface ValueInfoProto {
  name?: string
  type?: { tensorType?: { elemType?: number; shape?: { dim?: DimensionProto[] } } }
}

export interface GraphProto {
  node?: NodeProto[]
  name?: string
  initializer?: TensorProto[]
  input?: ValueInfoProto[]
  output?: ValueInfoProto[]
  sparseInitializer?: Uint8Array[]
}

export interface ModelProto {
  irVersion?: number
  producerName?: string
  producerVersion?: string
  graph?: GraphProto
  opsetImport?: { domain?: string; version?: number }[]
  metadataProps?: StringEntry[]
  functions?: Uint8Array[]
}

const stringEntry: Message = { 1: ['key', 'string'], 2: ['value', 'string'] }

export const tensorMessage: Message = {
  1: ['dims', 'int', 'repeated'],
  2: ['dataType', 'int'],
  4: ['floatData', 'float', 'repeated'],
  5: ['int32Data', 'int', 'repeated'],
  7: ['int64Data', 'int', 'repeated'],
  8: ['name', 'string'],
  9: ['rawData', 'bytes'],
  10: ['doubleData', 'double', 'repeated'],
  13: ['externalData', stringEntry, 'repeated'],
  14: ['dataLocation', 'int'],
}

const attributeMessage: Message = {
  1: ['name', 'string'],
  2: ['f', 'float'],
  3: ['i', 'int'],
  4: ['s', 'bytes'],
  5: ['t', tensorMessage],
  6: ['g', 'bytes'],
  7: ['floats', 'float', 'repeated'],
  8: ['ints', 'int', 'repeated'],
  9: ['strings', 'bytes', 'repeated'],
  20: ['type', 'int'],
  21: ['refAttrName', 'string'],
}

const nodeMessage: Message = {
  1: ['input', 'string', 'repeated'],
  2: ['output', 'string', 'repeated'],
  3: ['name', 'string'],
  4: ['opType', 'string'],
  5: ['attribute', attributeMessage, 'repeated'],
  7: ['domain', 'string'],
}

const dimensionMessage: Message = { 1: ['dimValue', 'int'], 2: ['dimParam', 'string'] }
const shapeMessage: Message = { 1: ['dim', dimensionMessage, 'repeated'] }
const tensorTypeMessage: Message = { 1: ['elemType', 'int'], 2: ['shape', shapeMessage] }
const valueInfoMessage: Message = { 1: ['name', 'string'], 2: ['type', { 1: ['tensorType', tensorTypeMessage] }] }

const graphMessage: Message = {
  1: ['node', nodeMessage, 'repeated'],
  2: ['name', 'string'],
  5: ['initializer', tensorMessage, 'repeated'],
  11: ['input', valueInfoMessage, 'repeated'],
  12: ['output', valueInfoMessage, 'repeated'],
  15: ['sparseInitializer', 'bytes', 'repeated'],
}

export const modelMessage: Message = {
  1: ['irVersion', 'int'],
  2: ['producerName', 'string'],
  3: ['producerVersion', 'string'],
  7: ['graph', graphMessage],
  8: ['opsetImport', { 1: ['domain', 'string'], 2: ['version', 'int'] }, 'repeated'],
  14: ['metadataProps', stringEntry, 'repeated'],
  25: ['functions', 'bytes', 'repeated'],
}

/** How the values of each kind are written: protobuf's wire types. */
const wireTypes = { int: 0, double: 1, string: 2, bytes: 2, float: 5 } as const
const LENGTH_DELIMITED = 2

/** More messages than models have: each takes two bytes of a file, but hundreds of memory. */
const MOST_MESSAGES = 200_000

type Fields = Record<string, unknown>

/**
 * Reads a message.
 * @param where the file's name, for messages
 * @throws FormatError for bytes that are not a message of this kind, or for more than 200,000 messages within it
 */
export function decodeMessage<T>(message: Message, bytes: Uint8Array, where: string): T {
  const fail = (problem: string): never => {
    throw new FormatError(`${where}: ${problem}, expected an ONNX model; the file is damaged, or of another kind`)
  }
  let messages = 0

  function read(message: Message, pbf: PbfReader, end: number): Fields {
    if (++messages > MOST_MESSAGES) fail(`the file has more than ${MOST_MESSAGES} messages`)
    const result: Fields = {}
    pbf.readFields(
      (number) => {
        if (number === 0) fail('a field has the number 0')
        if (!Object.hasOwn(message, number)) return
        const [name, kind, repeated] = message[number]
        const expected = typeof kind === 'string' ? wireTypes[kind] : LENGTH_DELIMITED
        const packed = repeated && pbf.type === LENGTH_DELIMITED && expected !== LENGTH_DELIMITED
        if (pbf.type !== expected && !packed) fail(`the field ${name} is written as another kind`)
        if (!repeated) {
          result[name] = value(kind, pbf, end)
          return
        }
        result[name] ??= []
        const values = result[name] as unknown[]
        if (!packed) {
          if (typeof kind === 'string' && ++messages > MOST_MESSAGES) fail(`the field ${name} repeats too often`)
          values.push(value(kind, pbf, end))
          return
        }
        for (const last = lengthFrom(pbf, end); pbf.pos < last; ) values.push(value(kind, pbf, last))
      },
      undefined,
      end,
    )
    if (pbf.pos !== end) fail('a message ends in the middle of a field')
    return result
  }

  /** The place where what follows ends. */
  function lengthFrom(pbf: PbfReader, end: number): number {
    const last = pbf.readVarint() + pbf.pos
    return last <= end ? last : fail(`a field ends at byte ${last}, after what contains it`)
  }

  function value(kind: Kind, pbf: PbfReader, end: number): unknown {
    if (kind === 'int') return pbf.readVarint(true)
    if (kind === 'float') return pbf.readFloat()
    if (kind === 'double') return pbf.readDouble()
    const last = lengthFrom(pbf, end)
    if (typeof kind !== 'string') return read(kind, pbf, last)
    const content = pbf.buf.subarray(pbf.pos, last)
    pbf.pos = last
    return kind === 'bytes' ? content : new TextDecoder().decode(content)
  }

  try {
    return read(message, new PbfReader(bytes), bytes.length) as T
  } catch (error) {
    // The reader's own errors are those of a file that ends too early or holds something else.
    if (error instanceof FormatError) throw error
    return fail((error as Error).message)
  }
}

/** Writes a message. Fields that are undefined are left out. */
export function encodeMessage(message: Message, fields: object): Uint8Array {
  const pbf = new PbfWriter()
  write(message, fields as Fields, pbf)
  return pbf.finish()
}

function write(message: Message, fields: Fields, pbf: PbfWriter): void {
  for (const [number, [name, kind, repeated]] of Object.entries(message)) {
    const given = fields[name]
    if (given === undefined) continue
    const tag = Number(number)
    if (repeated && kind === 'int') pbf.writePackedVarint(tag, given as number[])
    else if (repeated && kind === 'float') pbf.writePackedFloat(tag, given as number[])
    else for (const one of repeated ? (given as unknown[]) : [given]) writeField(tag, kind, one, pbf)
  }
}

function writeField(tag: number, kind: Kind, value: unknown, pbf: PbfWriter): void {
  if (kind === 'int') pbf.writeVarintField(tag, value as number)
  else if (kind === 'float') pbf.writeFloatField(tag, value as number)
  else if (kind === 'double') pbf.writeDoubleField(tag, value as number)
  else if (kind === 'string') pbf.writeStringField(tag, value as string)
  else if (kind === 'bytes') pbf.writeBytesField(tag, value as Uint8Array)
  else pbf.writeMessage(tag, (fields: Fields, inner) => write(kind, fields, inner), value as Fields)
}
