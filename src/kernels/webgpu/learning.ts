import type { Learning } from '../../device/device.js'
import type { GpuStorage } from './buffers.js'
import { clipNorm } from './clip.js'
import type { Gpu } from './gpu.js'
import { sumAxis } from './reduce.js'
import { crossEntropyRows, temperatureRows } from './softmax.js'
import { update } from './update.js'

/** The part of a GPU that only training needs. */
export const gpuLearning = (gpu: Gpu): Learning<GpuStorage> => ({
  crossEntropy(logits, targets, loss, grad, rows, columns) {
    const [numbers, losses] = [gpu.from(targets), gpu.empty(rows)]
    crossEntropyRows(gpu, logits, numbers, losses, grad, rows, columns)
    sumAxis(gpu, losses, loss, 1, rows, 1, { scale: 1 / rows })
    gpu.free(numbers)
    gpu.free(losses)
  },
  clipNorm: (xs, most, norm) => clipNorm(gpu, xs, most, norm),
  update: (updates) => update(gpu, updates),
  temperature(logits, targets, beta, rows, columns) {
    const [numbers, moments, sums] = [gpu.from(targets), gpu.empty(3 * rows), gpu.zeros(3)]
    temperatureRows(gpu, logits, numbers, moments, beta, rows, columns)
    sumAxis(gpu, moments, sums, 1, rows, 3)
    gpu.free(numbers)
    gpu.free(moments)
    return sums
  },
})
