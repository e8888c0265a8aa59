import type { Device, FloatArray, Kernels, Storage } from '../src/device/device.js'
import { learningOf } from '../src/kernels/learning.js'
import { minimalOf } from '../src/kernels/minimal.js'

/** The numbers of each storage, which only its device knows. */
const hidden = new WeakMap<Storage, FloatArray | Int32Array>()

class OpaqueStorage implements Storage {
  constructor(values: FloatArray | Int32Array) {
    hidden.set(this, values)
  }

  get length(): number {
    return hidden.get(this)!.length
  }
}

/** Applies `change` to every part of a value, also inside arrays and plain objects. */
function deep(value: unknown, change: (part: unknown) => unknown): unknown {
  if (Array.isArray(value)) return value.map((part) => deep(part, change))
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) {
    return change(value)
  }
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, deep(part, change)]))
}

const inside = (value: unknown) => deep(value, (part) => (part instanceof OpaqueStorage ? hidden.get(part) : part))

const outside = (value: unknown) =>
  deep(value, (part) => {
    if (part instanceof Float32Array || part instanceof Float64Array || part instanceof Int32Array)
      return new OpaqueStorage(part)
    // This part is the tape of a recurrent pass.
    const { backward } = Object(part) as { backward?: (...given: unknown[]) => unknown }
    return backward ? { backward: (...given: unknown[]) => outside(backward.apply(part, inside(given) as [])) } : part
  })

/**
 * A device that computes with kernels, but hides its numbers: they come only through `read`, some time later. Code that
 * works on it works on a GPU.
 */
export function opaqueDevice(kernels: Kernels, readEvery: number): Device {
  const own: Partial<Device> = {
    kind: 'test',
    name: `opaque ${kernels.name}`,
    readEvery,
    owns: (x: Storage): x is Storage => x instanceof OpaqueStorage,
    keep: (x) => x,
    free: () => undefined,
    temporary: (length) => new OpaqueStorage(kernels.zeros(length)),
    read: async (x) => {
      const copy = hidden.get(x)!.slice()
      await new Promise((resolve) => setTimeout(resolve))
      return copy
    },
    stepper: (stack, batchSize) => {
      const stepper = kernels.stepper(inside(stack) as never, batchSize)
      return {
        step: async (tokens, count) => stepper.step(tokens, count),
        stateOf: (row) => stepper.stateOf(row),
        setState: (row, state) => stepper.setState(row, state),
        select: (rows) => stepper.select(rows),
        free: () => stepper.free(),
      }
    },
  }
  const wrapped =
    (operation: (...given: never[]) => unknown) =>
    (...given: unknown[]) =>
      outside(operation(...(inside(given) as never[])))
  const allWrapped = <Operations extends object>(operations: Operations) =>
    Object.fromEntries(
      Object.entries(operations).map(([name, operation]) => [name, wrapped(operation)]),
    ) as unknown as Operations
  Object.assign(own, { learning: allWrapped(learningOf(kernels)), minimal: allWrapped(minimalOf(kernels)) })
  return new Proxy(own as Device, {
    get: (_, name: keyof Device) => {
      if (name in own) return own[name]
      const operation = kernels[name]
      if (typeof operation !== 'function') return undefined
      return wrapped(operation.bind(kernels) as (...given: never[]) => unknown)
    },
  })
}
