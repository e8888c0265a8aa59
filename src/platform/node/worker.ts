// The program of a pool's thread in Node. scripts/build.mjs bundles it into one script, which is kept as text, because
// a program that users bundle would not include a separate file.
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
// Without matrix products this thread cannot do any work.
if (sgemm) serve(task, sgemm)
