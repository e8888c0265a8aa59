import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { globSync } from 'tinyglobby'
import { expect, test } from 'vitest'

// The size of the package in a page and on a disk. The tests need the dist/ that `npm test` builds.
const bundle = async (contents: string) => {
  const stdin = { contents, resolveDir: path.resolve('.') }
  // The tokenizer is an optional peer dependency, which is loaded only for byte pairs.
  const options = { bundle: true, minify: true, format: 'esm', write: false, metafile: true } as const
  // So is the code for a GPU, which only tryGpu imports; without splitting, esbuild would put it into the same file.
  const external = ['gpt-tokenizer', './webgpu/webgpu.js']
  const { outputFiles, metafile } = await build({ stdin, ...options, platform: 'browser', external, logLevel: 'error' })
  const [{ imports }] = Object.values(metafile.outputs)
  return { text: outputFiles[0].text, imports: imports.map(({ path }) => path) }
}

test.each([
  ['a layer', `export { LSTM } from './dist/index.js'`, 48_500, ['perplexity', 'temperature', 'dataset_info']],
  [
    'unrolled/inference',
    `export * from './dist/inference.js'`,
    47_500,
    ['perplexity', 'weightDecay', 'Witten', 'epochs', 'requiresGrad', 'loadStateDict', 'crossEntropy: ', 'reshape'],
  ],
])('%s in a page is small, and contains nothing that it does not need', async (_name, contents, most, foreign) => {
  const { text, imports } = await bundle(contents)
  expect(gzipSync(text).length).toBeLessThan(most)
  expect(imports.filter((name) => !name.startsWith('gpt-tokenizer/'))).toEqual([])
  const never = ['commander', 'Optimizer', 'new Training', 'linkedom', ...foreign]
  expect(never.filter((name) => text.includes(name))).toEqual([])
})

/** A package in package-lock.json. */
interface Locked {
  dependencies?: Record<string, string>
  optionalDependencies?: Record<string, string>
}

test('an installation brings at most 40 packages and 11.8 MB', () => {
  const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as { packages: Record<string, Locked> }
  const found = new Set<string>()
  const visit = (from: string) => {
    const { dependencies, optionalDependencies } = packages[from]
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
      let folder = from
      while (!packages[path.posix.join(folder, 'node_modules', name)]) {
        expect(folder, `${name} is in package-lock.json`).not.toBe('')
        folder = folder.slice(0, Math.max(folder.lastIndexOf('/node_modules/'), 0))
      }
      const place = path.posix.join(folder, 'node_modules', name)
      // Packages for other platforms are not installed.
      if (found.has(place) || !existsSync(place)) continue
      found.add(place)
      visit(place)
    }
  }
  visit('')
  expect(found).toContain('node_modules/commander')
  const { files } = JSON.parse(readFileSync('package.json', 'utf8')) as { files: string[] }
  const own = files.filter((name) => !name.startsWith('!'))
  const left = globSync(files.filter((name) => name.startsWith('!')).map((name) => name.slice(1)))
  const bytesOf = (places: Iterable<string>) => [...places].reduce((sum, place) => sum + bytesIn(place), 0)
  const bytes = bytesOf(found) + bytesOf(own) - bytesOf(left)
  // The lesson's editor, compiler and worker are 1.2 MB of it, compressed.
  expect(found.size + 1).toBeLessThanOrEqual(40)
  expect(bytes).toBeLessThanOrEqual(11_800_000)
})

/** The size of a file, or of everything in a folder except nested packages. */
function bytesIn(place: string): number {
  if (!statSync(place).isDirectory()) return statSync(place).size
  const names = readdirSync(place).filter((name) => name !== 'node_modules')
  return names.reduce((sum, name) => sum + bytesIn(path.join(place, name)), 0)
}
