import { describe, expect, test } from 'vitest'
import { UnrolledError } from '../../core/errors.js'
import { Generator } from '../../core/random.js'
import { LinearMemory } from './linear-memory.js'

/** Fills a block with a number of its own, so that any overlap is seen. */
const mark = (memory: LinearMemory, address: number, length: number, value: number) =>
  memory.floats.fill(value, address / 4, address / 4 + length)

describe.each([true, false])('the linear memory, shared: %s', (shared) => {
  test('blocks are aligned to vectors of 16 bytes, beyond the constants at its beginning', () => {
    const memory = new LinearMemory(shared)
    memory.startAt(1084)
    for (let length = 1; length <= 300; length++) {
      const address = memory.allocate(length)
      expect(address % 16).toBe(0)
      expect(address).toBeGreaterThanOrEqual(1084)
    }
  })

  test('live blocks never overlap, whatever was freed before and however the memory grew', () => {
    const memory = new LinearMemory(shared)
    const generator = new Generator(1)
    const live = new Map<number, { length: number; value: number }>()
    for (let value = 1; value <= 3000; value++) {
      if (live.size > 40 || (live.size > 0 && generator.integer(3) === 0)) {
        const [address, block] = [...live][generator.integer(live.size)]
        const values = memory.read(address, block.length)
        expect(values.every((x) => x === block.value)).toBe(true)
        memory.free(address)
        live.delete(address)
      } else {
        const length = 1 + generator.integer(generator.integer(10) === 0 ? 50_000 : 200)
        const address = memory.allocate(length)
        expect(live.has(address)).toBe(false)
        live.set(address, { length, value })
        mark(memory, address, length, value)
      }
    }
    for (const [address, { length, value }] of live) {
      expect(memory.read(address, length).every((x) => x === value)).toBe(true)
    }
  })

  test('freed blocks are used again, so that the same requests leave the memory as large as it was', () => {
    const memory = new LinearMemory(shared)
    const lengths = [1, 7, 64, 65, 1000, 5000, 100_000]
    const round = () => {
      const addresses = lengths.map((length) => memory.allocate(length))
      for (const address of addresses) memory.free(address)
      return addresses
    }
    const first = round()
    const { bytes } = memory
    for (let i = 0; i < 1000; i++) expect(round()).toEqual(first)
    expect(memory.bytes).toBe(bytes)
  })

  test('a block that is freed twice is given out once', () => {
    const memory = new LinearMemory(shared)
    const address = memory.allocate(10)
    memory.free(address)
    memory.free(address)
    expect(memory.allocate(10)).not.toBe(memory.allocate(10))
  })

  test('a scope frees its blocks, also where it ends in an error', () => {
    const memory = new LinearMemory(shared)
    const inside = memory.scope((allocate) => allocate(100))
    expect(() =>
      memory.scope((allocate) => {
        expect(allocate(100)).toBe(inside)
        throw new Error('inside')
      }),
    ).toThrow('inside')
    expect(memory.allocate(100)).toBe(inside)
    expect(memory.allocate(100)).not.toBe(inside)
  })

  test('values come out as they went in: few or many, floats and whole numbers, zeros where asked for', () => {
    const memory = new LinearMemory(shared)
    for (const length of [1, 63, 64, 65, 1000]) {
      const values = Float32Array.from({ length }, (_, i) => i + 0.5)
      const [address, after] = [memory.allocate(length), memory.allocate(1)]
      mark(memory, after, 1, -1)
      memory.write(address, values)
      expect(memory.read(address, length)).toEqual(values)
      const copy = new Float32Array(length)
      memory.copyOut(address, copy)
      expect(copy).toEqual(values)
      memory.write(address, Int32Array.of(-7))
      expect(memory.ints[address / 4]).toBe(-7)
      memory.zero(address, length)
      expect(memory.read(address, length)).toEqual(new Float32Array(length))
      expect(memory.read(after, 1)).toEqual(Float32Array.of(-1))
    }
  })

  test('more than 4 GB: a sentence, and the memory goes on', () => {
    const memory = new LinearMemory(shared)
    const address = memory.allocate(10)
    mark(memory, address, 10, 3)
    expect(() => memory.allocate(2 ** 30)).toThrow(UnrolledError)
    expect(() => memory.allocate(2 ** 30)).toThrow('4097 MB of memory are needed')
    expect(memory.read(address, 10)).toEqual(new Float32Array(10).fill(3))
    mark(memory, memory.allocate(10), 10, 4)
    expect(memory.read(address, 10)).toEqual(new Float32Array(10).fill(3))
  })
})

test('what did not fit gives back what it had taken', () => {
  const memory = new LinearMemory(false)
  const one = memory.allocate(100)
  expect(() =>
    memory.keep((allocate) => {
      allocate(1000)
      allocate(2 ** 30)
    }),
  ).toThrow('MB of memory are needed')
  expect(() =>
    memory.scope((allocate) => {
      allocate(5000)
      allocate(2 ** 30)
    }),
  ).toThrow('MB of memory are needed')
  // The blocks are free again: the next ones of their sizes are where they were.
  const before = memory.bytes
  const { made, free } = memory.keep((allocate) => [allocate(1000), allocate(5000)])
  expect(new Set([one, ...made]).size).toBe(3)
  expect(memory.bytes).toBe(before)
  free()
  expect(memory.allocate(1000)).toBe(made[0])
})

test('memory grows by what is missing where there is no room for more', ({ skip }) => {
  try {
    new WebAssembly.Memory({ initial: 60_000 })
  } catch {
    skip('this system does not give 3.75 GB')
  }
  const memory = new LinearMemory(false)
  memory.allocate(3 * 2 ** 28)
  // An eighth more than these 3.75 GB would be beyond the 4 GB that 32 bits can address.
  memory.allocate(3 * 2 ** 26)
  expect(memory.bytes).toBeGreaterThanOrEqual(3.75 * 2 ** 30)
})
