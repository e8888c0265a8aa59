import type { FloatArray, Resident, Storage } from '../../device/device.js'
import { arrayOf, type HostStorage } from '../host/host.js'
import type { Allocate, LinearMemory } from './linear-memory.js'
import type { Piece } from './pieces.js'

/** What residents are for: values that live long, or that are freed by whoever uses them last. */
type Purpose = 'kept' | 'temporary'

/**
 * The most bytes of residents and their panels in one memory, by their purpose. The values of more are arrays, which every
 * operation copies. Those that nobody uses any more wait for the garbage collector, which never runs finalizers in a loop
 * without a pause.
 */
const MOST_BYTES: Readonly<Record<Purpose, number>> = { kept: 2 ** 29, temporary: 2 ** 26 }

/** Frees the memory of residents that nobody uses any more. */
const abandoned = new FinalizationRegistry<Blocks>((blocks) => blocks.free())

/** A copy of a resident's values in panels. */
export interface Panels {
  readonly of: Blocks
  readonly address: number
  /** What makes them, once somebody has said so. */
  pieces?: readonly Piece[]
  /** The version of the values that they are a copy of, once they are one. */
  version?: number
  /** Whether somebody wanted them after they were made last. */
  used?: boolean
}

/** The number of changes of any values. */
let versions = 0

/** The memory of a resident: its values, and copies of them in panels, by the layout. */
class Blocks {
  readonly panels = new Map<string, Panels>()
  /** Another number after each change of the values, for the panels to be made again. */
  version = ++versions
  #bytes = 0

  constructor(
    readonly residents: Residents,
    readonly address: number,
    readonly length: number,
    readonly purpose: Purpose,
  ) {
    this.#count(length)
  }

  /** Room for panels, with zeros, which their padding stays; undefined if there is none. */
  add(layout: string, length: number): Panels | undefined {
    const { residents } = this
    const address = residents.allocate(length, this.purpose)
    if (address === undefined) return undefined
    this.#count(length)
    residents.memory.zero(address, length)
    const made: Panels = { of: this, address }
    this.panels.set(layout, made)
    residents.panels.add(made)
    return made
  }

  free(): void {
    const { memory, bytes, panels } = this.residents
    bytes[this.purpose] -= this.#bytes
    memory.free(this.address)
    for (const made of this.panels.values()) {
      memory.free(made.address)
      panels.delete(made)
    }
  }

  #count(length: number): void {
    this.#bytes += length * 4
    this.residents.bytes[this.purpose] += length * 4
  }
}

/** Values in the linear memory, until somebody wants them as an array. */
export class ResidentValues implements Resident {
  #blocks: Blocks | undefined
  #array: Float32Array | undefined
  #mirror: { array: Float32Array; version: number } | undefined
  readonly length: number

  constructor(blocks: Blocks) {
    this.length = blocks.length
    this.#put(blocks)
  }

  /** The address of the values in `memory`; undefined if they are not there. */
  addressIn(memory: LinearMemory): number | undefined {
    return this.#blocks?.residents.memory === memory ? this.#blocks.address : undefined
  }

  get array(): Float32Array {
    this.#array ??= this.copy()
    this.free()
    return this.#array
  }

