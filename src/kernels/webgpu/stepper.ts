import { UnrolledError } from '../../core/errors.js'
import type { Stack, Stepper } from '../../device/device.js'
import type { GpuStorage } from './buffers.js'
import type { Gpu } from './gpu.js'

/** Prepares a stack to run token by token on a GPU; see `Device.stepper`. */
export function stepper(gpu: Gpu, _stack: Stack<GpuStorage>, _batchSize: number): Stepper {
  throw new UnrolledError(`models do not run token by token on the GPU ${gpu.name} yet`)
}
