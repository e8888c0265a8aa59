import { UnrolledError } from '../../core/errors.js'
import type {
  RecurrentInput,
  RecurrentOutput,
  RecurrentSizes,
  RecurrentTape,
  RecurrentWeights,
} from '../../device/device.js'
import type { GpuStorage } from './buffers.js'
import type { Gpu } from './gpu.js'

/** Runs one recurrent layer in one direction on a GPU; see `Device.recurrent`. */
export function recurrent(
  gpu: Gpu,
  _sizes: RecurrentSizes,
  _weights: RecurrentWeights<GpuStorage>,
  _input: RecurrentInput<GpuStorage>,
  _keep: boolean,
): { result: RecurrentOutput<GpuStorage>; tape?: RecurrentTape<GpuStorage> } {
  throw new UnrolledError(`recurrent layers do not run on the GPU ${gpu.name} yet`)
}
