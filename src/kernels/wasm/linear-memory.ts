import { UnrolledError } from '../../core/errors.js'
import type { FloatArray } from '../../device/device.js'

const PAGE = 65536
/** Bytes of a cache line of the processor. */
const LINE = 64
/** The most values that are copied faster one by one. */
const FEW = 64
/** 4 GB, all that 32 bits can address. */
const MOST_PAGES = 65536

/** Allocates a block of `length` values that is freed at the end of a scope. */
export type Allocate = (length: number) => number

/** The least size class of at least `bytes`: 1 to 7 times 16, then 4 to 7 times a power of two. */
function sizeClass(bytes: number): number {
  let unit = 16
  while (unit * 7 < bytes) unit *= 2
  return Math.max(Math.ceil(bytes / unit), 1) * unit
}

/** Returns undefined where there is no room for it. */
function newMemory(shared: boolean): WebAssembly.Memory | undefined {
  try {
    return new WebAssembly.Memory({ initial: 1, maximum: MOST_PAGES, shared })
  } catch {
    return undefined
  }
}

/**
 * The kernels' linear memory. Blocks go back to a free list of their size class, so that a training, which
 * asks for the same sizes at every step, allocates nothing after its first.
 */
export class LinearMemory {
  readonly memory: WebAssembly.Memory
  #floats: Float32Array = new Float32Array(0)
  #ints: Int32Array = new Int32Array(0)
  /** No block is at address 0, which stands for none. */
  #top = LINE
  readonly #free = new Map<number, number[]>()
  readonly #sizes = new Map<number, number>()

  /** Other threads can work on it. */
  readonly shared: boolean

  /**
   * @param shared with other threads, where the system lets it: room for all of it is reserved at once
   * @throws UnrolledError where there is no room for any, as in a process whose address space is limited
   */
  constructor(shared: boolean) {
    const memory = (shared && newMemory(true)) || newMemory(false)
    if (!memory) {
      throw new UnrolledError(
        "kernels: the address space of this process has no room for the 8 to 11 GB that WebAssembly's memory reserves; raise its limit (ulimit -v), or use selectKernels('reference')",
      )
    }
    this.shared = shared && !(memory.buffer instanceof ArrayBuffer)
    this.memory = memory
  }

  /** Leaves the bytes before an address to the kernels' own constants; comes before any block. */
  startAt(address: number): void {
    this.#top = address
  }

  get bytes(): number {
    return this.memory.buffer.byteLength
  }

  /** The whole memory as floats. Growth replaces it: ask anew after each allocation. */
  get floats(): Float32Array {
    if (this.#floats.buffer !== this.memory.buffer) this.#floats = new Float32Array(this.memory.buffer)
    return this.#floats
  }

  get ints(): Int32Array {
    if (this.#ints.buffer !== this.memory.buffer) this.#ints = new Int32Array(this.memory.buffer)
    return this.#ints
  }

  /** A copy of numbers in double precision. */
  doubles(address: number, length: number): Float64Array {
    return Float64Array.from(new Float64Array(this.memory.buffer, address, length))
  }

  /**
   * Address of a block for `length` values of 4 bytes; its content is whatever was there.
   * @throws UnrolledError where the system does not give so much
   */
  allocate(length: number): number {
    const address = this.tryAllocate(length)
    if (address !== undefined) return address
    const megabytes = Math.ceil((this.#top + sizeClass(length * 4)) / 2 ** 20)
    throw new UnrolledError(
      `kernels: ${megabytes} MB of memory are needed, and the system does not give them; use a smaller batch, fewer steps or a smaller hiddenSize`,
      [],
      'no-memory',
    )
  }

  /** The same; undefined where the system does not give so much. */
  tryAllocate(length: number): number | undefined {
    const size = sizeClass(length * 4)
    const address = this.#free.get(size)?.pop() ?? this.#extend(size)
    if (address !== undefined) this.#sizes.set(address, size)
    return address
  }

  free(address: number): void {
    const size = this.#sizes.get(address)
    if (size === undefined) return
    this.#sizes.delete(address)
    const list = this.#free.get(size)
    if (list) list.push(address)
    else this.#free.set(size, [address])
  }

  /** Runs `body` with an allocator whose blocks are freed when it returns. */
  scope<T>(body: (allocate: Allocate) => T): T {
    const { made, free } = this.keep(body)
    free()
    return made
  }

  /** Runs `body` with an allocator whose blocks are freed by `free`, or at once if there was no room for one of them. */
  keep<T>(body: (allocate: Allocate) => T): { made: T; free: () => void } {
    const blocks: number[] = []
    const free = () => {
      for (const address of blocks.splice(0)) this.free(address)
    }
    try {
      const made = body((length) => {
        const address = this.allocate(length)
        blocks.push(address)
        return address
      })
      return { made, free }
    } catch (error) {
      free()
      throw error
    }
  }

  /** Copies values in. */
  write(address: number, values: FloatArray | Int32Array): void {
    const target = values instanceof Int32Array ? this.ints : this.floats
    target.set(values, address / 4)
  }

  /** Copies values out into `values`. */
  copyOut(address: number, values: FloatArray): void {
    values.set(this.floats.subarray(address / 4, address / 4 + values.length))
  }

  /** Copies values out into a new array. */
  read(address: number, length: number): Float32Array<ArrayBuffer> {
    const values = new Float32Array(length)
    // Not with `slice`, which takes ten times as long on shared memory; a few values are copied one by one.
    if (length > FEW) this.copyOut(address, values)
    else {
      const { floats } = this
      for (let i = 0, from = address / 4; i < length; i++) values[i] = floats[from + i]
    }
    return values
  }

  /** Writes zeros. @returns the address */
  zero(address: number, length: number): number {
    this.floats.fill(0, address / 4, address / 4 + length)
    return address
  }

  /** Returns whether there was room for so many more bytes. */
  #grow(bytes: number): boolean {
    try {
      this.memory.grow(Math.ceil(bytes / PAGE))
      return true
    } catch {
      return false
    }
  }

  #extend(size: number): number | undefined {
    // Aligned to a cache line, whatever small blocks came before.
    const address = Math.ceil(this.#top / LINE) * LINE
    const missing = address + size - this.bytes
    // An eighth more than is missing, so that a growing need does not grow the memory each time.
    if (missing > 0 && !this.#grow(missing + this.bytes / 8) && !this.#grow(missing)) return undefined
    this.#top = address + size
    return address
  }
}
