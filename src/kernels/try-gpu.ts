import { findGpu } from '#platform'
import { checkWord } from '../core/check.js'
import { checkOptions, type OptionKinds } from '../core/check-options.js'
import { OptionError } from '../core/errors.js'
import type { Device } from '../device/device.js'
import { kernels } from './index.js'

/** What `tryGpu` accepts. */
export interface GpuOptions {
  /**
   * Whether an adapter of WebGPU will do that computes on the CPU, such as SwiftShader: it is good for tests, and slower
   * than the kernels. Default: false.
   */
  software?: boolean
}

const gpuOptions: OptionKinds<GpuOptions> = { software: 'boolean' }

/**
 * Returns a GPU if there is one that WebGPU reaches, and otherwise the CPU, which is the kernels in use. `device.reason`
 * says why it is this one. In Node, WebGPU needs the package `webgpu`; a page has it from its browser.
 * @throws OptionError for unknown options
 */
export async function tryGpu(options: GpuOptions = {}): Promise<Device> {
  checkOptions('tryGpu', options, gpuOptions)
  try {
    // Only programs that ask for a GPU load what it needs.
    const { webGpuDevice } = await import('./webgpu/webgpu.js')
    const device = await webGpuDevice(findGpu, options.software)
    device.reason = `WebGPU offers the adapter ${device.gpu.name}`
    return device as Device
  } catch (error) {
    const device = kernels()
    device.reason = `no GPU: ${(error as Error).message}`
    return device
  }
}

/** Names of devices, as on the command line. */
export const deviceNames = ['cpu', 'webgpu', 'auto'] as const
/** A name of a device. */
export type DeviceName = (typeof deviceNames)[number]

/**
 * The device of that name: the kernels in use, a GPU that WebGPU reaches, which may be a software adapter, or, for
 * 'auto', what `tryGpu` gives.
 * @param where the function that the user called
 * @throws OptionError for another word, and for 'webgpu' where there is none
 */
export async function selectDevice(name: DeviceName, where = 'selectDevice'): Promise<Device> {
  checkWord(where, 'device', name, deviceNames)
  if (name === 'cpu') return kernels()
  const device = await tryGpu({ software: name === 'webgpu' })
  if (name === 'auto' || device.kind !== 'cpu') return device
  throw new OptionError(`${where}: device is webgpu, but there is ${device.reason}; use cpu or auto`, ['device'])
}
