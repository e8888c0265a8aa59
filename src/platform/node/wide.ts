import { execFileSync } from 'node:child_process'
import { closeSync, openSync, readSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'

/** The first version of Node whose V8 merges two vectors of 128 bits into one of 256. */
const FIRST = 24

/**
 * Tells V8 to merge pairs of vectors in WebAssembly that is compiled from now on, and whether the processor has the
 * instructions for it (AVX2). V8 has them for x86-64 alone, and its bits are the same with and without.
 */
export function mergeVectors(): boolean {
  const { versions, arch } = process
  const merges = arch === 'x64' && !versions.bun && !versions.deno && Number.parseInt(versions.node, 10) >= FIRST
  if (merges) setFlagsFromString('--experimental-wasm-revectorize')
  return merges && hasAvx2()
}

/** On systems that do not say so, the answer is no. */
function hasAvx2(): boolean {
  try {
    if (process.platform === 'linux') return /^flags\b.*\bavx2\b/m.test(beginning('/proc/cpuinfo'))
    if (process.platform === 'darwin') {
      return /\bAVX2\b/.test(
        execFileSync('sysctl', ['-n', 'machdep.cpu.leaf7_features'], { encoding: 'utf8', stdio: 'pipe' }),
      )
    }
  } catch {
    // The system keeps it to itself.
  }
  return false
}

/** The first part of a file, which describes the first processor. */
function beginning(file: string): string {
  const opened = openSync(file, 'r')
  try {
    const bytes = Buffer.alloc(8192)
    return bytes.toString('latin1', 0, readSync(opened, bytes, 0, bytes.length, 0))
  } finally {
    closeSync(opened)
  }
}
