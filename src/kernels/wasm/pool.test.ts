import { execFile, execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import type { Worker } from 'node:worker_threads'
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest'
import { OptionError, UnrolledError } from '../../core/errors.js'
import { Generator } from '../../core/random.js'
import { type CellKind, cells } from '../../device/cells.js'
import type { Kernels } from '../../device/device.js'
import { closeGate, loadInside, newGate } from '../../platform/node/gate.js'
import { blasKernels, selectKernels, wasmKernels } from '../index.js'
import { type Engine, loadEngine } from './compile.js'
import { matmul } from './matmul.js'

afterEach(() => {
  vi.unstubAllGlobals()
})

/** Everything that one layer's forward and backward pass give, as bytes. */
function passes(kernels: Kernels, cell: CellKind, seed: number): Buffer {
  const generator = new Generator(seed)
  const random = (length: number) => Float32Array.from({ length }, () => generator.normal() / 4)
  const [numSteps, batchSize, inputSize, hiddenSize] = [9, 37, 11, 45]
  const gates = cells[cell].gates.length * hiddenSize
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
      for (let i = 0; i < 8; i++) expect(passes(kernels, cell, 71).equals(alone)).toBe(true)
    }
    expect(passes(wasmKernels({ threads: 1 }), cell, 72).equals(alone)).toBe(false)
  })

  test('more threads than there is work for do no harm', () => {
    expect(passes(wasmKernels({ threads: 13 }), 'lstm', 73)).toEqual(passes(wasmKernels({ threads: 1 }), 'lstm', 73))
  })

  test('BLAS too gives the same bits each time, for the same threads', ({ skip }) => {
    const kernels = blasKernels({ threads: 2 }) ?? skip('no BLAS on this machine')
    const first = passes(kernels, 'gru', 75)
    for (let i = 0; i < 8; i++) expect(passes(kernels, 'gru', 75).equals(first)).toBe(true)
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

  const workerOf = ({ pool }: Engine) => pool.workers[0] as Worker

  test('at rest: an error at the next work, and the work after that goes on', async () => {
    const engine = loadEngine({ threads: 3 })
    multiply(engine)
    expect(engine.pool.workers.length).toBe(2)
    await workerOf(engine).terminate()
    expect(() => multiply(engine)).toThrow(UnrolledError)
    multiply(engine)
    engine.pool.stop()
  })

  test('at work: an error or the right result, and no hang', async () => {
    for (let i = 0; i < 10; i++) {
      const engine = loadEngine({ threads: 2 })
      multiply(engine)
      await new Promise((resolve) => setTimeout(resolve, 3 * i))
      const death = workerOf(engine).terminate()
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
// The limit is there for a process that hangs, and no busy machine needs so long.
const output = (script: string) =>
  execFileSync(process.execPath, ['--input-type=module', '--eval', script], { timeout: 100_000, encoding: 'utf8' })

test('a process ends by itself, whatever its threads do', () => {
  for (const end of ['', 'process.exit(0)', 'setTimeout(() => {}, 20)']) {
    expect(output(passThrough('wasm', 3) + end)).toBe('worked\n')
  }
})

test('a process may end while its threads still load the BLAS', ({ skip }) => {
  if (!blasKernels()) skip('no BLAS on this machine')
  // With so many threads, some always do.
  for (const end of ['', 'process.exit(0)', 'setTimeout(() => {}, 40)']) {
    expect(output(passThrough('blas', 12) + end)).toBe('worked\n')
  }
})

test('a thread of a program may be terminated just after its first work', () => {
  // Its own workers end with it: with a BLAS, some would still be loading it, which aborts the process.
  const script = `
    import { Worker } from 'node:worker_threads'
    const work = \`
      import('node:worker_threads').then(async ({ parentPort }) => {
        const { kernels, randn, RNN, selectKernels } = await import(${library})
        selectKernels('auto', { threads: 8 })
        new RNN({ inputSize: 8, hiddenSize: 64 }).forward(randn([2, 64, 8])).output.sum().backward()
        parentPort.postMessage(kernels().name)
      })\`
    const names = new Set()
    for (let i = 0; i < 8; i++) {
      const worker = new Worker(work, { eval: true })
      names.add(await new Promise((resolve) => worker.once('message', resolve)))
      await worker.terminate()
    }
    console.log(...names)`
  expect(output(script)).toMatch(/^wasm-\S+\n$/)
})

describe('a worker that loads koffi', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'unrolled-pool-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  const engine = JSON.stringify(pathToFileURL(path.resolve('dist/kernels/wasm/compile.js')).href)
  const product = JSON.stringify(pathToFileURL(path.resolve('dist/kernels/wasm/matmul.js')).href)
  const koffi = path.join(folder, 'koffi.cjs')

  test('has its time, however long it takes: the process ends afterwards', async () => {
    // Stands for a koffi that is slow, as on a busy machine; ending its thread while it loads would end the process.
    writeFileSync(
      koffi,
      `const fs = require('node:fs')
      exports.address = () => 0n
      exports.load = () => {
        fs.writeFileSync(process.env.BEGAN, '')
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3000)
        fs.writeSync(1, 'loaded\\n')
        return { func: () => () => undefined }
      }`,
    )
    const script = `
      import { existsSync } from 'node:fs'
      import { loadEngine } from ${engine}
      import { matmul } from ${product}
      const files = { koffi: ${JSON.stringify(koffi)}, library: 'libblas' }
      const engine = loadEngine({ threads: 2, blas: { files, bind: () => () => undefined } })
      const [a, b] = [new Float32Array(64 * 256), new Float32Array(256 * 96)]
      matmul(engine, a, b, new Float32Array(64 * 96), { m: 64, n: 96, k: 256 })
      while (!existsSync(process.env.BEGAN)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10)
      console.log('ends')`
    const ended = async (end: string, began: number) => {
      const args = ['--input-type=module', '--eval', `${script}\n${end}`]
      const env = { ...process.env, BEGAN: path.join(folder, `began ${began}`) }
      return (await promisify(execFile)(process.execPath, args, { timeout: 100_000, env })).stdout
    }
    const both = await Promise.all(['process.exit(0)', 'engine.pool.stop()'].map(ended))
    expect(both).toEqual(['ends\nloaded\n', 'ends\nloaded\n'])
  })

  test('is kept from it once its pool is about to end', () => {
    const gate = newGate()
    expect(loadInside(gate, () => 'loaded')).toBe('loaded')
    closeGate(gate)
    expect(loadInside(gate, () => 'loaded')).toBeUndefined()
    // Nobody is inside, so that closing again waits for nobody.
    closeGate(gate)
  })

  test('and fails takes no work, and one line says why', () => {
    writeFileSync(koffi, `throw new Error('no such library')`)
    const script = `
      import { loadEngine } from ${engine}
      import { matmul } from ${product}
      console.warn = console.log
      const files = { koffi: ${JSON.stringify(koffi)}, library: 'libblas' }
      const engine = loadEngine({ threads: 3, blas: { files, bind: () => () => undefined } })
      const [a, b] = [new Float32Array(64 * 256).fill(1), new Float32Array(256 * 96).fill(2)]
      const y = new Float32Array(64 * 96)
      matmul(engine, a, b, y, { m: 64, n: 96, k: 256 })
      const alive = setInterval(() => {}, 1000)
      await Promise.all(engine.pool.workers.map((worker) => new Promise((resolve) => worker.on('exit', resolve))))
      matmul(engine, a, b, y.fill(0), { m: 64, n: 96, k: 256 })
      clearInterval(alive)
      console.log(y.every((value) => value === 512))`
    expect(output(script)).toBe('kernels: 2 of 3 threads do the work (no such library)\ntrue\n')
  })
})

describe.skipIf(process.platform !== 'linux')('a process whose limits leave no room for 256 threads', () => {
  const limited = (limit: string) => {
    const node = `"$1" --input-type=module --eval "$2" 2>&1`
    // An error is said in its own words, without the stack.
    const script = `process.on('uncaughtException', (error) => console.log(error.name + ': ' + error.message))
      ${passThrough('wasm', 256)}`
    return execFileSync('bash', ['-c', `ulimit ${limit}; ${node}`, 'bash', process.execPath, script], {
      timeout: 100_000,
      encoding: 'utf8',
    }).split('\n')
  }

  test.each([
    ['-v 20000000', /^kernels: \d+ of 256 threads do the work \(address space, ulimit -v\)$/],
    ['-v 13000000', /^kernels: \d+ of 256 threads do the work \(address space, ulimit -v\)$/],
    ['-n 200', /^kernels: \d+ of 256 threads do the work \(open files, ulimit -n\)$/],
  ])('ulimit %s: works on fewer, and one line says why', (limit, line) => {
    expect(limited(limit)).toEqual([expect.stringMatching(line), 'worked', ''])
  })

  test.each(['-v 5000000', '-v 8000000'])('ulimit %s: too little for shared memory, told in a sentence', (limit) => {
    // Later versions of Node do with less memory than Node 20, and may work on one thread or a few.
    expect(limited(limit).join('\n')).toMatch(
      /^(UnrolledError: kernels: the address space of this process has no room for .*|kernels: \d of 256 threads do the work \(.*\)\nworked)\n$/,
    )
  })
})
