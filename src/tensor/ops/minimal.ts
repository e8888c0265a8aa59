import type { MinimalSizes } from '../../device/device.js'
import { minimalOf } from '../../kernels/minimal.js'
import type { Result, Value } from '../value.js'

/** h at every step, [numSteps, batch, hiddenSize], of a layer whose gates depend on the input alone; see nn/minimal.ts. */
export function minimal(sizes: MinimalSizes, sums: Value, h0: Value | undefined): Result {
  const { device } = sums
  const { numSteps, batchSize, hiddenSize } = sizes
  const h = device.zeros(numSteps * batchSize * hiddenSize)
  const walk = { sums: sums.storage, h0: h0?.storage, h }
  const operations = minimalOf(device)
  operations.forward(sizes, walk)
  return {
    storage: h,
    shape: [numSteps, batchSize, hiddenSize],
    device,
    backward: (dh, wanted) => {
      const dsums = device.zeros(walk.sums.length)
      const dh0 = h0 && wanted[1] ? device.zeros(batchSize * hiddenSize) : undefined
      operations.backward(sizes, walk, dh, dsums, dh0)
      return h0 ? [dsums, dh0] : [dsums]
    },
  }
}
