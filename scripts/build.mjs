// Builds everything that is published: the kernels as WebAssembly inside a TypeScript module, then dist/.
import { execFileSync } from 'node:child_process'
import { chmodSync, rmSync, writeFileSync } from 'node:fs'
import asc from 'assemblyscript/asc'
import { buildSync } from 'esbuild'

const variants = { plain: [], relaxed: ['--enable', 'relaxed-simd'] }

async function compile(features) {
  let binary
  const { error, stderr } = await asc.main(
    [
      'assembly/index.ts',
      '--outFile',
      'kernels.wasm',
      '-O2',
      ...(process.env.NAMES ? ['--debug'] : []),
      '--noAssert',
      '--runtime',
      'stub',
      '--importMemory',
      '--sharedMemory',
      '--maximumMemory',
      '65536',
    ].concat(['--enable', 'simd', '--enable', 'threads', '--disableWarning', '112'], features),
    {
      writeFile: (_name, contents) => {
        binary = contents
      },
    },
  )
  if (error) throw new Error(`${error.message}\n${stderr}`)
  return Buffer.from(binary).toString('base64')
}

const lines = ['// Made by scripts/build.mjs: the kernels of assembly/, base64, and worker.ts.']
for (const [name, features] of Object.entries(variants)) {
  lines.push(`export const ${name} =\n  '${await compile(features)}'`)
}
const worker = buildSync({
  entryPoints: ['src/kernels/wasm/worker.ts'],
  bundle: true,
  minify: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  write: false,
})
lines.push(
  `/** The script of the pool's threads. */\nexport const worker = ${JSON.stringify(worker.outputFiles[0].text)}`,
)
writeFileSync('src/kernels/wasm/binary.ts', `${lines.join('\n')}\n`)

rmSync('dist', { recursive: true, force: true })
execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], { stdio: 'inherit' })
chmodSync('dist/cli/main.js', 0o755)
