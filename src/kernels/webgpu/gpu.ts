import { DeviceLostError, OptionError, UnrolledError } from '../../core/errors.js'
import type { Acquired } from './adapter.js'
import { Buffers, GpuStorage, type PooledBuffer } from './buffers.js'
import { Commands } from './commands.js'
import { Programs, type Shader } from './program.js'

/** What a GPU has done so far, for benchmarks. */
export interface GpuCounts {
  dispatches: number
  submissions: number
  /** Bytes that went to the GPU and came from it, without the parameters of dispatches. */
  bytesWritten: number
  bytesRead: number
  /** Bytes of all buffers, and of those among them that are free to be used again. */
  bytesHeld: number
  bytesFree: number
}

/**
 * A GPU on which shaders run: `run` records a dispatch, `read` waits for numbers. Commands run in the order in which
 * they are recorded, and each sees what those before it have written; they are handed to the GPU together, when
 * somebody reads or when there are many. program.ts tells how shaders are written.
 */
export class Gpu {
  /** The name of the adapter. */
  readonly name: string
  /** Whether the adapter computes on the CPU. */
  readonly software: boolean
  /** Whether reductions use subgroups, which only some adapters have. */
  readonly subgroups: boolean
  readonly limits: GPUSupportedLimits
  /**
   * Bytes that a dispatch should move at most, where it can be cut into several: half a second at 100 GB/s, which the
   * slowest GPUs of today reach. Their 1 TFLOPS does ten operations a byte, and a walk through time does fewer.
   */
  readonly mostBytesAtOnce: number = 50e9
  /** And operations of a product: half a second at 1 TFLOPS, of which the smallest tile may reach a fifth. */
  readonly mostOperationsAtOnce: number = 100e9
  readonly #device: GPUDevice
  readonly #buffers: Buffers
  readonly #commands: Commands
  readonly #programs: Programs
  #bytesWritten = 0
  #bytesRead = 0
  /** Why the GPU cannot be used any more. */
  #failure: UnrolledError | undefined
  /** Fulfilled when all errors so far are in `#failure`. */
  #told: Promise<void> = Promise.resolve()

