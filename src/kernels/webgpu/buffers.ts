import type { Storage } from '../../device/device.js'

/** A buffer of the GPU that storages use one after another. */
export interface PooledBuffer {
  readonly gpu: GPUBuffer
  readonly bytes: number
  /** A number for keys of caches. */
  readonly id: number
  /** The number of the submission that used it last. */
  usedIn: number
}

/** What a storage holds; a finalizer can give it back after the storage itself is gone. */
interface Held {
  buffer: PooledBuffer | undefined
}

/**
 * Numbers on the GPU. It gets a buffer only when something is written to it or read from it, so that a tensor of zeros
 * that an operation overwrites is never filled with zeros.
 */
export class GpuStorage implements Storage {
  /** @internal */
  readonly held: Held = { buffer: undefined }

  /**
   * @param owner the pool that the buffer comes from
   * @param zero whether the values are zeros until something is written
   */
  constructor(
    readonly owner: Buffers,
    readonly length: number,
    readonly type: 'f32' | 'i32',
    readonly zero: boolean,
  ) {}
}

const USAGE = { storage: 0x80 | 0x04 | 0x08, staging: 0x01 | 0x08 } as const // STORAGE | COPY_SRC | COPY_DST, MAP_READ | COPY_DST

/** Free memory that the pool keeps at most, besides as much as is in use. */
const SPARE_BYTES = 256 * 2 ** 20

/** Bytes that storages take before the garbage collector is reminded of them. */
const REMIND_BYTES = 128 * 2 ** 20

/** The smallest size of which buffers are made for `bytes`: at most a quarter is wasted, and few sizes are in use. */
export function sizeClass(bytes: number): number {
  if (bytes <= 256) return 256
  const step = 2 ** (Math.floor(Math.log2(bytes - 1)) - 2)
  return Math.ceil(bytes / step) * step
}

/**
 * The GPU's memory: buffers of few sizes, which storages of any length share one after another. Commands run in the order
 * in which they are recorded, so a buffer may be used for something else as soon as nobody will record commands for
 * its old content. Only what is written from outside of commands (`queue.writeBuffer`) needs an idle buffer.
 */
export class Buffers {
  /** Bytes of all buffers that exist, and of those that no storage uses. */
  totalBytes = 0
  freeBytes = 0
  /** Called when buffers are destroyed, so that nobody holds on to them. */
  onDestroy = (): void => {}
  /** Fulfilled when it is known of all buffers so far whether there was memory for them. */
  known: Promise<void> = Promise.resolve()
  readonly #free = new Map<number, PooledBuffer[]>()
  readonly #staging = new Map<number, GPUBuffer[]>()
  readonly #forgotten = new FinalizationRegistry<Held>((held) => this.#release(held))
  readonly #device: GPUDevice
  readonly #most: number
  readonly #onExhausted: (bytes: number) => void
  #remindAt = REMIND_BYTES
  #count = 0

  /** @param onExhausted called, some time later, when there was no memory for a buffer of so many bytes */
  constructor(device: GPUDevice, onExhausted: (bytes: number) => void) {
    this.#device = device
    this.#onExhausted = onExhausted
    this.#most = Math.min(device.limits.maxBufferSize, device.limits.maxStorageBufferBindingSize)
  }

  /** The most values that a storage can have. */
  get mostValues(): number {
    return Math.floor(this.#most / 4)
  }

  /** A storage of `length` values, which are zeros or, without `zero`, whatever its buffer happens to hold. */
  storage(length: number, type: 'f32' | 'i32', zero: boolean): GpuStorage {
    const storage = new GpuStorage(this, length, type, zero)
    this.#forgotten.register(storage, storage.held, storage.held)
    return storage
  }

  /**
   * The buffer of a storage; it gets one here if it has none yet, and `fresh` tells whether it has.
   * @param pending the number of a submission whose commands must not use the new buffer
   */
  bufferOf(storage: GpuStorage, pending?: number): { buffer: PooledBuffer; fresh: boolean; zeroed: boolean } {
    const { held } = storage
    if (held.buffer) return { buffer: held.buffer, fresh: false, zeroed: false }
    this.#remindCollector()
    const { buffer, zeroed } = this.#take(Math.min(sizeClass(4 * storage.length), this.#most), pending)
    held.buffer = buffer
    return { buffer, fresh: true, zeroed }
  }

  /** Gives the buffer of a storage back; the storage must not be used any more, unless all of it is written first. */
  free(storage: GpuStorage): void {
    this.#release(storage.held)
  }

  /** A buffer that can be mapped for reading. */
  takeStaging(bytes: number): GPUBuffer {
    const size = sizeClass(bytes)
    return this.#staging.get(size)?.pop() ?? this.#device.createBuffer({ size, usage: USAGE.staging })
  }

  releaseStaging(buffer: GPUBuffer): void {
    listed(this.#staging, buffer.size).push(buffer)
  }

  /** Destroys free buffers if they take more memory than those in use, and more than some. */
  trim(): void {
    const used = this.totalBytes - this.freeBytes
    if (this.freeBytes <= Math.max(SPARE_BYTES, used)) return
    for (const size of [...this.#free.keys()].sort((a, b) => b - a)) {
      for (const { gpu, bytes } of this.#free.get(size)!.splice(0)) {
        gpu.destroy()
        this.totalBytes -= bytes
        this.freeBytes -= bytes
      }
      if (this.freeBytes <= SPARE_BYTES / 2) break
    }
    this.onDestroy()
  }

  #take(bytes: number, pending: number | undefined): { buffer: PooledBuffer; zeroed: boolean } {
    const free = listed(this.#free, bytes)
    // The last one was used last, so it is the likeliest to be in a cache; the first one is the likeliest to be idle.
    const at = pending === undefined ? free.length - 1 : free.findIndex(({ usedIn }) => usedIn !== pending)
    if (at >= 0) {
      const [buffer] = free.splice(at, 1)
      this.freeBytes -= bytes
      return { buffer, zeroed: false }
    }
    this.#device.pushErrorScope('out-of-memory')
    const gpu = this.#device.createBuffer({ size: bytes, usage: USAGE.storage })
    // The promise is rejected if the device is lost, which is told elsewhere.
    const known = this.#device.popErrorScope().then(
      (error) => error && this.#onExhausted(bytes),
      () => undefined,
    )
    this.known = Promise.all([this.known, known]).then(() => undefined)
    this.totalBytes += bytes
    return { buffer: { gpu, bytes, id: this.#count++, usedIn: -1 }, zeroed: true }
  }

  /**
   * The garbage collector does not see the GPU's memory, and may leave gigabytes of it to storages that nobody uses any
   * more. When much has been taken since the last time, a large array, which is gone at once and of which no page is ever
   * touched, makes it look.
   */
  #remindCollector(): void {
    const used = this.totalBytes - this.freeBytes
    if (used < this.#remindAt) return
    this.#remindAt = used + REMIND_BYTES
    new ArrayBuffer(REMIND_BYTES)
  }

  #release(held: Held): void {
    const { buffer } = held
    if (!buffer) return
    held.buffer = undefined
    listed(this.#free, buffer.bytes).push(buffer)
    this.freeBytes += buffer.bytes
    this.#remindAt = Math.min(this.#remindAt, this.totalBytes - this.freeBytes + REMIND_BYTES)
  }
}

/** The list under a key, which is made at its first use. */
function listed<T>(lists: Map<number, T[]>, key: number): T[] {
  const list = lists.get(key) ?? []
  lists.set(key, list)
  return list
}
