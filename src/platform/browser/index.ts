import type { FindGpu, Platform } from '../platform.js'
import { hasThreads, startCrew } from './threads.js'

export const platform: Platform = {
  processors: () => navigator.hardwareConcurrency,
  hasThreads,
  startCrew,
  allowRelaxedSimd() {},
  kernels: undefined,
  mergeVectors: () => false,
  simdSetting: () => undefined,
  memoryLimit: () => Infinity,
  mayBeTerminated: () => true,
  findBlas: () => undefined,
  nextTurn,
}

export const findGpu: FindGpu = async () => {
  const { gpu } = navigator
  if (!gpu) throw new Error('this browser has no WebGPU, or the page is not served over HTTPS or from localhost')
  return gpu
}

/** A message on a channel arrives without delay, but browsers delay timers by 4 ms. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = () => {
      port1.close()
      resolve()
    }
    port2.postMessage(undefined)
  })
}