  copy(): Float32Array {
    if (!this.#blocks) return this.#array!.slice()
    return this.#blocks.residents.memory.read(this.#blocks.address, this.length)
  }

  /** The array, or a copy that is kept for as long as the values stay the same. */
  get mirror(): Float32Array {
    if (!this.#blocks) return this.#array!
    const { version } = this.#blocks
    if (this.#mirror?.version !== version) this.#mirror = { array: this.copy(), version }
    return this.#mirror.array
  }

  /** Moves the values into the memory of other kernels, if there is room and nobody has the array. */
  moveTo(residents: Residents): void {
    const own = this.#blocks
    if (!own || own.residents === residents) return
    const blocks = residents.room(this.length, own.purpose)
    if (!blocks) return
    residents.memory.write(blocks.address, this.copy())
    this.free()
    this.#put(blocks)
  }

  #put(blocks: Blocks): void {
    this.#blocks = blocks
    abandoned.register(this, blocks, this)
  }

  /** Whoever changes the values says so. */
  changed(): void {
    if (this.#blocks) this.#blocks.version = ++versions
  }

  /** The values in a layout of this name, which may still be those of an earlier version; undefined if there is no room for them. */
  panels(layout: string, length: number): Panels | undefined {
    return this.#blocks!.panels.get(layout) ?? this.#blocks!.add(layout, length)
  }

  free(): void {
    if (!this.#blocks) return
    abandoned.unregister(this)
    this.#blocks.free()
    this.#blocks = undefined
  }
}

/** The residents of a linear memory. */
export class Residents {
  /** Bytes of their values. */
  readonly bytes = { kept: 0, temporary: 0 }
  /** All panels of their values. */
  readonly panels = new Set<Panels>()

  constructor(
    readonly memory: LinearMemory,
    readonly most: Readonly<Record<Purpose, number>> = MOST_BYTES,
  ) {}

  /** A new one with any values; undefined if there is no room for it. */
  make(length: number, purpose: Purpose): ResidentValues | undefined {
    const blocks = this.room(length, purpose)
    return blocks && new ResidentValues(blocks)
  }

  /** The same without the resident around it. */
  room(length: number, purpose: Purpose): Blocks | undefined {
    const address = this.allocate(length, purpose)
    return address === undefined ? undefined : new Blocks(this, address, length, purpose)
  }

  /** The address of a block for so many values; undefined if there is no room for it. */
  allocate(length: number, purpose: Purpose): number | undefined {
    return this.bytes[purpose] + length * 4 > this.most[purpose] ? undefined : this.memory.tryAllocate(length)
  }
}

/** A storage as a resident of a memory; undefined if its values are not there. */
export const residentIn = (memory: LinearMemory, x: Storage): ResidentValues | undefined =>
  x instanceof ResidentValues && x.addressIn(memory) !== undefined ? x : undefined

/** The address of values in a memory; undefined if they are not there. */
export const addressIn = (memory: LinearMemory, x: Storage): number | undefined =>
  residentIn(memory, x)?.addressIn(memory)

/** The values as an array, for as long as no memory is allocated. */
export function arrayIn(memory: LinearMemory, x: HostStorage): FloatArray {
  const address = addressIn(memory, x)
  return address === undefined ? arrayOf(x) : memory.floats.subarray(address / 4, address / 4 + x.length)
}

/** The address of values, which are copied into the memory if they are not there. */
export function placed(memory: LinearMemory, allocate: Allocate, x: HostStorage | Int32Array): number {
  const address = addressIn(memory, x)
  if (address !== undefined) return address
  const copy = allocate(x.length)
  memory.write(copy, x instanceof Int32Array ? x : arrayOf(x))
  return copy
}

/** Room for a gradient, which becomes a resident if it can. */
export interface GradientRoom {
  address: number
  /** The gradient, once it has been written. */
  values(): HostStorage
}

/** Room for the gradient of a parameter: a resident if the parameter is one. */
export function roomFor(residents: Residents, allocate: Allocate, parameter: HostStorage): GradientRoom {
  const { memory } = residents
  const { length } = parameter
  const resident = residentIn(memory, parameter) && residents.make(length, 'kept')
  if (resident) return { address: resident.addressIn(memory)!, values: () => resident }
  const address = allocate(length)
  return { address, values: () => memory.read(address, length) }
}

/** After the values at the address that `placed` gave were changed: an array gets them, too. */
export function settle(memory: LinearMemory, address: number, y: HostStorage): void {
  const resident = residentIn(memory, y)
  if (resident) resident.changed()
  else memory.copyOut(address, arrayOf(y))
}
