// Builds everything that is published: the kernels as WebAssembly inside a TypeScript module, then dist/.
import { execFileSync } from 'node:child_process'
import { chmodSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { build, buildSync } from 'esbuild'
import { compileKernels } from './kernels.mjs'

console.error('building Unrolled, which takes about half a minute')

const printable = buildSync({ entryPoints: ['src/kernels/wasm/printable.ts'], format: 'esm', write: false })
const { DIRECT, encodePrintable } = await import(
  `data:text/javascript,${encodeURIComponent(printable.outputFiles[0].text)}`
)

const note = '// Made by scripts/build.mjs: the kernels of assembly/ as printable.ts writes them.'
const variants = ['plain', 'small relaxed', 'relaxed', 'wide']
const binaries = await Promise.all(variants.map((variant) => compileKernels(variant)))

// The most frequent bytes of those in pages are one character each.
const counts = new Uint32Array(256)
for (const binary of binaries.slice(0, 2)) for (const byte of binary) counts[byte]++
const frequent = [...counts.keys()].sort((a, b) => counts[b] - counts[a]).slice(0, DIRECT)
const short = frequent
  .sort((a, b) => a - b)
  .map((byte) => byte.toString(36))
  .join()
const [plain, relaxed, ...whole] = binaries.map((binary) => encodePrintable(binary, short))
const lines = ['relaxed-simd', 'simd-256'].map((simd, i) => `  '${simd}':\n    '${whole[i]}',\n`)
writeFileSync(
  'src/platform/node/kernels.ts',
  `${note}\nexport const kernels: Record<'relaxed-simd' | 'simd-256', string> = {\n${lines.join('')}}\n`,
)

// In pieces that take turns, because gzip finds what both have in common only within 32 KB.
const PIECES = 2
const piece = (text, i) => text.slice((text.length * i) / PIECES, (text.length * (i + 1)) / PIECES)
const pieces = Array.from({ length: PIECES }, (_, i) => `  ['${piece(plain, i)}', '${piece(relaxed, i)}'],\n`)
writeFileSync(
  'src/kernels/wasm/binary.ts',
  `${note}
const pieces = [\n${pieces.join('')}] as const

/** The bytes that are one character each: see printable.ts. */
export const short = '${short}'
export const plain = (): string => pieces.map(([plain]) => plain).join('')
export const relaxed = (): string => pieces.map(([, relaxed]) => relaxed).join('')
`,
)

/** The fields of a class of assembly/, in the order in which they lie in memory; 4 bytes each. */
function fieldsOf(file, name) {
  const text = readFileSync(`assembly/${file}.ts`, 'utf8')
  const [, body] = new RegExp(`export class ${name} \\{(.*?)\\n\\}`, 's').exec(text)
  return [...body.matchAll(/^ {2}(\w+): (?:i32|usize|f32);/gm)].map(([, field]) => field)
}

const constants = [...readFileSync('assembly/constants.ts', 'utf8').matchAll(/^export const (\w+): i32 = (\w+);/gm)]
const camelCase = (name) => name.replace(/_(\w)/g, (_, letter) => letter.toUpperCase())
const numbersOf = (prefix, spelled) =>
  constants
    .filter(([, name]) => name.startsWith(prefix))
    .map(([, name, value]) => `  ${spelled(name.slice(prefix.length).toLowerCase())}: ${value},\n`)
    .join('')
const words = (list) => `[\n${list.map((word) => `  '${word}',\n`).join('')}] as const\n`
writeFileSync(
  'src/kernels/wasm/from-assembly.ts',
  `// Made by scripts/build.mjs of assembly/: what the kernels and those who call them both know.
${constants
  .filter(([, name]) => !/^(CELL|JOB|PIECE)_/.test(name))
  .map(([, name, value]) => `export const ${name} = ${value}\n`)
  .join('')}
/** The numbers of the cells. */
export const cellCodes = {
${numbersOf('CELL_', String)}} as const

/** The numbers of the pieces of work that threads share. */
export const jobs = {
${numbersOf('JOB_', camelCase)}} as const

/** The numbers of what is done with a piece of an array. */
export const pieceKinds = {
${numbersOf('PIECE_', camelCase)}} as const

/** The fields of what kernels are told, in the order in which they lie in memory; 4 bytes each. */
export const planFields = ${words(fieldsOf('plan', 'Plan'))}
export const normFields = ${words(fieldsOf('norm', 'Norm'))}
export const productFields = ${words(fieldsOf('dense', 'Product'))}
export const piecesFields = ${words(fieldsOf('pieces', 'Pieces'))}
export const pieceFields = ${words(fieldsOf('pieces', 'Piece'))}
export const ruleFields = ${words(fieldsOf('update', 'Rule'))}
export const crossEntropyFields = ${words(fieldsOf('softmax', 'CrossEntropy'))}
export const boardFields = ${words(fieldsOf('pool', 'Board'))}
export const teamFields = ${words(fieldsOf('team', 'Team'))}`,
)

const { version } = JSON.parse(readFileSync('package.json', 'utf8'))
writeFileSync(
  'src/core/version.ts',
  `// Made by scripts/build.mjs of package.json.\nexport const version = '${version}'\n`,
)

for (const runtime of ['node', 'browser']) {
  const script = buildSync({
    entryPoints: [`src/platform/${runtime}/worker.ts`],
    bundle: true,
    minify: true,
    platform: runtime,
    target: 'es2022',
    format: runtime === 'node' ? 'cjs' : 'iife',
    write: false,
  })
  writeFileSync(
    `src/platform/${runtime}/worker-script.ts`,
    `// Made by scripts/build.mjs of worker.ts: what the pool's threads run.\nexport const script = ${JSON.stringify(script.outputFiles[0].text)}\n`,
  )
}

const pythonFolder = 'src/run/torchrun'
const pythonFiles = readdirSync(pythonFolder).filter((file) => file.endsWith('.py'))
const programs = pythonFiles.map((file) => [file, readFileSync(path.join(pythonFolder, file), 'utf8')])
writeFileSync(
  `${pythonFolder}/python.ts`,
  `// Made by scripts/build.mjs of the programs next to it.\nexport const python: Readonly<Record<string, string>> = ${JSON.stringify(Object.fromEntries(programs), null, 2)}\n`,
)

rmSync('dist', { recursive: true, force: true })
execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], { stdio: 'inherit' })

