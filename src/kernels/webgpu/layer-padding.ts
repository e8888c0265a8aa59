import type { GpuStorage } from './buffers.js'
import { copy, copyOf } from './copy.js'
import type { Gpu } from './gpu.js'
import { builtins, spread, THREADS, threadIndex } from './math.js'
import { shader } from './program.js'

// What comes after the end of sequences that have lengths of their own, in matrices [numSteps, batchSize, width].

const clearShader = shader({
  name: 'clearPadding',
  storages: { y: 'update f32', lengths: 'read f32' },
  params: { count: 'u32', width: 'u32', batch: 'u32' },
  code: `
@compute @workgroup_size(${THREADS}) fn main(${builtins}) {
  let i = ${threadIndex};
  if (i >= p.count) { return; }
  let place = i / p.width;
  if (place / p.batch >= u32(lengths[place % p.batch])) { y[i] = 0.0; }
}`,
})

/** Writes zeros there. @param lengths as floats @param places numSteps × batchSize */
export function clearPadding(gpu: Gpu, y: GpuStorage, lengths: GpuStorage, places: number): void {
  const params = [y.length, y.length / places, lengths.length]
  gpu.run(clearShader, [y, lengths], params, spread(Math.ceil(y.length / THREADS)))
}

/** A copy with zeros there. */
export function withoutPadding(gpu: Gpu, x: GpuStorage, lengths: GpuStorage, places: number): GpuStorage {
  const y = copyOf(gpu, x, x.length)
  clearPadding(gpu, y, lengths, places)
  return y
}

/** Copies values to the end of a storage. */
export function putAtEnd(gpu: Gpu, x: GpuStorage, y: GpuStorage): void {
  copy(gpu, x, { offset: 0, strides: [1] }, y, { offset: y.length - x.length, strides: [1] }, [x.length])
}
