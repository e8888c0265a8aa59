import { LINE, teamFields } from './from-assembly.js'
import type { Allocate } from './linear-memory.js'
import { type Pool, SILENCE } from './pool.js'

const [SLOW, SILENT, FAILED] = (['slow', 'silence', 'failed'] as const).map((field) => teamFields.indexOf(field))

/** Milliseconds without a team after one that had to wait for a processor, which takes a few. */
const REST = 100

/**
 * Threads that go through time together, meeting after each step (see assembly/team.ts). While other programs keep the
 * processors busy, a meeting takes longer than the work, so one thread works alone for a while.
 */
export class Teams {
  #restsUntil = 0

  constructor(readonly pool: Pool) {}

  /** The address of a team of at most `shares` members. */
  make(allocate: Allocate, shares: number): number {
    const length = ((shares + 1) * LINE) / 4
    const address = allocate(length)
    this.pool.memory.zero(address, length)
    this.pool.memory.ints[address / 4 + SILENT] = SILENCE
    return address
  }

  /** @throws UnrolledError where a thread has died */
  run(kind: 'forwardTogether' | 'backwardTogether', plan: number, team: number, shares: number): void {
    this.pool.run(kind, plan, performance.now() < this.#restsUntil ? 1 : shares)
    const { ints } = this.pool.memory
    if (ints[team / 4 + FAILED]) this.pool.fail()
    if (ints[team / 4 + SLOW]) this.#restsUntil = performance.now() + REST
  }
}
