import type { PooledBuffer } from './buffers.js'
import type { ParamType, Program } from './program.js'

/** Bytes between the parameters of two dispatches: the least that every adapter allows for a dynamic offset. */
const SLOT_BYTES = 256
/** Dispatches in one submission: enough that submitting costs little, few enough that the GPU starts early. */
const SLOTS = 256
/** Groups of bindings that are kept. */
const MOST_GROUPS = 4096

/** Commands in the order in which they are recorded. They reach the GPU together, at a read or when there are many. */
export class Commands {
  /** The number of the submission that is being recorded. */
  serial = 0
  /** How many dispatches and submissions there have been. */
  dispatches = 0
  submissions = 0
  readonly #device: GPUDevice
  readonly #uniforms: GPUBuffer
  readonly #words = new Uint32Array((SLOTS * SLOT_BYTES) / 4)
  readonly #floats = new Float32Array(this.#words.buffer)
  readonly #groups = new Map<string, GPUBindGroup>()
  #slot = 0
  #encoder: GPUCommandEncoder | undefined
  #pass: GPUComputePassEncoder | undefined

  constructor(device: GPUDevice) {
    this.#device = device
    this.#uniforms = device.createBuffer({ size: SLOTS * SLOT_BYTES, usage: 0x40 | 0x08 }) // UNIFORM | COPY_DST
  }

  /** Records one dispatch of a program. */
  dispatch(program: Program, buffers: readonly PooledBuffer[], params: readonly number[], groups: readonly number[]) {
    const [x, y = 1, z = 1] = groups
    const offset = this.#writeParams(program.types, params)
    for (const buffer of buffers) buffer.usedIn = this.serial
    this.#pass ??= this.#commands().beginComputePass()
    this.#pass.setPipeline(program.pipeline)
    this.#pass.setBindGroup(0, this.#groupOf(program, buffers), [offset])
    this.#pass.dispatchWorkgroups(x, y, z)
    this.dispatches++
    if (this.#slot === SLOTS) this.submit()
  }

  /** Records that a buffer is filled with zeros. */
  clear(buffer: PooledBuffer): void {
    buffer.usedIn = this.serial
    this.#endPass().clearBuffer(buffer.gpu)
  }

  /** Records a copy of the first bytes of a buffer. */
  copy(from: PooledBuffer, to: GPUBuffer, bytes: number): void {
    from.usedIn = this.serial
    this.#endPass().copyBufferToBuffer(from.gpu, 0, to, 0, bytes)
  }

  /** Hands everything that was recorded to the GPU. */
  submit(): void {
    if (!this.#encoder) return
    this.#endPass()
    // The parameters of the previous submission are no longer needed when this write takes place: it is queued as well.
    if (this.#slot > 0) this.#device.queue.writeBuffer(this.#uniforms, 0, this.#words, 0, (this.#slot * SLOT_BYTES) / 4)
    this.#device.queue.submit([this.#encoder.finish()])
    this.#encoder = undefined
    this.#slot = 0
    this.serial++
    this.submissions++
  }

  /** Forgets which buffers are bound together, after some were destroyed. */
  forgetGroups(): void {
    this.#groups.clear()
  }

  #commands(): GPUCommandEncoder {
    this.#encoder ??= this.#device.createCommandEncoder()
    return this.#encoder
  }

  #endPass(): GPUCommandEncoder {
    this.#pass?.end()
    this.#pass = undefined
    return this.#commands()
  }

  /** Writes the parameters of a dispatch where the GPU will find them; returns the offset in bytes. */
  #writeParams(types: readonly ParamType[], params: readonly number[]): number {
    const offset = this.#slot * SLOT_BYTES
    for (let i = 0; i < types.length; i++) {
      const words = types[i] === 'f32' ? this.#floats : this.#words
      words[offset / 4 + i] = params[i]
    }
    this.#slot++
    return offset
  }

  #groupOf({ layout }: Program, buffers: readonly PooledBuffer[]): GPUBindGroup {
    let key = `${layout.id}`
    for (const buffer of buffers) key += `,${buffer.id}`
    const known = this.#groups.get(key)
    if (known) return known
    if (this.#groups.size === MOST_GROUPS) this.#groups.clear()
    const entries: GPUBindGroupEntry[] = buffers.map(({ gpu }, binding) => ({ binding, resource: { buffer: gpu } }))
    entries.push({ binding: buffers.length, resource: { buffer: this.#uniforms, size: SLOT_BYTES } })
    const group = this.#device.createBindGroup({ layout: layout.bindings, entries })
    this.#groups.set(key, group)
    return group
  }
}
