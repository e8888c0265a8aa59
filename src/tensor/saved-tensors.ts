import { describe } from '../core/describe.js'
import { nameProblems } from '../core/saved-state.js'
import { formatShape, type Shape, sameShape } from '../core/shape.js'
import type { NumberArray, TensorData } from './arrays.js'
import { inMemory } from './create.js'
import { Tensor } from './tensor.js'

/** A tensor, or one that went through JSON or `structuredClone`. */
export interface SavedTensor {
  readonly data: ArrayLike<number>
  readonly shape: readonly number[]
}

/** The values of saved tensors for the float tensors `own`, by name, and all reasons why they cannot be loaded. */
export function valuesFor(
  own: ReadonlyMap<string, Pick<Tensor, 'shape' | 'device'>>,
  given: Readonly<Record<string, SavedTensor>>,
): { values: Map<string, Tensor | NumberArray>; problems: string[] } {
  const values = new Map<string, Tensor | NumberArray>()
  if (typeof given !== 'object' || given === null || given instanceof Map) {
    return { values, problems: [`the state is ${describe(given)}, expected an object of tensors by name`] }
  }
  const problems = nameProblems(own.keys(), given)
  for (const [name, { shape, device }] of own) {
    if (!Object.hasOwn(given, name)) continue
    const saved = savedTensor(given[name])
    if (!saved) {
      problems.push(
        `${name} is ${describe(given[name])}, expected a tensor or its { data, shape }; encodeStateDict and decodeStateDict convert a stateDict to bytes and back`,
      )
    } else if (!sameShape(saved.shape, shape)) {
      problems.push(`${name} has the shape ${formatShape(saved.shape)}, expected ${formatShape(shape)}`)
    } else if (saved instanceof Tensor ? saved.dtype === 'int32' : saved.data instanceof Int32Array) {
      problems.push(`${name} holds whole numbers, expected floats`)
    } else if (saved instanceof Tensor && saved.device !== device && saved.device.kind !== 'cpu') {
      problems.push(`${name} is on ${saved.device.name}, expected the CPU; await cpu() brings it there`)
    } else {
      values.set(name, saved instanceof Tensor ? saved : (saved.data as NumberArray))
    }
  }
  return { values, problems }
}

/** Values by name as tensors in main memory. */
export const asTensors = (
  values: Readonly<Record<string, { data: TensorData; shape: Shape }>>,
): Record<string, Tensor> =>
  Object.fromEntries(Object.entries(values).map(([name, { data, shape }]) => [name, inMemory(data, shape)]))

/** Tensors by name, brought into main memory to be written to files. */
export async function inMemoryOf(tensors: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>> {
  const read = Object.entries(tensors).map(async ([name, tensor]) => [name, await tensor.cpu()] as const)
  return Object.fromEntries(await Promise.all(read))
}

/** Reads a saved tensor. JSON turns a typed array into an object: `{ "0": 0.5, "1": 2 }`. */
function savedTensor(value: unknown): SavedTensor | undefined {
  if (value instanceof Tensor) return value
  const { data, shape } = (value ?? {}) as { data?: unknown; shape?: unknown }
  if (!Array.isArray(shape) || typeof data !== 'object' || data === null) return undefined
  const values = ArrayBuffer.isView(data) || Array.isArray(data) ? data : Object.values(data)
  const numbers = values as ArrayLike<unknown>
  const size = shape.reduce((product, length) => product * length, 1)
  if (numbers.length !== size) return undefined
  for (let i = 0; i < size; i++) if (typeof numbers[i] !== 'number') return undefined
  return { data: values as ArrayLike<number>, shape }
}
