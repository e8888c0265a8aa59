import type { LinearMemory } from './linear-memory.js'

/** Bytes of activations that may wait for their backward pass inside the linear memory. */
const BUDGET = 256 * 2 ** 20

/** Activations of one forward pass, from then until its backward pass. */
export interface Kept {
  /** The address of the activations; a spilled block is copied back first. */
  take(): number
  free(): void
}

/**
 * Keeps activations in the linear memory without anyone having to free them. Backward passes free theirs;
 * activations whose backward pass never comes are moved to the garbage-collected heap, oldest first.
 */
export class Tapes {
  readonly #waiting = new Set<Tape>()
  #bytes = 0

  constructor(readonly memory: LinearMemory) {}

  keep(address: number, length: number): Kept {
    const tape = new Tape(this.memory, address, length, () => {
      if (this.#waiting.delete(tape)) this.#bytes -= length * 4
    })
    this.#waiting.add(tape)
    this.#bytes += length * 4
    for (const oldest of this.#waiting) {
      if (this.#bytes <= BUDGET || oldest === tape) break
      oldest.spill()
    }
    return tape
  }
}

class Tape implements Kept {
  #spilled: Float32Array | undefined

  constructor(
    readonly memory: LinearMemory,
    private address: number,
    private readonly length: number,
    private readonly forget: () => void,
  ) {}

  take(): number {
    if (this.#spilled) {
      this.address = this.memory.allocate(this.length)
      this.memory.write(this.address, this.#spilled)
      this.#spilled = undefined
    }
    return this.address
  }

  spill(): void {
    this.#spilled = this.memory.read(this.address, this.length)
    this.free()
  }

  free(): void {
    this.memory.free(this.address)
    this.forget()
  }
}
