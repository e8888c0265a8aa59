import type { Device, FloatArray, Learning } from '../device/device.js'
import { affine } from './host/elementwise.js'
import { sumSquares } from './host/reduce.js'
import { temperature } from './host/temperature.js'
import { update } from './host/update.js'
import { crossEntropy } from './reference/softmax.js'
import { wasmLearning } from './wasm/learning.js'
import { WasmKernels } from './wasm/wasm.js'

const host: Learning<FloatArray> = {
  crossEntropy(logits, targets, loss, grad, rows, columns) {
    loss[0] = crossEntropy(logits, targets, grad, rows, columns)
  },
  clipNorm(xs, most, norm) {
    const length = Math.sqrt(xs.reduce((sum, x) => sum + sumSquares(x), 0))
    norm[0] = length
    if (length > most) for (const x of new Set(xs)) affine(x, most / length, 0, x)
  },
  update(updates) {
    for (const { rule, parameter, grad, buffers } of updates) update(rule, parameter, grad, buffers)
  },
  temperature,
}

/** The part of a device that only training needs. */
export function learningOf(device: Device): Learning {
  if (device.learning) return device.learning
  return device instanceof WasmKernels ? { ...host, ...wasmLearning(device.engine) } : host
}