// Libraries of which only a little is used are bundled into one file without the rest, with their licences next to it.
// The program of a trainer's worker becomes one file, too, because pages load it separately.
for (const file of [
  'dist/browser/trainer-worker',
  'dist/node/plot-libraries',
  'dist/node/yaml-library',
  'dist/formats/zip-library',
]) {
  const { metafile } = buildSync({
    entryPoints: [`${file}.js`],
    outfile: `${file}.js`,
    allowOverwrite: true,
    bundle: true,
    minify: true,
    legalComments: 'none',
    // Node can run it, too, because it imports none of Node's modules.
    platform: 'browser',
    external: ['gpt-tokenizer'],
    target: 'es2022',
    format: 'esm',
    // Without an export, a module that has a library of another format in it does not look like one.
    footer: file.endsWith('worker') ? { js: 'export {}' } : {},
    metafile: true,
  })
  if (!file.endsWith('worker')) rmSync(`${file}.d.ts`)
  const folders = Object.keys(metafile.inputs).map((name) => /^node_modules\/(?:@[^/]+\/)?[^/]+/.exec(name)?.[0])
  const notices = [...new Set(folders)].filter(Boolean).sort().map(notice)
  writeFileSync(`${file}-licenses.txt`, notices.join(`\n${'-'.repeat(80)}\n\n`))
}

// The command starts in half the time if it has few files. What does not differ from the library's own files, and is large, is
// imported from there. The files stay as deep in dist/ as those that they are made of, which name others by their place.
const entries = ['main', 'program', 'trial'].map((name) => `dist/cli/${name}.js`)
const large = /(?:plot-libraries|yaml-library|zip-library|\/kernels|\/binary|worker-script|torchrun\/python)\.js$/
const { outputFiles } = await build({
  entryPoints: entries,
  outdir: 'dist/cli',
  bundle: true,
  splitting: true,
  minifyWhitespace: true,
  // Errors are told by the names of their classes.
  keepNames: true,
  packages: 'external',
  conditions: ['node'],
  platform: 'node',
  target: 'es2022',
  format: 'esm',
  write: false,
  plugins: [
    {
      name: 'large',
      setup: ({ onResolve }) =>
        onResolve({ filter: /^\.\.?\// }, ({ path: name, resolveDir }) => {
          const file = path.relative('dist', path.join(resolveDir, name)).replaceAll(path.sep, '/')
          return large.test(file) ? { path: `../${file}`, external: true } : undefined
        }),
    },
  ],
})
for (const name of readdirSync('dist/cli', { recursive: true, encoding: 'utf8' })) {
  if (name.endsWith('.js')) rmSync(path.join('dist/cli', name))
}
for (const { path: file, contents } of outputFiles) writeFileSync(file, contents)
chmodSync('dist/cli/main.js', 0o755)

/** Name, version and licence of a package whose code is in the bundle. */
function notice(folder) {
  const { name, version } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'))
  const file = readdirSync(folder).find((file) => /^licen[cs]e/i.test(file))
  if (!file) throw new Error(`${name}: the package has no licence file, expected one to distribute with its code`)
  return `${name} ${version}\n\n${readFileSync(path.join(folder, file), 'utf8').trim()}\n`
}

// The studio's page, which uses the library as a user's page does.
await (await import('vite')).build({ configFile: 'apps/studio/vite.config.ts', logLevel: 'warn' })
