import type { Device, FloatArray, Kernels, Minimal, MinimalWalk, Storage } from '../device/device.js'
import type { HostStorage } from './host/host.js'
import { minimal, minimalGrad } from './host/minimal.js'

export { minimalLayerOf } from './wasm/minimal.js'

/** The values as an array that stays where it is while the kernels' memory changes. */
const settled = (x: HostStorage): FloatArray => ('copy' in x ? x.copy() : x)

const settledWalk = ({ sums, h0, h }: MinimalWalk<HostStorage>): MinimalWalk => ({
  sums: settled(sums),
  h0: h0 && settled(h0),
  h: settled(h),
})

/** The part of a device that only layers need whose gates depend on the input alone. */
export function minimalOf(device: Device): Minimal {
  if (device.minimal) return device.minimal
  const kernels = device as unknown as Kernels
  const sigmoid = (x: FloatArray, y: FloatArray): void => kernels.unary('sigmoid', x, y)
  const host: Minimal<FloatArray> = {
    forward: (sizes, walk) => minimal(sizes, settledWalk(walk), sigmoid),
    backward: (sizes, walk, dh, dsums, dh0) => minimalGrad(sizes, settledWalk(walk), settled(dh), dsums, dh0, sigmoid),
  }
  return host as unknown as Minimal<Storage>
}
