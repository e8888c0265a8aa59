import type { FloatArray, Resident, Storage } from '../../device/device.js'
import { arrayOf, type HostStorage } from '../host/host.js'
import type { Allocate, LinearMemory } from './linear-memory.js'

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

/** The memory of a resident: its values, and copies of them in panels, by the layout. */
class Blocks {
  readonly panels = new Map<string, { address: number; version: number }>()
  #bytes = 0

  constructor(
    readonly residents: Residents,
    readonly address: number,
    readonly length: number,
    readonly purpose: Purpose,
  ) {
    this.#count(length)
  }

  /** Room for panels; undefined if there is none. */
  add(layout: string, length: number): { address: number; version: number } | undefined {
    const address = this.residents.allocate(length, this.purpose)
    if (address === undefined) return undefined
    this.#count(length)
    const made = { address, version: -1 }
    this.panels.set(layout, made)
    return made
  }

  free(): void {
    const { memory } = this.residents
    this.residents.bytes[this.purpose] -= this.#bytes
    memory.free(this.address)
    for (const { address } of this.panels.values()) memory.free(address)
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
  #version = 0
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

  /** A copy that is kept for as long as the values stay the same. */
  get mirror(): Float32Array {
    if (this.#mirror?.version !== this.#version) this.#mirror = { array: this.copy(), version: this.#version }
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

  /** Whoever changes the values says so, for the panels to be made again. */
  changed(): void {
    this.#version++
  }

  /** See `inPanels`; undefined if there is no room for them. */
  panels(layout: string, length: number, fill: (address: number) => void): number | undefined {
    const blocks = this.#blocks!
    const made = blocks.panels.get(layout) ?? blocks.add(layout, length)
    if (!made) return undefined
    if (made.version !== this.#version) fill(made.address)
    made.version = this.#version
    return made.address
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

/**
 * The address of values in panels, which are kept if there is a resident to keep them.
 * @param layout a name for the panels
 * @param length that of the panels
 * @param fill writes the panels
 */
export function inPanels(
  allocate: Allocate,
  resident: ResidentValues | undefined,
  layout: string,
  length: number,
  fill: (address: number) => void,
): number {
  const kept = resident?.panels(layout, length, fill)
  if (kept !== undefined) return kept
  const address = allocate(length)
  fill(address)
  return address
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
