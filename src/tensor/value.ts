import type { Shape } from '../core/shape.js'
import type { Device, Storage } from '../device/device.js'

/** What operations work on: floats in row-major order. Every float tensor is one. */
export interface Value {
  readonly storage: Storage
  readonly shape: Shape
  readonly device: Device
}

/** Whole numbers, for tokens and indices, which are always in main memory. */
export interface Indices {
  readonly data: Int32Array
  readonly shape: Shape
}

/**
 * An operation's output with its backward pass, which turns the gradient of the output into those of the inputs, in
 * their order; undefined for an input that has none. It may return `dy` itself, but not change it. `wanted` tells which
 * inputs require a gradient: costly gradients of the others are left out.
 */
export interface Result extends Value {
  backward(dy: Storage, wanted: readonly boolean[]): (Storage | undefined)[]
}

/** Several outputs of one operation, with its backward pass; outputs that have no gradient are undefined there. */
export interface Results {
  readonly outputs: readonly Value[]
  backward(dys: readonly (Storage | undefined)[], wanted: readonly boolean[]): (Storage | undefined)[]
}

/** Copies all values of a storage into another one of the same device and length. */
export function copyAll(device: Device, x: Storage, y: Storage): void {
  const view = { offset: 0, strides: [1] }
  device.copy(x, view, y, view, [x.length])
}

/** The gradient of a loss by itself, while the backward pass of the loss runs. */
let one: Storage | undefined

/** Runs the backward pass of a loss; `gradient` holds 1. Later passes may change it. */
export function fromOne<T>(gradient: Storage, run: () => T): T {
  one = gradient
  try {
    return run()
  } finally {
    one = undefined
  }
}

/** Whether a gradient is that 1, so that nothing need be multiplied by it. */
export const isOne = (gradient: Storage): boolean => gradient === one

export function copyOf(device: Device, x: Storage): Storage {
  const y = device.zeros(x.length)
  copyAll(device, x, y)
  return y
}
