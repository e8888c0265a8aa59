import { FormatError } from '../core/errors.js'
import { kernels } from '../kernels/index.js'
import type { TensorData } from '../tensor/arrays.js'

// The kinds of values in files of other frameworks, and how they become those of tensors.

/** A kind of values, little-endian and row-major in files. */
export interface Dtype {
  /** Bits of one value. */
  readonly bits: number
  /** Reads the value at an offset in bytes. Values of other kinds cannot become those of tensors. */
  readonly read?: (view: DataView, at: number) => number
  /** Whether values are whole numbers, which become 32-bit integers. All others become the floats of the kernels. */
  readonly whole?: boolean
  /** The array that has the same bytes. */
  readonly array?: string
}

/** Values by the names that .safetensors files have for them, from the widest to the narrowest, as its writers sort them. */
export const dtypes: ReadonlyMap<string, Dtype> = new Map<string, Dtype>([
  [
    'U64',
    { bits: 64, read: (view, at) => view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true), whole: true },
  ],
  [
    'I64',
    { bits: 64, read: (view, at) => view.getInt32(at + 4, true) * 2 ** 32 + view.getUint32(at, true), whole: true },
  ],
  ['F64', { bits: 64, read: (view, at) => view.getFloat64(at, true), array: 'Float64Array' }],
  // Complex numbers.
  ['C64', { bits: 64 }],
  ['F32', { bits: 32, read: (view, at) => view.getFloat32(at, true), array: 'Float32Array' }],
  ['U32', { bits: 32, read: (view, at) => view.getUint32(at, true), whole: true }],
  ['I32', { bits: 32, read: (view, at) => view.getInt32(at, true), whole: true, array: 'Int32Array' }],
  ['BF16', { bits: 16, read: (view, at) => fromBits(view.getUint16(at, true), 8, 7) }],
  ['F16', { bits: 16, read: (view, at) => fromBits(view.getUint16(at, true), 5, 10) }],
  ['U16', { bits: 16, read: (view, at) => view.getUint16(at, true), whole: true }],
  ['I16', { bits: 16, read: (view, at) => view.getInt16(at, true), whole: true }],
  ['F8_E5M2FNUZ', { bits: 8, read: (view, at) => fromFnuz(view.getUint8(at), 5, 2) }],
  ['F8_E4M3FNUZ', { bits: 8, read: (view, at) => fromFnuz(view.getUint8(at), 4, 3) }],
  ['F8_E8M0', { bits: 8, read: (view, at) => fromScale(view.getUint8(at)) }],
  ['F8_E4M3', { bits: 8, read: (view, at) => fromFinite(view.getUint8(at), 4, 3) }],
  ['F8_E5M2', { bits: 8, read: (view, at) => fromBits(view.getUint8(at), 5, 2) }],
  ['I8', { bits: 8, read: (view, at) => view.getInt8(at), whole: true }],
  ['U8', { bits: 8, read: (view, at) => view.getUint8(at), whole: true }],
  // Several values in one byte, in an order that the format does not specify.
  ['F6_E3M2', { bits: 6 }],
  ['F6_E2M3', { bits: 6 }],
  ['F4', { bits: 4 }],
  ['BOOL', { bits: 8, read: (view, at) => Math.min(view.getUint8(at), 1), whole: true }],
])

/** The most values of one tensor: engines have no larger arrays in common. */
const MOST_VALUES = 2 ** 31 - 1

/**
 * An array for values of a dtype.
 * @param what the tensor and its file, for messages
 * @throws FormatError for more values than an array can have here
 */
export function arrayFor({ whole }: Dtype, length: number, what: string): TensorData {
  if (length > MOST_VALUES) throw new FormatError(`${what} has ${length} values, expected at most ${MOST_VALUES}`)
  // Kernels that cannot be made say why themselves.
  const Values = whole ? Int32Array : kernels().Float
  try {
    return new Values(length)
  } catch {
    throw new FormatError(`${what} has ${length} values, which do not fit into memory`)
  }
}

/**
 * Reads values of a dtype into an array, which `arrayFor` made, beginning at index `first`.
 * @param what the tensor and its file, for messages
 * @throws FormatError for values that the array cannot hold
 */
export function readValues(dtype: Dtype, bytes: Uint8Array, data: TensorData, first: number, what: string): void {
  const width = dtype.bits / 8
  if (data[Symbol.toStringTag] === dtype.array) {
    new Uint8Array(data.buffer, data.byteOffset, data.byteLength).set(bytes, first * width)
    return
  }
  const { read, whole } = dtype
  if (!read) throw new FormatError(`${what} has values of ${dtype.bits} bits that cannot become those of tensors`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let i = 0; i * width < bytes.length; i++) {
    const value = read(view, i * width)
    data[first + i] = value
    if (data[first + i] === value) continue
    if (whole) throw new FormatError(`${what} holds ${value}, expected whole numbers of 32 bits`)
    if (Number.isFinite(value) && !Number.isFinite(data[first + i])) {
      throw new FormatError(`${what} holds ${value}, expected numbers that 32-bit floats can hold`)
    }
  }
}

/** IEEE 754's binary formats of other sizes: a sign, an exponent, and a fraction. */
function fromBits(bits: number, exponentBits: number, fractionBits: number): number {
  const most = 2 ** exponentBits - 1
  if (((bits >> fractionBits) & most) < most) return numberOf(bits, exponentBits, fractionBits, most >> 1)
  const sign = bits >> (exponentBits + fractionBits) ? -1 : 1
  return bits & (2 ** fractionBits - 1) ? Number.NaN : sign * Infinity
}

/** A format without infinities, whose NaN has all bits but the sign set: https://arxiv.org/abs/2209.05433, table 1. */
function fromFinite(bits: number, exponentBits: number, fractionBits: number): number {
  const magnitude = 2 ** (exponentBits + fractionBits) - 1
  if ((bits & magnitude) === magnitude) return Number.NaN
  return numberOf(bits, exponentBits, fractionBits, 2 ** (exponentBits - 1) - 1)
}

/** A format without infinities, whose NaN is what would be −0: https://arxiv.org/abs/2206.02915. */
function fromFnuz(bits: number, exponentBits: number, fractionBits: number): number {
  if (bits === 0x80) return Number.NaN
  return numberOf(bits, exponentBits, fractionBits, 2 ** (exponentBits - 1))
}

/** An exponent alone, the scale of a block of values: OCP Microscaling Formats 1.0, section 5.4. */
const fromScale = (bits: number): number => (bits === 0xff ? Number.NaN : 2 ** (bits - 127))

function numberOf(bits: number, exponentBits: number, fractionBits: number, bias: number): number {
  const sign = bits >> (exponentBits + fractionBits) ? -1 : 1
  const exponent = (bits >> fractionBits) & (2 ** exponentBits - 1)
  const fraction = (bits & (2 ** fractionBits - 1)) / 2 ** fractionBits
  return exponent === 0 ? sign * fraction * 2 ** (1 - bias) : sign * (1 + fraction) * 2 ** (exponent - bias)
}
