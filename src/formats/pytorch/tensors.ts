import { FormatError } from '../../core/errors.js'
import { formatShape, rowMajor, sameShape, sizeOf } from '../../core/shape.js'
import type { TensorData } from '../../tensor/arrays.js'
import { arrayFor, dtypes, readValues } from '../dtypes.js'
import type { TensorValues } from '../safetensors.js'
import { type ByteSource, readExactly } from '../source.js'
import type { Storage, StoredTensor } from './torch-pickle.js'

/** So many values more than its bytes may a file have, because tensors can share them. */
const SHARED = 2 ** 22

/** Bytes of a storage that are read at a time: a whole number of values of every dtype. */
const PART = 2 ** 26

type Named = readonly [name: string, tensor: StoredTensor]

/**
 * Reads the values of tensors, one storage after another. Tensors that are the same view of a storage, such as tied
 * weights, become one.
 * @param bytes of the whole file, which bound how many values there may be
 * @param open the values of a storage
 * @throws FormatError for a dtype that cannot be read, or for a tensor that reaches beyond its storage
 */
export async function readTensors(
  tensors: ReadonlyMap<string, StoredTensor>,
  bytes: number,
  open: (key: string) => Promise<ByteSource>,
  where: string,
): Promise<Record<string, TensorValues>> {
  const result = new Map<string, TensorValues | undefined>()
  const groups = new Map<string, Named[]>()
  let views = 0
  for (const [name, tensor] of tensors) {
    checkTensor(name, tensor, where)
    const { key, dtype } = tensor.storage
    const id = `${dtype} ${key}`
    const group = groups.get(id)
    if (group) group.push([name, tensor])
    else groups.set(id, [[name, tensor]])
    // Names keep their order.
    result.set(name, undefined)
  }
  for (const group of groups.values()) views += sizesOf(distinct(group).values())
  if (!(views <= bytes + SHARED)) {
    throw new FormatError(
      `${where}: its tensors have ${views} values in ${bytes} bytes, expected at most ${bytes + SHARED}; clone() tensors that are expanded before saving them`,
    )
  }
  for (const group of groups.values()) {
    for (const [name, values] of await readGroup(group, open, where)) result.set(name, values)
  }
  return Object.fromEntries(result) as Record<string, TensorValues>
}

const viewOf = ({ offset, shape, strides }: StoredTensor): string => `${offset} ${shape} ${strides}`

/** The views of a storage, each once. */
const distinct = (group: readonly Named[]) => new Map(group.map(([, tensor]) => [viewOf(tensor), tensor]))

function sizesOf(tensors: Iterable<StoredTensor>): number {
  let sum = 0
  for (const { shape } of tensors) sum += sizeOf(shape)
  return sum
}

/** One more than the index of the last value. */
const endOf = ({ offset, shape, strides }: StoredTensor): number =>
  shape.includes(0) ? 0 : shape.reduce((end, length, axis) => end + (length - 1) * strides[axis], offset + 1)

function checkTensor(name: string, tensor: StoredTensor, where: string): void {
  const { dtype, size } = tensor.storage
  if (!dtypes.get(dtype)?.read) {
    const readable = [...dtypes].flatMap(([one, { read }]) => (read ? one : []))
    throw new FormatError(`${where}: ${name} has the dtype ${dtype}, expected one of ${readable.join(', ')}`)
  }
  if (!(endOf(tensor) <= size)) {
    throw new FormatError(
      `${where}: ${name} ${formatShape(tensor.shape)} reaches beyond the ${size} values of its storage`,
    )
  }
}

/** Reads what the tensors of one storage need of it, once. */
async function readGroup(group: readonly Named[], open: (key: string) => Promise<ByteSource>, where: string) {
  const [[name, { storage }]] = group
  const views = distinct(group)
  const filled = [...views.values()].filter(({ shape }) => !shape.includes(0))
  const first = filled.reduce((least, { offset }) => Math.min(least, offset), Infinity)
  const last = filled.reduce((most, tensor) => Math.max(most, endOf(tensor)), 0)
  const what = `${where}: ${name}`
  const data = filled.length === 0 ? emptyOf(storage, 0, what) : await valuesOf(storage, first, last, what, open)
  const values = new Map([...views].map(([view, tensor]) => [view, viewed(data, first, tensor, what)]))
  return group.map(([name, tensor]) => [name, values.get(viewOf(tensor))!] as const)
}

const emptyOf = ({ dtype }: Storage, length: number, what: string): TensorData =>
  arrayFor(dtypes.get(dtype)!, length, what)

/** The values of a storage from index `first` to before `last`. */
async function valuesOf(
  storage: Storage,
  first: number,
  last: number,
  what: string,
  open: (key: string) => Promise<ByteSource>,
): Promise<TensorData> {
  const { key, dtype, size } = storage
  const type = dtypes.get(dtype)!
  const width = type.bits / 8
  const source = await open(key)
  if (source.size !== size * width) {
    throw new FormatError(
      `${what} has values of ${source.size} bytes, expected ${size * width} for ${size} of ${dtype}`,
    )
  }
  const data = emptyOf(storage, last - first, what)
  for (let at = first * width; at < last * width; at += PART) {
    const bytes = await readExactly(source, at, Math.min(PART, last * width - at), what)
    readValues(type, bytes, data, at / width - first, what)
  }
  return data
}

/** The values of a tensor in row-major order, of those of its storage from index `first` on. */
function viewed(
  data: TensorData,
  first: number,
  { storage, offset, shape, strides }: StoredTensor,
  what: string,
): TensorValues {
  const length = sizeOf(shape)
  if (length === 0) return { data: emptyOf(storage, 0, what), shape }
  const from = offset - first
  if (sameShape(strides, rowMajor(shape))) {
    const whole = from === 0 && length === data.length
    return { data: whole ? data : data.slice(from, from + length), shape }
  }
  const gathered = emptyOf(storage, length, what)
  const index = shape.map(() => 0)
  for (let i = 0, at = from; i < length; i++) {
    gathered[i] = data[at]
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at += strides[axis]
      if (++index[axis] < shape[axis]) break
      at -= strides[axis] * shape[axis]
      index[axis] = 0
    }
  }
  return { data: gathered, shape }
}
