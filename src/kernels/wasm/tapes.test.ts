import { describe, expect, test } from 'vitest'
import { Generator } from '../../core/random.js'
import { LinearMemory } from './linear-memory.js'
import { Tapes } from './tapes.js'

/** 64 MB: four of them are as much as may wait inside the memory. */
const LENGTH = 2 ** 24

/** A tape of `length` values, all of them `value`. */
function keep(tapes: Tapes, memory: LinearMemory, length: number, value: number) {
  const address = memory.allocate(length)
  memory.floats.fill(value, address / 4, address / 4 + length)
  return tapes.keep(address, length)
}

/** Whether the block at `address` holds `value` at its ends and in its middle. */
const holds = (memory: LinearMemory, address: number, length: number, value: number) =>
  [0, 1, length >> 1, length - 1].every((i) => memory.floats[address / 4 + i] === value)

describe('tapes', () => {
  test('keep their values, each its own, also where the oldest had to leave the memory', () => {
    const memory = new LinearMemory(false)
    const tapes = new Tapes(memory)
    const kept = Array.from({ length: 7 }, (_, i) => keep(tapes, memory, LENGTH, i + 1))
    // Seven tapes are 448 MB, of which 256 may stay, and the newest is made before the oldest goes.
    expect(memory.bytes).toBeLessThan(400 * 2 ** 20)
    // What a block holds after it was freed must not pass for what was spilled from it.
    const stale = memory.allocate(LENGTH)
    memory.floats.fill(-1, stale / 4, stale / 4 + LENGTH)
    memory.free(stale)
    for (const [i, tape] of kept.entries()) {
      const address = tape.take()
      expect(holds(memory, address, LENGTH, i + 1), `tape ${i}`).toBe(true)
      // Taking it again, as when a backward pass is tried anew, gives the same.
      expect(tape.take()).toBe(address)
      tape.free()
    }
  })

  test('give their blocks back once they are free, and only once', () => {
    const memory = new LinearMemory(false)
    const tapes = new Tapes(memory)
    const tape = keep(tapes, memory, 100, 5)
    const address = tape.take()
    tape.free()
    expect(memory.allocate(100)).toBe(address)
    tape.free()
  })

  test('that were freed no longer count: as many as fit stay where they are', () => {
    const memory = new LinearMemory(false)
    const tapes = new Tapes(memory)
    for (let i = 0; i < 8; i++) keep(tapes, memory, LENGTH, i).free()
    const address = memory.allocate(LENGTH)
    const first = tapes.keep(address, LENGTH)
    keep(tapes, memory, LENGTH, 2)
    // A tape that had left the memory would come back without this change.
    memory.floats[address / 4] = 9
    expect(memory.floats[first.take() / 4]).toBe(9)
  })

  test('random passes, of which some never come back, stay within the budget and lose nothing', () => {
    const memory = new LinearMemory(false)
    const tapes = new Tapes(memory)
    const generator = new Generator(2)
    const live: { tape: ReturnType<typeof keep>; value: number }[] = []
    for (let value = 1; value <= 20; value++) {
      live.push({ tape: keep(tapes, memory, LENGTH, value), value })
      if (live.length > 6) {
        const [{ tape, value }] = live.splice(generator.integer(live.length), 1)
        expect(holds(memory, tape.take(), LENGTH, value)).toBe(true)
        tape.free()
      }
      expect(memory.bytes).toBeLessThan(460 * 2 ** 20)
    }
  })
})
