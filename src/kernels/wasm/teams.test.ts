import { afterEach, describe, expect, test, vi } from 'vitest'
import { UnrolledError } from '../../core/errors.js'
import { Generator } from '../../core/random.js'
import { type CellKind, cells } from '../../device/cells.js'
import { blasKernels } from '../index.js'
import { LINE, teamFields } from './from-assembly.js'
import { WasmKernels } from './wasm.js'

interface Case {
  cell: CellKind
  batchSize: number
  hiddenSize: number
  numSteps: number
  reverse?: boolean
  peepholes?: boolean
  normalized?: boolean
  lengths?: Int32Array
}

const made: WasmKernels[] = []
afterEach(() => {
  for (const { engine } of made.splice(0)) engine.pool.stop()
})

const withThreads = (threads: number) => watched(new WasmKernels({ threads }))

/** Kernels, the passes that teams did, and the most members that one has had. */
function watched(kernels: WasmKernels) {
  made.push(kernels)
  const { teams, memory } = kernels.engine
  const seen = { kernels, passes: 0, members: 0 }
  const run = teams.run.bind(teams)
  teams.run = (kind, plan, team, shares) => {
    run(kind, plan, team, shares)
    const hasDone = (member: number) => memory.ints[(team + (member + 1) * LINE) / 4] > 0
    const members = Array.from({ length: shares }, (_, member) => hasDone(member)).filter(Boolean).length
    seen.members = Math.max(seen.members, members)
    seen.passes++
  }
  return seen
}

/** Everything that a layer's passes give, over numbers and over tokens with scores on top, as bytes. */
function passes(kernels: WasmKernels, { peepholes, normalized, ...one }: Case): Buffer {
  const generator = new Generator(7)
  const random = (length: number) => Float32Array.from({ length }, () => generator.normal() / 16)
  const sizes = { reverse: false, inputSize: 21, ...one }
  const { numSteps, batchSize, inputSize, hiddenSize, cell } = sizes
  const [gates, rows, outFeatures] = [cells[cell].gates.length * hiddenSize, numSteps * batchSize, 30]
  const layer = {
    weightIh: random(gates * inputSize),
    weightHh: random(gates * hiddenSize),
    biasIh: random(gates),
    biasHh: random(gates),
    weightCh: peepholes ? random(3 * hiddenSize) : undefined,
    gainHh: normalized ? random(gates) : undefined,
  }
  const head = { weight: random(outFeatures * hiddenSize), bias: random(outFeatures) }
  const h0 = random(batchSize * hiddenSize)
  const states = { h0, c0: cell === 'lstm' ? random(batchSize * hiddenSize) : undefined }
  const numbers = kernels.recurrent(sizes, layer, { input: random(rows * inputSize), ...states }, true)
  const ofNumbers = numbers.tape!.backward({ output: random(rows * hiddenSize), hn: h0 }, { input: true, state: true })
  const tokens = Int32Array.from({ length: rows }, () => generator.integer(inputSize))
  const scored = kernels.recurrent(sizes, { ...layer, head }, { input: tokens }, true)
  const output = random(rows * outFeatures)
  const { head: ofHead, ...ofTokens } = scored.tape!.backward({ output }, { input: false, state: false })
  const all = [numbers.result, ofNumbers, scored.result, ofTokens, ofHead!].flatMap((part) => Object.values(part))
  const arrays: Float32Array[] = all.filter((array) => array !== undefined)
  return Buffer.concat(arrays.map((array) => Buffer.from(array.buffer, array.byteOffset, array.byteLength)))
}

