import type { GpuStorage } from './buffers.js'
import type { Gpu } from './gpu.js'
import { builtins, chunkIndex, reduction, spreadBeside, THREADS } from './math.js'
import { type Access, family, type Shader, shader } from './program.js'

// Clipping of gradients by their norm, without reading it. A dispatch works on as many storages as can be bound.

/** Values that a workgroup takes. */
const CHUNK = 4096
const chunksOf = ({ length }: GpuStorage): number => Math.ceil(length / CHUNK)

/**
 * A shader that runs a statement for every value of several storages x0, x1, …: `value` is the place of a value in them,
 * and `at` its index. Workgroups with the number y take storage y, and a chunk of it each.
 */
function manyShader(
  name: string,
  count: number,
  access: Access,
  other: Record<string, Access>,
  statement: (value: string) => string,
  [declarations, before, after]: readonly [declarations: string, before: string, after: string],
): Shader {
  const each = Array.from({ length: count }, (_, i) => i)
  return shader({
    name,
    storages: { ...Object.fromEntries(each.map((i) => [`x${i}`, access])), ...other },
    params: Object.fromEntries(
      each.flatMap((i) => [`length${i}`, `offset${i}`].map((field) => [field, 'u32'] as const)),
    ),
    code: `
${declarations}
@compute @workgroup_size(${THREADS}) fn main(${builtins}) {
  ${before}
  let start = ${chunkIndex} * ${CHUNK}u;
  var offset = 0u;
  var length = 0u;
  switch group.y {
    ${each
      .map(
        (i) => `case ${i}u: {
      offset = p.offset${i};
      length = p.length${i};
      for (var at = start + thread; at < min(start + ${CHUNK}u, length); at += ${THREADS}u) { ${statement(`x${i}[at]`)} }
    }`,
      )
      .join('\n    ')}
    default: {}
  }
  ${after}
}`,
  })
}

const squaresShader = family((count: number) =>
  manyShader('sumOfSquares', count, 'read f32', { parts: 'update f32' }, (value) => `sum += ${value} * ${value};`, [
    reduction('sum_of', 'f32', THREADS, 'a + b'),
    'var sum = 0.0;',
    `sum = sum_of(sum, thread);
  if (thread == 0u && start < length) { parts[offset + ${chunkIndex}] = sum; }`,
  ]),
)

const factorShader = shader({
  name: 'clipFactor',
  storages: { parts: 'read f32', norm: 'write f32', factor: 'write f32' },
  params: { count: 'u32', most: 'f32' },
  code: `
${reduction('sum_of', 'f32', THREADS, 'a + b')}
@compute @workgroup_size(${THREADS}) fn main(${builtins}) {
  var sum = 0.0;
  for (var i = thread; i < p.count; i += ${THREADS}u) { sum += parts[i]; }
  let length = sqrt(sum_of(sum, thread));
  if (thread == 0u) {
    norm[0] = length;
    factor[0] = select(1.0, p.most / length, length > p.most);
  }
}`,
})

const shrinkShader = family((count: number) =>
  manyShader('clip', count, 'update f32', { factor: 'read f32' }, (value) => `${value} *= by;`, [
    '',
    'let by = factor[0]; if (by == 1.0) { return; }',
    '',
  ]),
)

/** Calls `run` with as many storages at a time as one dispatch can bind besides another one. */
function inBatches(gpu: Gpu, xs: readonly GpuStorage[], run: (batch: readonly GpuStorage[], first: number) => void) {
  const most = Math.min(gpu.limits.maxStorageBuffersPerShaderStage - 1, 32)
  for (let first = 0; first < xs.length; first += most) run(xs.slice(first, first + most), first)
}

/** See `Learning.clipNorm`. */
export function clipNorm(gpu: Gpu, xs: readonly GpuStorage[], most: number, norm: GpuStorage): void {
  let count = 0
  const offsets = xs.map((x) => {
    count += chunksOf(x)
    return count - chunksOf(x)
  })
  // Every part of it is written, unless there is none.
  const parts = count > 0 ? gpu.empty(count) : gpu.zeros(1)
  const factor = gpu.empty(1)
  const apply =
    (by: (count: number) => Shader, besides: GpuStorage) => (batch: readonly GpuStorage[], first: number) => {
      const params = batch.flatMap((x, i) => [x.length, offsets[first + i]])
      gpu.run(
        by(batch.length),
        [...batch, besides],
        params,
        spreadBeside(Math.max(...batch.map(chunksOf)), batch.length),
      )
    }
  inBatches(gpu, xs, apply(squaresShader, parts))
  gpu.run(factorShader, [parts, norm, factor], [count, most], [1])
  inBatches(gpu, [...new Set(xs)], apply(shrinkShader, factor))
  gpu.free(parts)
  gpu.free(factor)
}
