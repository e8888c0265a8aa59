import { execFileSync } from 'node:child_process'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { OptionError, UnrolledError } from '../../core/errors.js'
import { Generator } from '../../core/random.js'
import { blasKernels, selectKernels, wasmKernels } from '../index.js'
import { type CellKind, gatesOf, type Kernels } from '../kernels.js'
import { matmul } from './matmul.js'
import { type Engine, loadEngine } from './module.js'

afterEach(() => {
  vi.unstubAllGlobals()
})

/** Everything that one layer's forward and backward pass give, as bytes. */
function passes(kernels: Kernels, cell: CellKind, seed: number): Buffer {
  const generator = new Generator(seed)
  const random = (length: number) => Float32Array.from({ length }, () => generator.normal() / 4)
  const [numSteps, batchSize, inputSize, hiddenSize] = [9, 37, 11, 45]
  const gates = gatesOf[cell] * hiddenSize
  const weights = {
    weightIh: random(gates * inputSize),
    weightHh: random(gates * hiddenSize),
    biasIh: random(gates),
    biasHh: random(gates),
  }
  const sizes = { cell, numSteps, batchSize, inputSize, hiddenSize, reverse: false }
  const input = random(numSteps * batchSize * inputSize)
  const { result, tape } = kernels.recurrent(sizes, weights, { input }, true)
  const output = random(numSteps * batchSize * hiddenSize)
  const grads = tape!.backward({ output }, { input: true, state: true })
  const head = { weight: random(70 * hiddenSize), bias: random(70) }
  const scored = kernels.recurrent(sizes, { ...weights, head }, { input }, true)
  const scores = random(numSteps * batchSize * 70)
  const { head: dHead, ...dLayer } = scored.tape!.backward({ output: scores }, { input: true, state: true })
  const y = new Float32Array(batchSize * hiddenSize)
  kernels.matmul(input, weights.weightIh, y, { m: batchSize, n: hiddenSize, k: inputSize })
  const all = [result, grads, scored.result, dLayer, dHead!, { y }].flatMap((part) => Object.values(part))
  const arrays = all.filter((array) => array !== undefined)
  return Buffer.concat(arrays.map((array) => Buffer.from(array.buffer, array.byteOffset, array.byteLength)))
}

describe('threads', () => {
  test.each<CellKind>(['rnn_tanh', 'gru', 'lstm'])('%s: the same bits on 1, 2, 3 and 4 threads', (cell) => {
    const alone = passes(wasmKernels({ threads: 1 }), cell, 71)
    for (const threads of [2, 3, 4]) {
      const kernels = wasmKernels({ threads })
      // Threads come one by one, and take what pieces they find; the bits must not depend on it.
      for (let i = 0; i < 20; i++) expect(passes(kernels, cell, 71).equals(alone)).toBe(true)
    }
    expect(passes(wasmKernels({ threads: 1 }), cell, 72).equals(alone)).toBe(false)
  })

  test('more threads than there is work for do no harm', () => {
    expect(passes(wasmKernels({ threads: 13 }), 'lstm', 73)).toEqual(passes(wasmKernels({ threads: 1 }), 'lstm', 73))
  })

  test('BLAS too gives the same bits each time, for the same threads', () => {
    const kernels = blasKernels({ threads: 2 })
    if (!kernels) return console.log('no BLAS on this machine: its threads are not tested')
    const first = passes(kernels, 'gru', 75)
    for (let i = 0; i < 20; i++) expect(passes(kernels, 'gru', 75).equals(first)).toBe(true)
  })

  test('without shared memory: one thread, the same bits', () => {
    const shared = passes(wasmKernels({ threads: 2 }), 'lstm', 76)
    vi.stubGlobal('SharedArrayBuffer', undefined)
    const kernels = wasmKernels({ threads: 2 })
    expect(kernels.threads).toBe(1)
    expect(passes(kernels, 'lstm', 76).equals(shared)).toBe(true)
    expect(blasKernels()).toBeUndefined()
  })

  test('a number of threads that makes no sense: an OptionError', () => {
    for (const threads of [0, -1, 1.5, Number.NaN, 1e6]) expect(() => wasmKernels({ threads })).toThrow(OptionError)
    expect(() => selectKernels('wasm', { threads: 0 })).toThrow('threads is 0, expected a whole number from 1 to 256')
  })
})

describe('a worker that dies', () => {
  // A product large enough to be shared.
  const [m, n, k] = [64, 96, 256]
  const [a, b] = [new Float32Array(m * k).fill(1), new Float32Array(k * n).fill(2)]
  const multiply = (engine: Engine) => {
    const y = new Float32Array(m * n)
    matmul(engine, a, b, y, { m, n, k })
    expect(y.every((value) => value === 2 * k)).toBe(true)
  }

  test('at rest: an error at the next work, and the work after that goes on', async () => {
    const engine = loadEngine({ threads: 3 })
    multiply(engine)
    expect(engine.pool.workers.length).toBe(2)
    await engine.pool.workers[0].terminate()
    expect(() => multiply(engine)).toThrow(UnrolledError)
    multiply(engine)
    engine.pool.stop()
  })

  test('at work: an error or the right result, and no hang', async () => {
    for (let i = 0; i < 30; i++) {
      const engine = loadEngine({ threads: 2 })
      multiply(engine)
      await new Promise((resolve) => setTimeout(resolve, i))
      const death = engine.pool.workers[0].terminate()
      try {
        for (let j = 0; j < 50; j++) multiply(engine)
      } catch (error) {
        expect(error).toBeInstanceOf(UnrolledError)
      }
      await death
      engine.pool.stop()
    }
  })
})

const library = JSON.stringify(pathToFileURL(path.resolve('dist/index.js')).href)
const passThrough = (kernels: string, threads: number) => `
  import { randn, RNN, selectKernels } from ${library}
  selectKernels('${kernels}', { threads: ${threads} })
  new RNN({ inputSize: 8, hiddenSize: 64 }).forward(randn([2, 32, 8])).output.sum().backward()
  console.log('worked')
`
const output = (script: string) =>
  execFileSync(process.execPath, ['--input-type=module', '--eval', script], { timeout: 10_000, encoding: 'utf8' })

test('a process ends by itself, at once, whatever its threads do', () => {
  for (const end of ['', 'process.exit(0)', 'setTimeout(() => {}, 20)']) {
    expect(output(passThrough('wasm', 3) + end)).toBe('worked\n')
  }
})

test('a process may end while its threads still load the BLAS', () => {
  if (!blasKernels()) return console.log('no BLAS on this machine: its threads are not tested')
  // With so many threads, some always do.
  for (const end of ['', '', 'process.exit(0)', 'setTimeout(() => {}, 40)']) {
    expect(output(passThrough('blas', 32) + end)).toBe('worked\n')
  }
})
