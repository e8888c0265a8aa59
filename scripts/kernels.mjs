// Compiles assembly/ to WebAssembly, for the vectors that an engine has.
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import asc from 'assemblyscript/asc'
import { paired } from './pairs.mjs'

const relaxed = ['--enable', 'relaxed-simd']
const narrow = ['-O3', '--use', 'WIDE_VECTORS=0']
const whole = ['--use', 'WHOLE_KERNELS=1']
const variants = {
  // Pages load these two, so they lack what few pages need.
  plain: [...narrow, '--use', 'WHOLE_KERNELS=0'],
  'small relaxed': [...relaxed, ...narrow, '--use', 'WHOLE_KERNELS=0'],
  relaxed: [...relaxed, ...narrow, ...whole],
  // For engines that merge two vectors into one of 256 bits. A constant that both need is loaded once.
  wide: ['-O3', ...relaxed, '--use', 'WIDE_VECTORS=1', ...whole, '--runPasses', 'local-cse'],
}

/**
 * The kernels of a variant.
 * @param {keyof typeof variants} variant
 * @param names whether their functions keep their names, for profiles and traces
 * @returns {Promise<Uint8Array>}
 */
export async function compileKernels(variant, names = false) {
  let binary
  const { error, stderr } = await asc.main(
    [
      'assembly/index.ts',
      '--outFile',
      'kernels.wasm',
      ...(names ? ['--debug'] : []),
      '--noAssert',
      '--runtime',
      'stub',
      '--importMemory',
      '--sharedMemory',
      '--maximumMemory',
      '65536',
    ].concat(['--enable', 'simd', '--enable', 'threads', '--disableWarning', '112'], variants[variant]),
    {
      readFile(name, folder) {
        const file = path.join(folder, name)
        if (!existsSync(file)) return null
        const source = readFileSync(file, 'utf8')
        return variant === 'wide' ? paired(source) : source
      },
      writeFile(_name, contents) {
        binary = contents
      },
    },
  )
  if (error) throw new Error(`${error.message}\n${stderr}`)
  return binary
}
