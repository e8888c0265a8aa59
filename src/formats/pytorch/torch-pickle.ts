import { describe } from '../../core/describe.js'
import { type Callable, type Fail, Global, unpickle } from './pickle.js'

/** The dtypes of safetensors for PyTorch's storages. */
const storages: readonly (readonly [name: string, dtype: string])[] = [
  ['Double', 'F64'],
  ['Float', 'F32'],
  ['Half', 'F16'],
  ['BFloat16', 'BF16'],
  ['Long', 'I64'],
  ['Int', 'I32'],
  ['Short', 'I16'],
  ['Char', 'I8'],
  ['Byte', 'U8'],
  ['Bool', 'BOOL'],
  ['ComplexFloat', 'C64'],
  ['ComplexDouble', 'C128'],
]

/** Values that tensors share: a file of the archive. */
export interface Storage {
  /** The name of the file. */
  key: string
  dtype: string
  /** The number of values. */
  size: number
}

/** A tensor as a pickle has it: a view of a storage, whose values are elsewhere. Strides and offset count values. */
export class StoredTensor {
  constructor(
    readonly storage: Storage,
    readonly offset: number,
    readonly shape: readonly number[],
    readonly strides: readonly number[],
  ) {}
}

/** More axes than PyTorch's own limit, 64, so that no list is copied for every tensor that names it. */
const MOST_AXES = 64

const isSize = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

const areSizes = (value: unknown): value is readonly number[] =>
  Array.isArray(value) && value.length <= MOST_AXES && value.every(isSize)

/**
 * Reads the pickle of a file of `torch.save`, without its values: dictionaries are Maps, lists and tuples arrays, tensors
 * and parameters StoredTensors. Nothing of the file is run.
 */
export function readTorchPickle(bytes: Uint8Array, fail: Fail): unknown {
  const persistent = (id: unknown): Storage => {
    const [word, type, key, , size] = Array.isArray(id) ? id : []
    const dtype = type instanceof Global ? dtypes.get(type.name) : undefined
    if (word !== 'storage' || dtype === undefined || typeof key !== 'string' || !isSize(size)) {
      return fail('the pickle names a thing outside of it, expected only storages of tensors')
    }
    return { key, dtype, size }
  }
  const tensor: Callable = ([storage, offset, shape, strides, , , metadata]) => {
    const fits = isStorage(storage) && isSize(offset) && areSizes(shape) && areSizes(strides)
    if (!fits || shape.length !== strides.length) return fail('a tensor has no storage, shape and strides')
    // Views that are conjugated or negated.
    if (metadata instanceof Map && metadata.size > 0)
      return fail('a tensor is a lazy view; clone() it before saving it')
    return new StoredTensor(storage, offset, [...shape], [...strides])
  }
  const parameter: Callable = ([data]) =>
    data instanceof StoredTensor ? data : fail(`a parameter is ${describe(data)}, expected a tensor`)
  const dictionary: Callable = (args) =>
    args.length === 0 ? new Map() : fail('an OrderedDict is made of values, expected an empty one')
  const calls: [string, Callable | undefined][] = [
    ['collections OrderedDict', dictionary],
    ['torch._utils _rebuild_tensor_v2', tensor],
    ['torch._utils _rebuild_parameter', parameter],
    ['torch Size', ([sizes]) => (areSizes(sizes) ? sizes : fail('a torch.Size has no whole numbers'))],
    ['torch device', ([name]) => String(name).slice(0, 40)],
  ]
  const names = [...dtypes.keys(), ...constants]
  const globals = new Map([...calls, ...names.map((name) => [name, undefined] as [string, undefined])])
  return unpickle(bytes, { globals, persistent }, fail)
}

const dtypes = new Map(storages.map(([name, dtype]) => [`torch ${name}Storage`, dtype]))

/** The dtypes that a checkpoint may name, of no use here. */
const constants = ['float64', 'float32', 'float16', 'bfloat16', 'int64', 'int32'].map((name) => `torch ${name}`)

const isStorage = (value: unknown): value is Storage =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, 'dtype')
