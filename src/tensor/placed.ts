import { describe } from '../core/describe.js'
import { OptionError, ShapeError } from '../core/errors.js'
import { formatShape, type Shape, sizeOf } from '../core/shape.js'
import type { Device, Storage } from '../device/device.js'
import { checkDevice, defaultDevice } from '../kernels/devices.js'
import { kernels } from '../kernels/index.js'
import { dataOf, type NumberArray, type TensorData } from './arrays.js'
import { copyAll, type Indices, type Value } from './value.js'

/** What the values are: floats, or whole numbers. */
export type DType = 'float' | 'int32'

/** Values in a shape, and where they lie: what a tensor is before anything is computed with it. */
export abstract class Placed {
  /**
   * The values in the memory of the program, row-major, as many as the shape has; of an int32 tensor an Int32Array.
   * On a device whose values lie elsewhere it throws an OptionError: `await values()` reads them.
   */
  declare readonly data: TensorData
  /** Where the values lie if not in the memory of the program. */
  #remote: { device: Device; storage: Storage; dtype: DType } | undefined

  /** @param device where it is given, `data` is a storage of this device, of `dtype`, and not checked */
  constructor(
    data: NumberArray | Storage,
    readonly shape: Shape,
    device: Device | undefined,
    dtype: DType,
  ) {
    if (device) this.#place(data, device, dtype)
    else this.#placeArray(dataOf('Tensor', data, shape), defaultDevice())
  }

  get dtype(): DType {
    return this.#remote?.dtype ?? (this.data instanceof Int32Array ? 'int32' : 'float')
  }

  /** Where the values lie and are computed with: the CPU's device is the kernels in use. */
  get device(): Device {
    return this.#remote?.device ?? kernels()
  }

  /** The values as the device has them. */
  get storage(): Storage {
    return this.#remote?.storage ?? this.data
  }

  get rank(): number {
    return this.shape.length
  }

  get size(): number {
    return this.storage.length
  }

  /** The only value. @throws ShapeError where there are more */
  async item(): Promise<number> {
    if (this.size !== 1)
      throw new ShapeError(`item: the tensor has the shape ${formatShape(this.shape)}, expected one value`)
    return (await this.dataAnywhere())[0]
  }

  /** A copy of the values, row-major. */
  async values(): Promise<TensorData> {
    return this.#remote ? this.dataAnywhere() : this.data.slice()
  }

  /** The values, row-major: at hand or read. They are not to be changed. */
  async dataAnywhere(): Promise<TensorData> {
    return this.#remote ? this.#remote.device.read(this.#remote.storage) : this.data
  }

  /**
   * Takes over the values of another tensor, or of as many numbers.
   * @throws ShapeError where they are not as many; OptionError where they lie on another device
   */
  copy_(source: Placed | ArrayLike<number>): this {
    const { length } = source instanceof Placed ? source.storage : source
    if (length !== this.size) throw new ShapeError(`copy_: ${length} values were given, expected ${this.size}`)
    const { device, storage } = this
    if (source instanceof Placed && this.#remote && source.#remote?.device === device) {
      copyAll(device, source.storage, storage)
      return this
    }
    const values = source instanceof Placed ? source.#atHand('copy_', 'await cpu() brings them there') : source
    if (this.#remote) device.write(values, storage)
    else this.data.set(values)
    return this
  }

  /**
   * Moves the values to a device; whole numbers stay, because every device takes them from the memory of the program.
   * Parameters keep their identity so.
   * @throws OptionError on the way off a device, which takes time: `await cpu_()`
   */
  to_(device: Device): this {
    checkDevice('to', device)
    if (this.dtype === 'float' && !(device === this.device && device.owns(this.storage))) {
      this.#place(device.from(this.#atHand('to', 'await cpu() brings them there')), device, 'float')
    }
    return this
  }

  /** Moves the values into the memory of the program. */
  async cpu_(): Promise<this> {
    if (this.#remote) this.#place(await this.dataAnywhere(), kernels(), this.dtype)
    return this
  }

  /** New values from outside: whole numbers stay in the memory of the program. */
  #placeArray(data: TensorData, device: Device): void {
    const remote = device.kind !== 'cpu' && !(data instanceof Int32Array)
    this.#place(remote ? device.from(data) : data, device, 'float')
  }

  #place(storage: Storage, device: Device, dtype: DType): void {
    const atHand = ArrayBuffer.isView(storage)
    if (atHand && !this.#remote) {
      ;(this as { data: TensorData }).data = storage as TensorData
      return
    }
    this.#remote = atHand ? undefined : { device, storage, dtype }
    // An own property, because structuredClone and JSON carry no others.
    const property = atHand
      ? { value: storage, writable: true }
      : { get: () => this.#atHand('data', 'await values() reads them, and await cpu() brings them there') }
    Object.defineProperty(this, 'data', { ...property, configurable: true, enumerable: true })
  }

  /** The values themselves. @throws OptionError where they lie on another device */
  #atHand(where: string, advice: string): TensorData {
    if (!this.#remote) return this.data
    throw new OptionError(
      `${where}: the values of the tensor ${formatShape(this.shape)} are on ${this.#remote.device.name}, expected the CPU; ${advice}`,
    )
  }
}

/** @throws ShapeError unless an argument of the function `where`, which the message calls `name`, is a tensor */
export function checkPlaced(where: string, value: unknown, name = 'the tensor'): asserts value is Placed {
  if (value instanceof Placed) return
  throw new ShapeError(`${where}: ${name} is ${describe(value)}, expected a tensor, as tensor(…) makes of numbers`)
}

/**
 * A tensor's floats, on the way into an operation. On the CPU their array is of the kind that the kernels in use compute
 * with, or they would take its bytes for something else.
 * @param beside another value in the same operation
 * @throws ShapeError for whole numbers, floats of another precision, and what is no tensor; OptionError for a tensor on
 *   another device than the other's
 */
export function floatsIn(where: string, tensor: unknown, name = 'the tensor', beside?: Value): Value {
  checkPlaced(where, tensor, name)
  const { storage, shape, device, dtype } = tensor
  if (beside && dtype === 'float' && beside.device !== device) {
    throw new OptionError(
      `${where}: ${name} ${formatShape(shape)} is on ${device.name}, expected ${beside.device.name}, where the others are; to(device) moves it`,
    )
  }
  if (dtype === 'float' && device.owns(storage) && storage.length === sizeOf(shape)) return { storage, shape, device }
  const { Float } = kernels()
  const problem =
    dtype === 'int32'
      ? 'holds whole numbers (int32), expected floats'
      : device.owns(storage)
        ? `has ${storage.length} values, expected ${sizeOf(shape)}; its array was transferred or resized, or its shape changed`
        : `holds ${describe(storage)}, expected ${describe(new Float(0))}, the kind of the kernels in use (${device.name}); clone() converts a tensor, and newModel.loadStateDict(model.stateDict()) all parameters of a model`
  throw new ShapeError(`${where}: ${name} ${formatShape(shape)} ${problem}`)
}

/**
 * A tensor's whole numbers.
 * @throws ShapeError for floats, and what is no tensor; OptionError for numbers that a device made and nobody has read
 */
export function indicesIn(where: string, tensor: unknown, name = 'the tensor'): Indices {
  checkPlaced(where, tensor, name)
  const { shape, dtype } = tensor
  if (dtype !== 'int32') {
    throw new ShapeError(`${where}: ${name} ${formatShape(shape)} holds floats, expected whole numbers (dtype int32)`)
  }
  return { data: tensor.data as Int32Array, shape }
}
