import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { webpacked } from './webpack.js'

// A program that trains with threads is bundled into one file and run from a folder far from any node_modules.
// The tests need the dist/ that `npm test` builds.
const folder = mkdtempSync(path.join(tmpdir(), 'unrolled-bundles-'))
const library = path.resolve('dist/node.js')
const entry = path.join(folder, 'program.js')
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Trains on the kernels that its arguments name, and prints for each the parameters' bits and how many workers are alive. */
const program = `
import { createHash } from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'
import threads from 'node:worker_threads'
import { findTimeMachine, kernels, LSTM, manualSeed, readText, RNNModel, selectKernels, sequencesFromText, SGD, trainSteps } from ${JSON.stringify(library)}

const workers = []
threads.Worker = class extends threads.Worker {
  constructor(...args) {
    super(...args)
    workers.push(this)
  }
}
syncBuiltinESMExports()
async function main() {
  const say = ({ name, message }) => console.log(name, message)
  if (process.argv[2] === 'book') return findTimeMachine({ cacheDir: 'nowhere' }).catch(say)
  if (process.argv[2] === 'pattern') return readText('*.txt').catch(say)
  for (const name of process.argv.slice(2)) await train(name)
}
async function train(name) {
  workers.length = 0
  manualSeed(3)
  selectKernels(name, { threads: 3 })
  const { data, vocab } = sequencesFromText('she sells sea shells '.repeat(60), { batchSize: 24, numSteps: 8 })
  const model = new RNNModel(new LSTM({ inputSize: vocab.size, hiddenSize: 20 }), vocab.size)
  let steps = 0
  for await (const event of trainSteps(model, data, { optimizer: new SGD(model.parameters(), { lr: 1 }), epochs: 3 })) {
    if (event.type === 'step') steps++
  }
  const alive = workers.filter(({ threadId }) => threadId > 0).length
  const hash = createHash('sha256')
  for (const { data } of model.parameters()) hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
  console.log(JSON.stringify({ kernels: kernels().name, steps, workers: alive, bits: hash.digest('hex') }))
}
main()
`

interface Outcome {
  kernels: string
  steps: number
  workers: number
  bits: string
}

/** What the program prints for each of these kernels, and what it writes to the standard error. */
function outcomes(file: string, kernels: readonly ('wasm' | 'auto' | 'blas')[], flags: string[] = []) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...flags, file, ...kernels], {
    cwd: path.dirname(file),
    encoding: 'utf8',
  })
  expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' })
  const lines = stdout.trimEnd().split('\n')
  return { all: lines.map((line) => JSON.parse(line) as Outcome), warnings: stderr }
}

type Format = 'esm' | 'cjs'

/** Each bundles `entry` into the file `to`. */
const bundlers: Record<string, (to: string, format: Format) => Promise<unknown>> = {
  esbuild: async (to, format) => {
    const { build } = await import('esbuild')
    return build({ entryPoints: [entry], outfile: to, bundle: true, platform: 'node', format, logLevel: 'error' })
  },
  // Vite bundles with rolldown.
  vite: async (to, format) => {
    const { build } = await import('vite')
    const [dir, name] = [path.dirname(to), path.basename(to)]
    const output = { format, entryFileNames: name, codeSplitting: false } as const
    return build({
      root: folder,
      configFile: false,
      logLevel: 'error',
      ssr: { noExternal: true },
      build: { ssr: entry, outDir: dir, emptyOutDir: false, rolldownOptions: { output } },
    })
  },
  webpack: async (to, format) => {
    const module = format === 'esm'
    await webpacked({
      mode: 'production',
      target: 'node20',
      context: folder,
      entry,
      experiments: { outputModule: module },
      output: { path: path.dirname(to), filename: path.basename(to), module, asyncChunks: false },
      // This takes longer than all else here: one of the two shows that the threads' program survives it, without the packages
      // that the program does not use.
      optimization: { minimize: module },
      externals: module ? [/^(@resvg|dejavu-fonts-ttf|gpt-tokenizer|h5wasm)/] : [],
      performance: { hints: false },
    })
  },
}

