import { checkMethods } from '../core/check.js'
import type { Device, Kernels } from '../device/device.js'
import { kernels, useKernels } from './index.js'

let chosen: Device | undefined

/** The device of new tensors: the kernels in use, unless `setDefaultDevice` chose another. */
export const defaultDevice = (): Device => chosen ?? kernels()

/**
 * Sets the device of new tensors, and so of the parameters of new layers. Without an argument it is the CPU again.
 * @throws OptionError for anything but a device
 */
export function setDefaultDevice(device?: Device): void {
  if (device !== undefined) checkDevice('setDefaultDevice', device)
  if (device?.kind === 'cpu') useKernels(device as Kernels)
  chosen = device?.kind === 'cpu' ? undefined : device
}

/** @throws OptionError for anything but a device. @param where the function that the user called */
export const checkDevice = (where: string, device: unknown): void =>
  checkMethods(where, 'the device', device, ['read', 'matmul'], 'a device, such as await tryGpu()')
