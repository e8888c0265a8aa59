import type { GpuStorage } from './buffers.js'
import type { Gpu } from './gpu.js'
import { chunkIndex, spreadBeside, THREADS } from './math.js'
import { type Access, family, type ParamType, type Shader, shader } from './program.js'
import { reducingMain, sumOver } from './reductions.js'

// Clipping of gradients by their norm, without reading it. A dispatch works on as many storages as can be bound.

/** Values that a workgroup takes at least. */
const CHUNK = 4096
/** Workgroups at most, about: each of those that clip adds up the sums of all others. */
const MOST_PARTS = 1024

/**
 * A shader that runs a statement for every value of several storages x0, x1, …: `value` is the place of a value in them,
 * and `at` its index. Workgroups with the number y take storage y, and a chunk of it each.
 */
function manyShader(
  name: string,
  count: number,
  storages: readonly [access: Access, others: Record<string, Access>],
  params: Record<string, ParamType>,
  statement: (value: string) => string,
  [before, after]: readonly [before: string, after: string],
): Shader {
  const each = Array.from({ length: count }, (_, i) => i)
  const [access, others] = storages
  return shader({
    name,
    storages: { ...Object.fromEntries(each.map((i) => [`x${i}`, access])), ...others },
    params: {
      chunk: 'u32',
      ...params,
      ...Object.fromEntries(each.flatMap((i) => [`length${i}`, `offset${i}`].map((field) => [field, 'u32'] as const))),
    },
    reductions: { sum_of: sumOver(THREADS) },
    code: reducingMain(
      THREADS,
      `${before}
  let start = ${chunkIndex} * p.chunk;
  var offset = 0u;
  var length = 0u;
  switch group.y {
    ${each
      .map(
        (i) => `case ${i}u: {
      offset = p.offset${i};
      length = p.length${i};
      for (var at = start + thread; at < min(start + p.chunk, length); at += ${THREADS}u) { ${statement(`x${i}[at]`)} }
    }`,
      )
      .join('\n    ')}
    default: {}
  }
  ${after}`,
    ),
  })
}

const squaresShader = family((count: number) =>
  manyShader(
    'sumOfSquares',
    count,
    ['read f32', { parts: 'update f32' }],
    {},
    (value) => `sum += ${value} * ${value};`,
    [
      'var sum = 0.0;',
      `sum = sum_of(sum, own);
  if (thread == 0u && start < length) { parts[offset + ${chunkIndex}] = sum; }`,
    ],
  ),
)

/** Each workgroup finds the norm by itself, which costs less than a dispatch of its own would. */
const clipShader = family((count: number) =>
  manyShader(
    'clip',
    count,
    ['update f32', { parts: 'read f32', norm: 'write f32' }],
    { count: 'u32', most: 'f32' },
    (value) => `${value} *= by;`,
    [
      `var squares = 0.0;
  for (var i = thread; i < p.count; i += ${THREADS}u) { squares += parts[i]; }
  let norm_of_all = sqrt(sum_of(squares, own));
  if (all(group == vec3u(0u)) && thread == 0u) { norm[0] = norm_of_all; }
  if (!(norm_of_all > p.most)) { return; }
  let by = p.most / norm_of_all;`,
      '',
    ],
  ),
)

/** See `Learning.clipNorm`. */
export function clipNorm(gpu: Gpu, xs: readonly GpuStorage[], most: number, norm: GpuStorage): void {
  const total = xs.reduce((sum, { length }) => sum + length, 0)
  if (total === 0) {
    gpu.write([0], norm)
    return
  }
  const chunk = Math.max(CHUNK, Math.ceil(total / MOST_PARTS))
  const chunksOf = ({ length }: GpuStorage) => Math.ceil(length / chunk)
  const parts = gpu.empty(xs.reduce((sum, x) => sum + chunksOf(x), 0))
  /** Runs a shader for all storages, as many at a time as one dispatch can bind besides others. */
  const run = (
    all: readonly GpuStorage[],
    by: (count: number) => Shader,
    others: readonly GpuStorage[],
    params: readonly number[],
  ) => {
    const atOnce = Math.min(gpu.limits.maxStorageBuffersPerShaderStage - others.length, 30)
    let offset = 0
    for (let first = 0; first < all.length; first += atOnce) {
      const batch = all.slice(first, first + atOnce)
      const own = batch.flatMap((x) => {
        offset += chunksOf(x)
        return [x.length, offset - chunksOf(x)]
      })
      const groups = spreadBeside(Math.max(...batch.map(chunksOf)), batch.length)
      gpu.run(by(batch.length), [...batch, ...others], [chunk, ...params, ...own], groups)
    }
  }
  run(xs, squaresShader, [parts], [])
  run([...new Set(xs)], clipShader, [parts, norm], [parts.length, most])
  gpu.free(parts)
}
