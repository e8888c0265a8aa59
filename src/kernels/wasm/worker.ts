// What a thread of the pool runs. scripts/build.mjs makes one script of it, which is kept as text: a file would be
// missing beside a program that was bundled.
import { createRequire } from 'node:module'
import { workerData } from 'node:worker_threads'
import { type BlasFiles, bindSgemm } from '../blas/sgemm.js'
import { loadInside } from './gate.js'
import type { WorkerTask } from './pool.js'

const { module, memory, board, done, failed, blas, gate, serving, number } = workerData as WorkerTask

const sgemm = blas ? loadInside(gate, () => loadSgemm(blas)) : () => undefined
// Without its products there is nothing that this thread could do.
if (sgemm) serve()

function serve(): void {
  const { exports } = new WebAssembly.Instance(module, { env: { memory, sgemm: sgemm! } })
  Atomics.store(serving, number, 1)
  try {
    ;(exports as unknown as { serve(board: number): void }).serve(board)
  } catch {
    const ints = new Int32Array(memory.buffer)
    Atomics.store(ints, board / 4 + failed, 1)
    Atomics.notify(ints, board / 4 + done)
  }
}

function loadSgemm({ koffi, library }: BlasFiles) {
  return bindSgemm(createRequire(koffi)(koffi), library, memory)
}
