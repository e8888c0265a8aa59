import type { Device, FloatArray, Learning } from '../device/device.js'
import { temperature } from './host/temperature.js'
import { update } from './host/update.js'
import { updateAll } from './wasm/learning.js'
import { WasmKernels } from './wasm/wasm.js'

const host: Learning<FloatArray> = {
  update(updates) {
    for (const { rule, parameter, grad, buffers } of updates) update(rule, parameter, grad, buffers)
  },
  temperature,
}

/** The part of a device that only training needs. */
export function learningOf(device: Device): Learning {
  if (device.learning) return device.learning
  if (!(device instanceof WasmKernels)) return host
  return { ...host, update: (updates) => updateAll(device.engine, updates as Parameters<typeof updateAll>[1]) }
}
