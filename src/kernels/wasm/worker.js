// @ts-check
// What a thread of the pool runs; plain JavaScript, because Node starts threads from files that it can run as they are.
import { createRequire } from 'node:module'
import { workerData } from 'node:worker_threads'
import { bindSgemm } from '../blas/sgemm.js'

/** @type {import('./pool.js').WorkerTask} */
const { module, memory, board, done, failed, blas, loading } = workerData
try {
  const sgemm = blas ? loadSgemm(blas) : () => undefined
  const { exports } = new WebAssembly.Instance(module, { env: { memory, sgemm } })
  const { serve } = /** @type {{ serve(board: number): void }} */ (/** @type {unknown} */ (exports))
  serve(board)
} catch {
  const ints = new Int32Array(memory.buffer)
  Atomics.store(ints, board / 4 + failed, 1)
  Atomics.notify(ints, board / 4 + done)
}

/** @param {string} file */
function loadSgemm(file) {
  try {
    return bindSgemm(createRequire(import.meta.url)('koffi'), file, memory)
  } finally {
    Atomics.sub(loading, 0, 1)
    Atomics.notify(loading, 0)
  }
}
