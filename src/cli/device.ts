import { Option } from 'commander'
import type { Device, DeviceName } from '../node.js'
import { visible } from './output.js'

/** The option `--device` of commands that use a saved model. */
export const deviceOption = (): Option =>
  new Option('--device <name>', 'what computes; auto uses a GPU that WebGPU reaches, if there is one')
    .choices(['cpu', 'webgpu', 'auto'])
    .default('cpu')

/**
 * Moves a model to a device, and says where it is if it was not clear.
 * @param where the command, for messages
 * @throws OptionError if there is no WebGPU although it is demanded
 */
export async function moveTo(where: string, name: DeviceName, model: { to(device: Device): unknown }): Promise<void> {
  if (name === 'cpu') return
  const { selectDevice } = await import('../node.js')
  const device = await selectDevice(name, where)
  if (device.kind === 'cpu') console.error(visible(`on the CPU, because there is ${device.reason}`))
  else model.to(device)
}