const cases = Object.keys(bundlers).flatMap((name) => (['esm', 'cjs'] as const).map((format) => ({ name, format })))

const kernels = ['wasm', 'auto'] as const
let unbundled: Outcome[]
beforeAll(() => {
  writeFileSync(path.join(folder, 'package.json'), '{"type":"module"}')
  writeFileSync(entry, program)
  const { all, warnings } = outcomes(entry, kernels)
  expect(warnings).toBe('')
  unbundled = all
}, 600_000)

test('the program that is not bundled trains with two workers', () => {
  expect(unbundled[0]).toMatchObject({ workers: 2 })
  expect(unbundled[0].steps).toBeGreaterThan(10)
})

describe.each(cases)('a program bundled by $name as $format', ({ name, format }) => {
  const away = path.join(folder, `${name}-${format}`)
  const file = path.join(away, format === 'esm' ? 'bundle.mjs' : 'bundle.cjs')
  beforeAll(async () => {
    mkdirSync(away)
    await bundlers[name](file, format)
  }, 600_000)

  test('trains with threads and the same kernels to the same bits, without a warning', () => {
    const { all, warnings } = outcomes(file, kernels)
    // A bundle does not find koffi everywhere: it is then as good as the program on the kernels in WebAssembly.
    expect(all).toEqual([unbundled[0], all[1].kernels.startsWith('blas') ? unbundled[1] : unbundled[0]])
    expect(warnings).toBe('')
  })
})

test.each([
  [
    'book',
    /^DataError findTimeMachine: no text was found \(offline, and this program lacks the package.*\); give the path/,
  ],
  ['pattern', /^DataError \*\.txt: patterns do not work in a program that esbuild bundled as CommonJS/],
])('an error in a full sentence says what a bundle cannot do: %s', (what, sentence) => {
  const file = path.join(folder, 'esbuild-cjs/bundle.cjs')
  const env = { ...process.env, UNROLLED_OFFLINE: '1', UNROLLED_DATA: '' }
  const { stdout, stderr } = spawnSync(process.execPath, [file, what], { cwd: folder, env, encoding: 'utf8' })
  expect(stderr).toBe('')
  expect(stdout).toMatch(sentence)
})

test('if threads are not allowed, one line says why and one thread does the work', () => {
  const flag = ['--permission', '--experimental-permission'].find((name) =>
    process.allowedNodeEnvironmentFlags.has(name),
  )
  const { all, warnings } = outcomes(entry, ['wasm'], [flag!, '--allow-fs-read=*'])
  expect(all).toEqual([{ ...unbundled[0], workers: 0 }])
  const lines = warnings.split('\n').filter((line) => line.includes('kernels:'))
  expect(lines).toEqual([expect.stringMatching(/^kernels: 1 of 3 threads do the work \(.+\)$/)])
})

test('a bundle for the browser contains nothing of Node, but a bundle for Node does', async () => {
  const { build } = await import('esbuild')
  mkdirSync(path.join(folder, 'node_modules'))
  symlinkSync(path.resolve('.'), path.join(folder, 'node_modules/unrolled'))
  const bundle = async (platform: 'browser' | 'node') => {
    const file = path.join(folder, `${platform}.js`)
    const contents = `import * as unrolled from 'unrolled'; console.log(Object.keys(unrolled).join(' '))`
    const stdin = { contents, resolveDir: folder }
    await build({ stdin, outfile: file, bundle: true, platform, format: 'esm', logLevel: 'error', splitting: false })
    return readFileSync(file, 'utf8')
  }
  const page = await bundle('browser')
  expect(page).toContain('sequencesFromText')
  expect(page).not.toMatch(/from ?"node:|loadTimeMachine/)
  expect(await bundle('node')).toContain('loadTimeMachine')
})
