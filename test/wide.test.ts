import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { compileKernels } from '../scripts/kernels.mjs'
import { paired } from '../scripts/pairs.mjs'
import { trainedBits } from './trained-bits.mjs'

// The kernels for vectors of 256 bits: their bits, and whether V8 merges pairs of vectors into such vectors in all of them.

/** A Node whose V8 merges vectors: this one, or the one that UNROLLED_NODE24 names. */
const merging = Number.parseInt(process.versions.node, 10) >= 24 ? process.execPath : process.env.UNROLLED_NODE24
if (!merging) console.log('UNROLLED_NODE24 does not name a Node of version 24 or later: merged vectors are not tested')

const folder = mkdtempSync(path.join(tmpdir(), 'unrolled-wide-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test.each([1, 2])('training on %i threads has the bits of the kernels of 128 bits', async (threads) => {
  const bits = await trainedBits('simd-256', threads)
  expect(bits).toMatch(/^[0-9a-f]{64}( [0-9a-f]{64}){7}$/)
  expect(bits).toBe(await trainedBits('relaxed-simd', threads))
})

describe.runIf(merging)('where V8 merges vectors', () => {
  const run = (flags: string[], script: string) =>
    execFileSync(merging!, [...flags, '--input-type=module', '--eval', script], {
      encoding: 'utf8',
      maxBuffer: 2 ** 30,
    })

  test('they are the kernels by default on a processor with AVX2, and the environment chooses others', () => {
    const script = `import { wasmKernels } from '${path.resolve('dist/node.js')}'; console.log(wasmKernels().name)`
    const named = (setting: string) =>
      execFileSync(merging!, ['--input-type=module', '--eval', script], {
        encoding: 'utf8',
        env: { ...process.env, UNROLLED_SIMD: setting },
      }).trim()
    expect(named('')).toMatch(process.arch === 'x64' ? /^wasm-(simd-256|relaxed-simd)$/ : /^wasm-relaxed-simd$/)
    expect(named('relaxed-simd')).toBe('wasm-relaxed-simd')
    expect(named('simd')).toBe('wasm-simd')
  })

  test('training has the bits of the kernels of 128 bits, after V8 has compiled everything for speed', async () => {
    const module = JSON.stringify(path.resolve('test/trained-bits.mjs'))
    const script = `import { trainedBits } from ${module}; console.log(await trainedBits('simd-256', 2, 150))`
    // A budget of 1 makes V8 compile for speed after the first call.
    expect(run(['--wasm-tiering-budget=1'], script).trim()).toBe(await trainedBits('relaxed-simd', 2, 150))
  })

  /** What V8 says that merging saves and costs, by function; functions of which it says nothing are not merged. */
  const merged = new Map<string, boolean>()
  beforeAll(async () => {
    const file = path.join(folder, 'kernels.wasm')
    writeFileSync(file, await compileKernels('wide', true))
    const flags = ['--experimental-wasm-revectorize', '--trace-wasm-revectorize', '--no-liftoff']
    flags.push('--no-wasm-lazy-compilation', '--wasm-num-compilation-tasks=1')
    const script = `import { readFileSync } from 'node:fs'; new WebAssembly.Module(readFileSync(${JSON.stringify(file)}))`
    for (const part of run(flags, script).split('Begin revec function assembly/').slice(1)) {
      const [, saved, cost] = /Save: (\d+), cost: (\d+)/.exec(part) ?? []
      merged.set(/^\S+/.exec(part)![0], Number(saved) > Number(cost))
    }
  })

  test.each([
    // These are the products: recurrent steps and inputs, weight gradients, and single rows.
    'matmul/multiply',
    'matmul/multiplyTransposed',
    'matmul/multiplyVector',
    // These are the gates of the cells. What has a single caller is a part of it.
    'lstm/lstm',
    'lstm/lstmBackward',
    'gru/gru',
    'gru/gruBackward',
    'minimal/chunkGates',
    'minimal/chunkBackward',
    'minimal/minimalStates',
    'minimal/minimalGradients',
    'layer/nextState',
    'layer/activateBackward',
    'gradients/gradients',
    ...['exp', 'log', 'tanh', 'sigmoid', 'relu', 'sqrt', 'abs'].map((name) => `elementwise/${name}`),
    ...['add', 'sub', 'mul', 'div', 'tanhGrad', 'sigmoidGrad', 'reluGrad'].map((name) => `elementwise/${name}`),
    // These are the exponentials of softmax, of its logarithm, and of cross entropy.
    'softmax/expRow',
    // These are the optimizers; SGD and Adam have a single caller.
    'pieces/piece',
    'update/rmsprop',
    'update/average',
    'panels/tokenRows',
    'panels/scatterTokenRows',
    'panels/sumRows',
    'panels/clearPadding',
    'random/uniform',
    'random/mask',
  ])('%s has vectors of 256 bits', (name) => {
    expect(merged.get(name)).toBe(true)
  })
})

describe('loops over two vectors', () => {
  test('load everything before they store anything, and leave a last single vector to the loop as it was', () => {
    const loop = [
      '  for (const end = x + bytes(length); x < end; x += 16, y += 16) {',
      '    const a = v128.load(x);',
      '    v128.store(y, f(a));',
      '  }',
    ].join('\n')
    const lines = paired(loop)
      .split('\n')
      .map((line) => line.trim())
    expect(lines).toEqual([
      'const end = x + bytes(length);',
      'for (; x + 16 < end; x += 32, y += 32) {',
      'const a = v128.load(x), aNext = v128.load(x + 16);',
      'const stored1 = f(a), stored1Next = f(aNext);',
      'v128.store(y, stored1); v128.store(y + 16, stored1Next);',
      '}',
      'for (; x < end; x += 16, y += 16) {',
      'const a = v128.load(x);',
      'v128.store(y, f(a));',
      '}',
    ])
  })

  test('a statement that is not understood is refused', () => {
    const loop = 'for (const end = x + bytes(length); x < end; x += 16) call(x);'
    expect(() => paired(loop)).toThrow('expected a constant or a store, one on each line, not call(x);')
  })
})
