import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

// The packed package is installed in an empty folder, as by a user. The tests need the dist/ that `npm test` builds.
const folder = mkdtempSync(path.join(tmpdir(), 'unrolled-package-'))
const app = path.join(folder, 'app')
let tarball = ''

const run = (command: string, args: string[], cwd: string) =>
  execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })

beforeAll(() => {
  const [packed] = JSON.parse(run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], '.'))
  tarball = path.join(folder, packed.filename)
  mkdirSync(app)
  writeFileSync(path.join(app, 'package.json'), JSON.stringify({ name: 'app', private: true, type: 'module' }))
  run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', tarball], app)
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('works from ESM without any other package', () => {
  writeFileSync(
    path.join(app, 'use.mjs'),
    `import { LSTM, RNNModel, kernels, predict, sequencesFromText, train } from 'unrolled'
const { data, vocab } = sequencesFromText('abcabcabc '.repeat(40), { batchSize: 4, numSteps: 5 })
const model = new RNNModel(new LSTM({ inputSize: vocab.size, hiddenSize: 8 }), vocab.size)
const { perplexity } = await train(model, data, vocab, { epochs: 3, report: 'silent' })
console.log(JSON.stringify({ perplexity, text: await predict('abc', 4, model, vocab), kernels: kernels().name }))`,
  )
  const result = JSON.parse(run(process.execPath, ['use.mjs'], app))
  expect(result.perplexity).toBeLessThan(6)
  expect(result.text).toMatch(/^abc.{4}$/)
  expect(result.kernels).toMatch(/^(wasm|blas)-/)
})

test('includes the documents that the README and the documents link to', () => {
  const linked = (file: string): string[] => {
    const links = [...readFileSync(file, 'utf8').matchAll(/\]\(([^)#]+)/g)].map(([, link]) => link)
    return links.filter((link) => !/^https?:/.test(link)).map((link) => path.join(path.dirname(file), link))
  }
  const readme = path.join(app, 'node_modules/unrolled/README.md')
  const found = new Set([readme])
  for (const file of found) if (file.endsWith('.md')) for (const link of linked(file)) found.add(link)
  expect(found.size).toBeGreaterThan(8)
  expect([...found].filter((file) => !existsSync(file))).toEqual([])
})

test('includes its types', () => {
  writeFileSync(
    path.join(app, 'use.ts'),
    `import { GRU, type LSTMState, LSTM, RNNModel, loadTimeMachine, tensor, type Tensor } from 'unrolled'
const gru: Tensor = new GRU({ inputSize: 3, hiddenSize: 4 }).beginState(2)
const lstm: LSTMState = new LSTM({ inputSize: 3, hiddenSize: 4 }).beginState(2)
const model: RNNModel<LSTMState> = new RNNModel(new LSTM({ inputSize: 3, hiddenSize: 4 }), 3)
// @ts-expect-error an LSTM's state is a pair
model.forward(tensor([[0]], { dtype: 'int32' }), gru)
export const used: unknown[] = [gru, lstm, model, loadTimeMachine]
`,
  )
  const tsc = path.resolve('node_modules/typescript/bin/tsc')
  const options = ['--noEmit', '--strict', '--target', 'es2022', '--module', 'nodenext', '--types', '', 'use.ts']
  expect(run(process.execPath, [tsc, ...options], app)).toBe('')
})

describe.each(['nodenext', 'bundler'])('with moduleResolution: %s', (moduleResolution) => {
  const module = moduleResolution === 'bundler' ? 'esnext' : 'nodenext'
  const options = ['--noEmit', '--strict', '--target', 'es2022', '--lib', 'es2023,dom', '--types', '']
  const compile = (file: string, ...others: string[]) => {
    const tsc = path.resolve('node_modules/typescript/bin/tsc')
    const sizes = ['--module', module, '--moduleResolution', moduleResolution]
    return spawnSync(process.execPath, [tsc, ...options, ...sizes, ...others, file], { cwd: app, encoding: 'utf8' })
      .stdout
  }

  test('the first snippet of the README compiles', () => {
    const snippet = readFileSync('README.md', 'utf8').match(/```ts\n([\s\S]*?)```/)![1]
    expect(snippet).toContain('loadTimeMachine')
    writeFileSync(path.join(app, 'snippet.mts'), snippet)
    expect(compile('snippet.mts')).toBe('')
  })

  test('a program for the browser does not see the names that only Node has', () => {
    writeFileSync(path.join(app, 'page.mts'), `export { LSTM, loadTimeMachine } from 'unrolled'\n`)
    const errors = compile('page.mts', '--customConditions', 'browser').match(/error TS.*/g)
    // TypeScript always uses the Node entry under nodenext.
    if (moduleResolution === 'nodenext') expect(errors).toBeNull()
    else expect(errors).toEqual([expect.stringContaining("no exported member 'loadTimeMachine'")])
  })
})

test('installs the command', () => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8'))
  expect(run(path.join(app, 'node_modules/.bin/unrolled'), ['--version'], app).trim()).toBe(version)
})

test('publint and are-the-types-wrong find nothing', () => {
  const bin = (name: string) => path.resolve('node_modules/.bin', name)
  expect(run(bin('publint'), [tarball, '--strict'], '.')).toContain('All good!')
  // The tool ends with an error if it finds a problem; the package declares that it is for ESM only.
  expect(run(bin('attw'), [tarball, '--profile', 'esm-only'], '.')).toContain('🟢 (ESM)')
})

test('importing it runs nothing: no kernel is compiled before the first use', () => {
  const script = `let compiled = 0
const { Module } = WebAssembly
WebAssembly.Module = class extends Module { constructor(bytes) { super(bytes); compiled++ } }
const { fromData } = await import('unrolled')
const before = compiled
fromData(new Float32Array(4), [2, 2]).matmul(fromData(new Float32Array(4), [2, 2]))
console.log(before, compiled)`
  expect(run(process.execPath, ['--input-type=module', '-e', script], app).trim()).toBe('0 1')
})
