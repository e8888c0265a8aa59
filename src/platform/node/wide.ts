import { setFlagsFromString } from 'node:v8'
import { wide } from './wide-kernels.js'

export function wideKernels(): string | undefined {
  if (process.arch !== 'x64' || Number(process.versions.node.split('.')[0]) < 24) return undefined
  if (process.env.UNROLLED_SIMD) return undefined
  setFlagsFromString('--experimental-wasm-revectorize')
  return wide
}
