import { describe } from '../core/describe.js'
import { OptionError, ShapeError } from '../core/errors.js'
import { formatShape, type Shape, sizeOf } from '../core/shape.js'
import type { Device, Resident, Storage } from '../device/device.js'
import { checkDevice, defaultDevice } from '../kernels/devices.js'
import { kernels } from '../kernels/index.js'
import { checkValues, checkWholeNumbers, dataOf, type NumberArray, type TensorData } from './arrays.js'
import { copyAll, type Indices, type Value } from './value.js'

/** The kind of the values: floats, or whole numbers. */
export type DType = 'float' | 'int32'

/** Values with a shape, on a device. `Tensor` adds the operations. */
export abstract class Placed {
  /**
   * The values in main memory, row-major; an Int32Array for an int32 tensor. If they are on another device, this throws
   * an OptionError: `await values()` reads them. It cannot be assigned: `copy_` changes the values.
   */
  declare readonly data: TensorData
  /** The values, if they are in an array. */
  #array: TensorData | undefined
  /** Where they are otherwise. Without a device they are resident in the memory of kernels on the CPU. */
  #hidden: { device: Device | undefined; storage: Storage; dtype: DType } | undefined

  static readonly #data: PropertyDescriptor & ThisType<Placed> = {
    enumerable: true,
    get() {
      return this.#atHand('data', 'await values() reads them, and await cpu() brings them there')
    },
    set() {
      throw new OptionError(
        `data: the values of the tensor ${formatShape(this.shape)} were assigned, expected them to be copied into it; use copy_(values)`,
      )
    },
  }

  /** @param device if given, `data` is a storage of this device, of `dtype`, and is not checked */
  constructor(
    data: NumberArray | Storage,
    readonly shape: Shape,
    device: Device | undefined,
    dtype: DType,
  ) {
    // It is an own property, because structuredClone ignores others.
    Object.defineProperty(this, 'data', Placed.#data)
    if (device) this.#place(data, device, dtype)
    else this.#placeArray(dataOf('Tensor', data, shape), defaultDevice())
  }

  get dtype(): DType {
    return this.#hidden?.dtype ?? (this.#array instanceof Int32Array ? 'int32' : 'float')
  }

  /** The device that holds the values and computes with them; on the CPU, the kernels in use. */
  get device(): Device {
    return this.#hidden?.device ?? kernels()
  }

  /** The values as the device stores them. */
  get storage(): Storage {
    if (!this.#hidden) return this.#array!
    const { device, storage } = this.#hidden
    if (device || kernels().owns(storage)) return storage
    // Other kernels than those in whose memory the values are take them into their own, if they have one, or the array.
    return kernels().owns(kernels().keep(storage)) ? storage : this.data
  }

  get rank(): number {
    return this.shape.length
  }

  get size(): number {
    return this.storage.length
  }

  /** The only value. @throws ShapeError unless there is exactly one */
  async item(): Promise<number> {
    if (this.size !== 1)
      throw new ShapeError(`item: the tensor has the shape ${formatShape(this.shape)}, expected one value`)
    return (await this.dataAnywhere())[0]
  }

  /** A copy of the values, row-major. */
  async values(): Promise<TensorData> {
    const { device, storage } = this
    return ArrayBuffer.isView(storage) ? this.data.slice() : device.read(storage)
  }

  /** The values, row-major, read off the device if necessary. Do not change them. */
  async dataAnywhere(): Promise<TensorData> {
    const { device, storage } = this
    return ArrayBuffer.isView(storage) ? this.data : device.read(storage)
  }

  /**
   * Copies the values of another tensor, or of an array of the same length, into this one.
   * @throws ShapeError for anything but numbers, for another number of them, and for others than whole numbers where
   *   the tensor holds those; OptionError if they are on another device
   */
  copy_(source: Placed | NumberArray): this {
    if (!(source instanceof Placed)) checkValues('copy_', source)
    const { length } = source instanceof Placed ? source.storage : source
    if (length !== this.size) throw new ShapeError(`copy_: ${length} values were given, expected ${this.size}`)
    const { device, storage } = this
    const own = source instanceof Placed && source.device === device && source.dtype === 'float'
    if (own && (this.#hidden || source.#hidden) && device.owns(source.storage)) {
      copyAll(device, source.storage, storage)
      return this
    }
    const values = source instanceof Placed ? source.#atHand('copy_', 'await cpu() brings them there') : source
    if (this.dtype === 'int32') checkWholeNumbers('copy_', values)
    if (this.#hidden) device.write(values, storage)
    else this.data.set(values)
    return this
  }

  /**
   * Moves the values to a device; the tensor stays the same object, as a parameter must. Whole numbers stay in main
   * memory, where every device reads them.
   * @throws OptionError if the values are on another device, which must be awaited: call `await cpu_()` first
   */
  to_(device: Device): this {
    checkDevice('to', device)
    if (device === this.device && device.owns(this.storage)) return this
    const values = this.#atHand('to', 'await cpu() brings them there')
    if (this.dtype === 'float') this.#place(device.from(values), device, 'float')
    return this
  }

  /** Moves the values into main memory. */
  async cpu_(): Promise<this> {
    if (this.#hidden?.device) this.#place(await this.dataAnywhere(), kernels(), this.dtype)
    return this
  }

  /** @internal Moves the values to where the device keeps those that live long. Arrays taken before are not theirs any more. */
  keep_(): this {
    const { device, storage } = this
    if (device.owns(storage)) this.#place(device.keep(storage), device, this.dtype)
    return this
  }

  /** The values for people to look at, which stay where they are. */
  protected get shown(): TensorData | string {
    const { device, storage } = this.#hidden ?? {}
    return device ? `on ${device.name}` : storage ? (storage as Resident).copy() : this.data
  }

  /** Places values that the user gave: whole numbers stay in main memory. */
  #placeArray(data: TensorData, device: Device): void {
    const remote = device.kind !== 'cpu' && !(data instanceof Int32Array)
    this.#place(remote ? device.from(data) : data, device, 'float')
  }

  #place(storage: Storage, device: Device, dtype: DType): void {
    const atHand = ArrayBuffer.isView(storage)
    this.#array = atHand ? (storage as TensorData) : undefined
    this.#hidden = atHand ? undefined : { device: device.kind === 'cpu' ? undefined : device, storage, dtype }
  }

  /** The values themselves. @throws OptionError if they are on another device */
  #atHand(where: string, advice: string): TensorData {
    if (!this.#hidden) return this.#array!
    const { device, storage } = this.#hidden
    if (!device) return (storage as Resident).array
    throw new OptionError(
      `${where}: the values of the tensor ${formatShape(this.shape)} are on ${device.name}, expected the CPU; ${advice}`,
    )
  }
}

/** @throws ShapeError unless an argument of the function `where`, which the message calls `name`, is a tensor */
export function checkPlaced(where: string, value: unknown, name = 'the tensor'): asserts value is Placed {
  if (value instanceof Placed) return
  throw new ShapeError(`${where}: ${name} is ${describe(value)}, expected a tensor; tensor(…) makes one from numbers`)
}

/**
 * Checks that an operand is a tensor of floats, and returns its value. On the CPU its array must be of the kind that
 * the kernels in use compute with, or they would misread its bytes.
 * @param beside another operand of the same operation
 * @throws ShapeError for whole numbers, for floats of another precision, and for anything but a tensor; OptionError for
 *   a tensor on another device than `beside`
 */
export function floatsIn(where: string, tensor: unknown, name = 'the tensor', beside?: Value): Value {
  checkPlaced(where, tensor, name)
  const { storage, shape, device, dtype } = tensor
  if (beside && dtype === 'float' && beside.device !== device) {
    throw new OptionError(
      `${where}: ${name} ${formatShape(shape)} is on ${device.name}, expected ${beside.device.name}, where the other operands are; to(device) moves it`,
    )
  }
  if (dtype === 'float' && device.owns(storage) && storage.length === sizeOf(shape)) return { storage, shape, device }
  const { Float } = kernels()
  const problem =
    dtype === 'int32'
      ? 'holds whole numbers (int32), expected floats'
      : device.owns(storage)
        ? `has ${storage.length} values, expected ${sizeOf(shape)}; its array was transferred or resized, or its shape changed`
        : `holds ${describe(storage)}, expected ${describe(new Float(0))}, the kind of the kernels in use (${device.name}); clone() converts a tensor, and newModel.loadStateDict(model.stateDict()) converts all parameters of a model`
  throw new ShapeError(`${where}: ${name} ${formatShape(shape)} ${problem}`)
}

/**
 * Checks that an operand is a tensor of whole numbers, and returns them.
 * @throws ShapeError for floats and for anything but a tensor; OptionError for numbers that are still on a device
 */
export function indicesIn(where: string, tensor: unknown, name = 'the tensor'): Indices {
  checkPlaced(where, tensor, name)
  const { shape, dtype } = tensor
  if (dtype !== 'int32') {
    throw new ShapeError(`${where}: ${name} ${formatShape(shape)} holds floats, expected whole numbers (dtype int32)`)
  }
  return { data: tensor.data as Int32Array, shape }
}
