import type { View } from '../../device/device.js'
import { joined } from '../host/copy.js'
import type { GpuStorage } from './buffers.js'
import type { Gpu } from './gpu.js'
import { builtins, spread, THREADS, threadIndex } from './math.js'
import { family, shader } from './program.js'

/** A copy along `rank` axes, one value a thread; `whole` if it overwrites all of y. */
const copyShader = family((rank: number, whole: boolean) => {
  const axes = Array.from({ length: rank }, (_, axis) => axis)
  return shader({
    name: `copy${rank}`,
    storages: { x: 'read f32', y: whole ? 'write f32' : 'update f32' },
    params: {
      count: 'u32',
      start_x: 'u32',
      start_y: 'u32',
      ...Object.fromEntries(
        axes.flatMap((axis) =>
          [`length${axis}`, `step_x${axis}`, `step_y${axis}`].map((name) => [name, 'u32'] as const),
        ),
      ),
    },
    code: `
@compute @workgroup_size(${THREADS}) fn main(${builtins}) {
  var i = ${threadIndex};
  if (i >= p.count) { return; }
  var place_x = p.start_x;
  var place_y = p.start_y;
  ${axes
    .reverse()
    .map(
      (axis) =>
        `{ let at = i % p.length${axis}; i /= p.length${axis}; place_x += at * p.step_x${axis}; place_y += at * p.step_y${axis}; }`,
    )
    .join('\n  ')}
  y[place_y] = x[place_x];
}`,
  })
})

/** Copies values between two views with the lengths of `shape`; see `Device.copy`. */
export function copy(gpu: Gpu, x: GpuStorage, from: View, y: GpuStorage, to: View, shape: readonly number[]): void {
  const count = shape.reduce((product, length) => product * length, 1)
  const axes = joined(shape, from, to)
  const params = axes.flatMap(({ length, from, to }) => [length, from, to])
  gpu.run(
    copyShader(axes.length, count === y.length),
    [x, y],
    [count, from.offset, to.offset, ...params],
    spread(Math.ceil(count / THREADS)),
  )
}

/** A storage with the values of another one, or zeros. */
export function copyOf(gpu: Gpu, x: GpuStorage | undefined, length: number): GpuStorage {
  if (!x) return gpu.zeros(length)
  const y = gpu.empty(length)
  copy(gpu, x, { offset: 0, strides: [1] }, y, { offset: 0, strides: [1] }, [length])
  return y
}
