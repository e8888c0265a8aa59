import { FormatError } from '../../core/errors.js'
import { sizeOf } from '../../core/shape.js'
import type { TensorData } from '../../tensor/arrays.js'
import { arrayFor, type Dtype, dtypes, readValues } from '../dtypes.js'
import type { TensorValues } from '../safetensors.js'
import type { TensorProto } from './proto.js'

/** The numbers of the kinds of values that are written: TensorProto.DataType of onnx.proto. */
export const DataType = { FLOAT: 1, INT32: 6, INT64: 7, BOOL: 9 } as const

/** The kinds of values that are read, by number, under the names of .safetensors files. */
const dtypeOf: Readonly<Record<number, string>> = {
  ...{ 1: 'F32', 2: 'U8', 3: 'I8', 4: 'U16', 5: 'I16', 6: 'I32', 7: 'I64', 9: 'BOOL', 10: 'F16', 11: 'F64' },
  ...{ 12: 'U32', 13: 'U64', 16: 'BF16' },
}

/** Whether values of a kind become floats; undefined for a kind that is not read. */
export const isFloat = (dataType: number): boolean | undefined => {
  const dtype = dtypes.get(dtypeOf[dataType])
  return dtype && !dtype.whole
}

const EXTERNAL = 1

/** Whether a tensor's values are in another file. */
export const isExternal = ({ dataLocation, externalData = [] }: TensorProto): boolean =>
  dataLocation === EXTERNAL || externalData.length > 0

function dtypeFor({ dataType = 0 }: TensorProto, what: string): Dtype {
  const dtype = dtypes.get(dtypeOf[dataType])
  if (dtype) return dtype
  throw new FormatError(`${what} has values of ONNX's kind ${dataType}, expected numbers of up to 64 bits`)
}

function sizeFor({ dims: shape = [] }: TensorProto, what: string): number {
  const size = sizeOf(shape)
  if (shape.every((length) => Number.isSafeInteger(length) && length >= 0) && Number.isSafeInteger(size)) return size
  throw new FormatError(`${what} has the shape [${shape.join(', ')}], expected whole numbers of 0 or more`)
}

/** The bytes that the values of a tensor have by its shape. @throws FormatError for a shape or a kind that is not read */
export const bytesIn = (proto: TensorProto, what: string): number =>
  sizeFor(proto, what) * (dtypeFor(proto, what).bits / 8)

/**
 * The values of a tensor in an ONNX file. Nothing of the size that it claims is made before the file is seen to have it.
 * @param what the tensor and its file, for messages
 * @throws FormatError for values in another file, of a kind that is not read, or of another number than the shape says
 */
export function tensorValues(proto: TensorProto, what: string): TensorValues {
  const { dims: shape = [], dataType = 0, externalData = [] } = proto
  if (isExternal(proto)) {
    const place = externalData.find(({ key }) => key === 'location')?.value
    const other = place === undefined ? 'another file' : `the file ${JSON.stringify(place)}`
    throw new FormatError(
      `${what} has its values in ${other}, expected them in this one, or beside it where files are read from a folder; export it again with external_data=False, or join the files with onnx.save_model(onnx.load(file), file)`,
    )
  }
  const dtype = dtypeFor(proto, what)
  const size = sizeFor(proto, what)
  const { rawData, floatData, int32Data, int64Data, doubleData } = proto
  const listed = floatData ?? int64Data ?? doubleData ?? int32Data
  const given = rawData ? rawData.length / (dtype.bits / 8) : (listed?.length ?? 0)
  if (given !== size) {
    throw new FormatError(`${what} has ${given} values, expected ${size} for the shape [${shape.join(', ')}]`)
  }
  const data = arrayFor(dtype, size, what)
  if (rawData) readValues(dtype, dtype.whole ? withoutExtremes(rawData, dtypeOf[dataType]) : rawData, data, 0, what)
  else if (listed) fill(data, listed, dataType, what)
  return { data, shape }
}

/** Values of 16 bits are listed as whole numbers that have the same bits. */
function fill(data: TensorData, listed: readonly number[], dataType: number, what: string): void {
  const name = dtypeOf[dataType]
  const dtype = dtypes.get(name)!
  if (name === 'F16' || name === 'BF16') {
    readValues(dtype, new Uint8Array(Uint16Array.from(listed).buffer), data, 0, what)
    return
  }
  for (let i = 0; i < listed.length; i++) {
    const value = dtype.whole ? whole32(listed[i]) : listed[i]
    data[i] = value
    if (dtype.whole && data[i] !== value) {
      throw new FormatError(`${what} holds ${value}, expected whole numbers of 32 bits`)
    }
  }
}

const LEAST = -(2 ** 31)
const MOST = 2 ** 31 - 1

/**
 * A whole number of 64 bits as one of 32 bits: the largest ones, which Slice takes for "up to the end", become the largest
 * of 32 bits.
 */
export const whole32 = (value: number): number =>
  value >= Number.MAX_SAFE_INTEGER ? MOST : value <= -Number.MAX_SAFE_INTEGER ? LEAST : value

function withoutExtremes(bytes: Uint8Array, name: string): Uint8Array {
  if (name !== 'I64') return bytes
  const copy = bytes.slice()
  const view = new DataView(copy.buffer)
  for (let at = 0; at < copy.length; at += 8) {
    view.setBigInt64(at, BigInt(whole32(Number(view.getBigInt64(at, true)))), true)
  }
  return copy
}

/** Floats as a tensor of an ONNX file. */
export const floatTensor = (name: string, values: Float32Array, dims: readonly number[]): TensorProto => ({
  dims: [...dims],
  dataType: DataType.FLOAT,
  name,
  rawData: littleEndian(values),
})

/** Whole numbers as a tensor of an ONNX file. */
export const int64Tensor = (name: string, values: readonly number[], dims: readonly number[]): TensorProto => ({
  dims: [...dims],
  dataType: DataType.INT64,
  name,
  int64Data: [...values],
})

/** All engines that run WebAssembly on a processor of today are little-endian, as the file is. */
const littleEndian = ({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength)