const shared: [string, Case][] = [
  ['an RNN', { cell: 'rnn_tanh', batchSize: 1, hiddenSize: 250, numSteps: 48 }],
  ['an RNN with relu, backwards', { cell: 'rnn_relu', batchSize: 8, hiddenSize: 256, numSteps: 51, reverse: true }],
  ['a GRU', { cell: 'gru', batchSize: 1, hiddenSize: 150, numSteps: 49 }],
  ['a GRU, three sequences', { cell: 'gru', batchSize: 3, hiddenSize: 170, numSteps: 64 }],
  ['an LSTM, few steps', { cell: 'lstm', batchSize: 1, hiddenSize: 125, numSteps: 17 }],
  ['an LSTM with peepholes', { cell: 'lstm', batchSize: 7, hiddenSize: 130, numSteps: 50, peepholes: true }],
]
const alone: [string, Case][] = [
  ['a batch of several parts', { cell: 'gru', batchSize: 9, hiddenSize: 160, numSteps: 48 }],
  ['few steps', { cell: 'gru', batchSize: 1, hiddenSize: 160, numSteps: 15 }],
  ['a small layer', { cell: 'gru', batchSize: 1, hiddenSize: 32, numSteps: 48 }],
  ['layer normalization', { cell: 'gru', batchSize: 1, hiddenSize: 160, numSteps: 48, normalized: true }],
  ['unequal lengths', { cell: 'gru', batchSize: 2, hiddenSize: 160, numSteps: 48, lengths: Int32Array.of(48, 17) }],
]

describe('threads that share the units of a small batch', () => {
  test.each(shared)('%s: the same bits on 1, 2 and 3 threads, however many come', (_, one) => {
    const [single, ...others] = [1, 2, 3].map(withThreads)
    const expected = passes(single.kernels, one)
    expect(single.passes).toBe(0)
    for (const seen of others) {
      expect(passes(seen.kernels, one).equals(expected)).toBe(true)
      expect(seen.passes).toBeGreaterThan(0)
      // Threads come when the system wakes them up, so a team has members only after a while.
      for (let i = 0; i < 12 || seen.members < 2; i++) expect(passes(seen.kernels, one).equals(expected)).toBe(true)
    }
    expect(passes(single.kernels, { ...one, numSteps: one.numSteps + 1 }).equals(expected)).toBe(false)
  })

  test.each(alone)('%s: no team, the same bits', (_, one) => {
    const [single, double] = [1, 2].map(withThreads)
    expect(passes(double.kernels, one).equals(passes(single.kernels, one))).toBe(true)
    expect(double.passes).toBe(0)
  })

  test('with a BLAS: what a single thread computes without one', ({ skip }) => {
    const kernels = blasKernels({ threads: 2 }) ?? skip('no BLAS on this machine')
    const [single, seen] = [withThreads(1), watched(kernels as WasmKernels)]
    const floats = ({ buffer, byteOffset, length }: Buffer) =>
      new Float32Array(buffer.slice(byteOffset, byteOffset + length))
    for (const [name, one] of shared) {
      const expected = floats(passes(single.kernels, one))
      const got = floats(passes(seen.kernels, one))
      const largest = got.reduce((most, value, i) => Math.max(most, Math.abs(value - expected[i])), 0)
      expect(largest, name).toBeLessThan(1e-4)
      expect(
        got.some((value) => Math.abs(value) > 0.1),
        name,
      ).toBe(true)
    }
    expect(seen.passes).toBeGreaterThan(0)
  })

  test('a member that has died: an error instead of a hang, and the work after that goes on', () => {
    const { kernels } = withThreads(2)
    const { teams, memory } = kernels.engine
    const [, one] = shared[0]
    const expected = passes(kernels, one)
    const make = teams.make.bind(teams)
    const spy = vi.spyOn(teams, 'make').mockImplementation((allocate, shares) => {
      const team = make(allocate, shares)
      // Somebody has come as the one that leads, and is never heard of again.
      memory.ints[team / 4 + teamFields.indexOf('come')] = 1
      memory.ints[team / 4 + teamFields.indexOf('silence')] = 20
      return team
    })
    expect(() => passes(kernels, one)).toThrow(UnrolledError)
    spy.mockRestore()
    expect(passes(kernels, one).equals(expected)).toBe(true)
  })
})
