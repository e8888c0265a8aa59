import { LINE, teamFields } from './from-assembly.js'
import type { Allocate } from './linear-memory.js'
import { type Pool, SILENCE } from './pool.js'

const [SLOW, SILENT, FAILED] = (['slow', 'silence', 'failed'] as const).map((field) => teamFields.indexOf(field))

/** Milliseconds without a team after one that had to wait for a processor, which takes a few: at first, and at most. */
const [SHORTEST, LONGEST] = [100, 10_000]

/**
 * Threads that go through time together, meeting after each step (see assembly/team.ts). While other programs keep the
 * processors busy, or there are more threads than processors, a meeting takes longer than the work: so one thread works
 * alone for a while, each time for longer.
 */
export class Teams {
  #restsUntil = 0
  #rest = 0

  constructor(readonly pool: Pool) {}

  /** The address of a team of at most `shares` members. */
  make(allocate: Allocate, shares: number): number {
    const length = ((shares + 1) * LINE) / 4
    const address = this.pool.memory.zero(allocate(length), length)
    this.pool.memory.ints[address / 4 + SILENT] = SILENCE
    return address
  }

  /** @throws UnrolledError where a thread has died */
  run(kind: 'forwardTogether' | 'backwardTogether', plan: number, team: number, shares: number): void {
    const alone = performance.now() < this.#restsUntil
    this.pool.run(kind, plan, alone ? 1 : shares)
    if (alone) return
    const { ints } = this.pool.memory
    if (ints[team / 4 + FAILED]) this.pool.fail()
    const slow = ints[team / 4 + SLOW] !== 0
    this.#rest = slow ? Math.min(Math.max(2 * this.#rest, SHORTEST), LONGEST) : this.#rest / 2
    if (slow) this.#restsUntil = performance.now() + this.#rest
  }
}
