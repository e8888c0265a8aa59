// One thread at full load: multiply-adds alone in WebAssembly, or products of large matrices in the system's BLAS.

import { setTimeout } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { parentPort, workerData as what } from 'node:worker_threads'
import asc from 'assemblyscript/asc'
import { blasKernels, wasmKernels } from 'unrolled'

/** GFLOPS of a function that does `flops` operations per call: the best of several rounds of 100 milliseconds. */
function rate(flops, call) {
  const rates = Array.from({ length: 5 }, () => {
    let calls = 0
    const start = performance.now()
    let now = start
    for (; now < start + 100; now = performance.now()) {
      call()
      calls++
    }
    return (flops * calls) / (now - start) / 1e6
  })
  return Math.max(...rates)
}

async function multiplyAdds() {
  // With the vectors that the kernels have, which the engine was told when they were compiled.
  if (process.version.startsWith('v20.')) setFlagsFromString('--experimental-wasm-relaxed-simd')
  else wasmKernels({ threads: 1 })
  let binary
  const source = new URL('./peak.ts', import.meta.url).pathname
  const features = ['--initialMemory', '1', '--enable', 'simd', '--enable', 'relaxed-simd']
  await asc.main([source, '--outFile', 'peak.wasm', '-O2', '--runtime', 'stub', '--baseDir', '/', ...features], {
    writeFile: (_, contents) => {
      binary = contents
    },
  })
  const { single, pairs } = new WebAssembly.Instance(new WebAssembly.Module(binary)).exports
  for (let i = 0; i < 2000; i++) {
    single(0, 1000)
    pairs(0, 1000)
  }
  // Gives the optimizing compiler, which works in the background, time to finish.
  await setTimeout(200)
  return Math.max(
    rate(8 * 8 * 10_000, () => single(0, 10_000)),
    rate(16 * 8 * 10_000, () => pairs(0, 10_000)),
  )
}

function product() {
  const kernels = blasKernels({ threads: 1 })
  if (!kernels) return null
  const n = 768
  const [a, b, y] = [0, 1, 2].map(() => new Float32Array(n * n).fill(1))
  return rate(2 * n ** 3, () => kernels.matmul(a, b, y, { m: n, n, k: n }))
}

parentPort.postMessage(what === 'multiplyAdds' ? await multiplyAdds() : product())
