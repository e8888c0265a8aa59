import { availableParallelism, totalmem } from 'node:os'
import { setFlagsFromString } from 'node:v8'
import { isMainThread } from 'node:worker_threads'
import type { Platform } from '../platform.js'
import { findBlas } from './blas.js'
import { kernels } from './kernels.js'
import { hasThreads, startCrew } from './threads.js'
import { mergeVectors } from './wide.js'

export { findGpu } from './gpu.js'

export const platform: Platform = {
  processors: availableParallelism,
  hasThreads,
  startCrew,
  allowRelaxedSimd() {
    if (process.versions.node.startsWith('20.')) setFlagsFromString('--experimental-wasm-relaxed-simd')
  },
  kernels,
  mergeVectors,
  simdSetting: () => process.env.UNROLLED_SIMD || undefined,
  memoryLimit() {
    const constrained = process.constrainedMemory?.() ?? 0
    return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem()
  },
  mayBeTerminated: () => !isMainThread,
  findBlas,
  nextTurn: () => new Promise((resolve) => setImmediate(resolve)),
}