  constructor({ device, name, software, subgroups }: Acquired) {
    this.name = name
    this.software = software
    this.subgroups = subgroups
    this.limits = device.limits
    this.#device = device
    this.#buffers = new Buffers(device, (bytes) => {
      const held = Math.round(this.#buffers.totalBytes / 2 ** 20)
      this.#failure = new OptionError(
        `the memory of the GPU ${name} is exhausted: it holds ${held} MB and has no room for ${bytes} bytes more; use smaller sizes, such as batchSize or hiddenSize`,
        ['batchSize', 'hiddenSize'],
      )
    })
    this.#commands = new Commands(device)
    this.#programs = new Programs(device, subgroups)
    this.#buffers.onDestroy = () => this.#commands.forgetGroups()
    device.onuncapturederror = (event) => {
      // The error is thrown, so nobody has to write it to the console.
      event.preventDefault()
      const failure = new UnrolledError(`the GPU ${name} failed: ${event.error.message.trim().replace(/\s+/g, ' ')}`)
      // A buffer without memory cannot be bound, for example, which is told before the reason.
      this.#told = this.#buffers.known.then(() => {
        this.#failure ??= failure
      })
    }
    device.lost.then(({ message }) => {
      this.#failure ??= new DeviceLostError(
        `the GPU ${name} was lost: ${message || 'no reason was given'}; tryGpu() finds a device again, and a training goes on from its last checkpoint`,
      )
    })
  }

  /** What has been done and held so far. */
  get counts(): GpuCounts {
    const { dispatches, submissions } = this.#commands
    const { totalBytes, freeBytes } = this.#buffers
    return {
      dispatches,
      submissions,
      bytesWritten: this.#bytesWritten,
      bytesRead: this.#bytesRead,
      bytesHeld: totalBytes,
      bytesFree: freeBytes,
    }
  }

  /** Whether it can be used: false after it was lost or has failed. */
  get works(): boolean {
    return this.#failure === undefined
  }

  /** Whether a storage is one of this GPU. */
  owns(x: unknown): x is GpuStorage {
    return x instanceof GpuStorage && x.owner === this.#buffers
  }

  /**
   * A storage of `length` zeros. Zeros that a shader overwrites (`write`) cost nothing.
   * @throws OptionError if the GPU has no buffers of that size; `where` is the function that the user called
   */
  zeros(length: number, where = 'Tensor'): GpuStorage {
    this.#checkLength(length, where)
    return this.#buffers.storage(length, 'f32', true)
  }

  /** A storage of `length` values that must be written before they are read. */
  empty(length: number, type: 'f32' | 'i32' = 'f32', where = 'Tensor'): GpuStorage {
    this.#checkLength(length, where)
    return this.#buffers.storage(length, type, false)
  }

  /** A storage with these numbers: whole ones for an Int32Array, and floats otherwise. */
  from(values: ArrayLike<number>): GpuStorage {
    const storage = this.empty(values.length, values instanceof Int32Array ? 'i32' : 'f32')
    this.write(values, storage)
    return storage
  }

  /** Overwrites all values of a storage. */
  write(values: ArrayLike<number>, storage: GpuStorage): void {
    if (storage.length === 0) return
    const kind = storage.type === 'f32' ? Float32Array : Int32Array
    const numbers = values instanceof kind ? values : kind.from(values)
    const { held } = storage
    // Such a write takes place before commands that are not yet submitted: it needs a buffer that they do not use.
    if (held.buffer?.usedIn === this.#commands.serial) this.#buffers.free(storage)
    const { buffer } = this.#buffers.bufferOf(storage, this.#commands.serial)
    this.#device.queue.writeBuffer(buffer.gpu, 0, numbers as Float32Array<ArrayBuffer>)
    this.#bytesWritten += 4 * storage.length
  }

  /** Gives the memory of a storage back before the garbage collector finds it. Commands that use it may be on their way. */
  free(storage: GpuStorage): void {
    this.#buffers.free(storage)
  }

  /**
   * Records one dispatch of a shader. It checks nothing but that the GPU works.
   * @param storages in the order of `shader.storages`
   * @param params in the order of `shader.params`
   * @param groups the numbers of workgroups in x, y and z; if one is 0, nothing happens
   * @throws DeviceLostError if the GPU was lost, UnrolledError if it failed; OptionError if its memory is exhausted
   */
  run(
    shader: Shader,
    storages: readonly GpuStorage[],
    params: readonly number[],
    groups: readonly [x: number, y?: number, z?: number],
  ): void {
    this.#check()
    if (groups.includes(0)) return
    const program = this.#programs.programOf(
      shader,
      storages.map((storage) => storages.indexOf(storage)),
    )
    const buffers = program.bindings.map(({ place, reads }) => this.#prepared(storages[place], reads))
    this.#commands.dispatch(program, buffers, params, groups as readonly number[])
  }

  /**
   * A copy of the values of a storage after everything recorded so far. Reads of one turn of the event loop are done
   * together.
   * @throws DeviceLostError if the GPU was lost, UnrolledError if it failed; OptionError if its memory is exhausted
   */
  async read(storage: GpuStorage): Promise<Float32Array | Int32Array> {
    this.#check()
    const { length } = storage
    const kind = storage.type === 'f32' ? Float32Array : Int32Array
    if (length === 0) return new kind(0)
    const bytes = 4 * length
    const staging = this.#buffers.takeStaging(bytes)
    this.#commands.copy(this.#prepared(storage, true), staging, bytes)
    await Promise.resolve()
    this.submit()
    try {
      await staging.mapAsync(1, 0, bytes) // GPUMapMode.READ
    } catch (error) {
      // Nobody else ends the mapping of a buffer, and a browser may tell of the loss later.
      if ((error as Error).name === 'AbortError') await this.#device.lost
      await this.#told
      this.#check()
      throw error
    }
    const values = new kind(staging.getMappedRange(0, bytes).slice(0))
    staging.unmap()
    this.#buffers.releaseStaging(staging)
    this.#bytesRead += bytes
    await this.#told
    this.#check()
    return values
  }

  /** Hands what was recorded to the GPU, without waiting for it. */
  submit(): void {
    this.#commands.submit()
    this.#buffers.trim()
  }

  /** Ends the use of the GPU and frees all of its memory. */
  destroy(): void {
    this.#device.destroy()
  }

  /** The buffer of a storage; if its values must be defined and nobody has written them, it is filled with zeros. */
  #prepared(storage: GpuStorage, defined: boolean): PooledBuffer {
    const { buffer, fresh, zeroed } = this.#buffers.bufferOf(storage)
    if (fresh && defined && storage.zero && !zeroed) this.#commands.clear(buffer)
    return buffer
  }

  #checkLength(length: number, where: string): void {
    const most = this.#buffers.mostValues
    if (length <= most) return
    throw new OptionError(
      `${where}: a tensor of ${length} values does not fit into a buffer of the GPU ${this.name}, which holds ${most}; use smaller sizes, such as hiddenSize`,
    )
  }

  #check(): void {
    if (this.#failure) throw this.#failure
  }
}
