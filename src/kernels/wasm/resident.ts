import type { FloatArray, Resident } from '../../device/device.js'
import type { HostStorage } from '../host/host.js'
import type { Allocate, LinearMemory } from './linear-memory.js'

/** The most bytes of residents' values in one memory; the values of more are arrays, which every operation copies. */
const MOST_BYTES = 2 ** 30

/** Frees the memory of residents that nobody uses any more. */
const abandoned = new FinalizationRegistry<Blocks>((blocks) => blocks.free())

/** The memory of a resident: its values, and copies of them in panels, by the layout. */
class Blocks {
  readonly panels = new Map<string, { address: number; version: number }>()

  constructor(
    readonly residents: Residents,
    readonly address: number,
    readonly length: number,
  ) {
    residents.bytes += length * 4
  }

  free(): void {
    const { memory } = this.residents
    this.residents.bytes -= this.length * 4
    memory.free(this.address)
    for (const { address } of this.panels.values()) memory.free(address)
  }
}

/** Values in the linear memory, until somebody wants them as an array. */
export class ResidentValues implements Resident {
  #blocks: Blocks | undefined
  #array: Float32Array | undefined
  #version = 0

  constructor(
    residents: Residents,
    address: number,
    readonly length: number,
  ) {
    this.#blocks = new Blocks(residents, address, length)
    abandoned.register(this, this.#blocks, this)
  }

  /** The address of the values in `memory`; undefined if they are not there. */
  addressIn(memory: LinearMemory): number | undefined {
    return this.#blocks?.residents.memory === memory ? this.#blocks.address : undefined
  }

  get array(): Float32Array {
    if (this.#blocks) {
      this.#array = this.#blocks.residents.memory.read(this.#blocks.address, this.length)
      this.free()
    }
    return this.#array!
  }

  /** Whoever changes the values says so, for the panels to be made again. */
  changed(): void {
    this.#version++
  }

  /**
   * The address of the values in panels, which are kept for as long as the values stay the same.
   * @param length that of the panels
   * @param fill writes the panels
   */
  panels(layout: string, length: number, fill: (address: number) => void): number {
    const { panels, residents } = this.#blocks!
    let made = panels.get(layout)
    if (!made) {
      made = { address: residents.memory.allocate(length), version: -1 }
      panels.set(layout, made)
    }
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
  bytes = 0

  constructor(readonly memory: LinearMemory) {}

  /** Returns undefined where there is no room for them; the values are whatever was there. */
  make(length: number): ResidentValues | undefined {
    if (this.bytes + length * 4 > MOST_BYTES) return undefined
    return new ResidentValues(this, this.memory.allocate(length), length)
  }
}

/** The address of values in a memory; undefined if they are not there. */
export const addressIn = (memory: LinearMemory, x: HostStorage | Int32Array): number | undefined =>
  x instanceof ResidentValues ? x.addressIn(memory) : undefined

/** The values as an array, for as long as no memory is allocated. */
export function arrayIn(memory: LinearMemory, x: HostStorage): FloatArray {
  const address = addressIn(memory, x)
  if (address !== undefined) return memory.floats.subarray(address / 4, address / 4 + x.length)
  return 'array' in x ? x.array : x
}

/** The address of values, which are copied into the memory if they are not there. */
export function placed(memory: LinearMemory, allocate: Allocate, x: HostStorage | Int32Array): number {
  const address = addressIn(memory, x)
  if (address !== undefined) return address
  const copy = allocate(x.length)
  memory.write(copy, 'array' in x ? x.array : x)
  return copy
}

/** Room for the gradient of a parameter: a resident if the parameter is one. */
export interface GradientRoom {
  address: number
  /** The gradient, once it has been written. */
  values(): HostStorage
}

export function roomFor(residents: Residents, allocate: Allocate, parameter: HostStorage): GradientRoom {
  const { memory } = residents
  const { length } = parameter
  const resident = addressIn(memory, parameter) === undefined ? undefined : residents.make(length)
  if (resident) return { address: resident.addressIn(memory)!, values: () => resident }
  const address = allocate(length)
  return { address, values: () => memory.read(address, length) }
}

/** After the values at the address that `placed` gave were changed: an array gets them, too. */
export function settle(memory: LinearMemory, address: number, y: HostStorage): void {
  if (addressIn(memory, y) === undefined) memory.copyOut(address, 'array' in y ? y.array : y)
  else (y as ResidentValues).changed()
}
