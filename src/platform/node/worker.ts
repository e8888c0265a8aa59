// What a thread of the pool runs in Node. scripts/build.mjs makes one script of it, which is kept as text: a file would
// be missing beside a program that was bundled.
import { createRequire } from 'node:module'
import { workerData } from 'node:worker_threads'
import { serve } from '../platform.js'
import { loadInside } from './gate.js'
import { bindSgemm } from './sgemm.js'
import type { NodeTask } from './threads.js'

const { gate, ...task } = workerData as NodeTask
const { blas, memory } = task

const sgemm = blas
  ? loadInside(gate, () => bindSgemm(createRequire(blas.koffi)(blas.koffi), blas.library, memory))
  : () => undefined
// Without its products there is nothing that this thread could do.
if (sgemm) serve(task, sgemm)
