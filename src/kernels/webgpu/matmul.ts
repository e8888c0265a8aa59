import type { MatmulSizes } from '../../device/device.js'
import type { GpuStorage } from './buffers.js'
import type { Gpu } from './gpu.js'
import { MOST_GROUPS } from './math.js'
import { family, shader } from './program.js'
import { sumAxis } from './reduce.js'

/** Rows and columns of threads in a workgroup, and of values that each thread computes. */
interface Tile {
  threads: number
  block: number
}

/** From the fastest for large products to the one that keeps the most workgroups busy in small ones. */
const tiles: readonly Tile[] = [
  { threads: 16, block: 8 },
  { threads: 16, block: 4 },
  { threads: 8, block: 4 },
]

/** Workgroups that a product should have at least, so that a large GPU has work for all of its parts. */
const MANY_GROUPS = 128
/** The shortest part of k that is worth a workgroup of its own. */
const LEAST_DEPTH = 128
/** The part of k in whose time the parts could be added up, which takes a dispatch: about 1 µs for 16. */
const SPLIT_DEPTH = 512

const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i)

/**
 * A workgroup computes a square of y. It takes `depth` columns of op(a) and rows of op(b) at a time into its own memory,
 * where each thread reads what it needs for block × block values, which it keeps in registers. Beyond the edges the
 * squares hold zeros. Workgroups with the number z take only their part of k; those of
 * the first part add the bias.
 */
const matmulShader = family(
  (threads: number, block: number, transposeA: boolean, transposeB: boolean, bias: boolean) => {
    const size = threads * block
    const depth = threads === 16 && block === 8 ? 8 : 16
    // One more value per row, so that threads that write down a column use different banks of the memory.
    const row = size + 1
    const load = (name: 'a' | 'b', along: boolean, from: string, count: string) => `
    for (var e = thread; e < ${size * depth}u; e += ${threads * threads}u) {
      let i = ${along ? `e / ${depth}u` : `e % ${size}u`};
      let l = ${along ? `e % ${depth}u` : `e / ${size}u`};
      let place = ${from} + i;
      var value = 0.0;
      if (place < ${count} && k + l < end) { value = ${name}[${along ? 'place * p.k + k + l' : `(k + l) * ${count} + place`}]; }
      tile_${name}[l * ${row}u + i] = value;
    }`
    return shader({
      name: `matmul${size}`,
      storages: { a: 'read f32', b: 'read f32', y: 'write f32', ...(bias && ({ bias: 'read f32' } as const)) },
      params: { m: 'u32', n: 'u32', k: 'u32', part: 'u32', above: 'u32', before: 'u32', first: 'u32' },
      code: `
var<workgroup> tile_a: array<f32, ${row * depth}>;
var<workgroup> tile_b: array<f32, ${row * depth}>;
@compute @workgroup_size(${threads}, ${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u, @builtin(local_invocation_index) thread: u32) {
  let first_row = (p.above + group.y) * ${size}u;
  let first_column = (p.before + group.x) * ${size}u;
  let number = p.first + group.z;
  let end = min((number + 1u) * p.part, p.k);
  ${numbers(block * block)
    .map((i) => `var y${Math.floor(i / block)}_${i % block} = 0.0;`)
    .join(' ')}
  for (var k = number * p.part; k < end; k += ${depth}u) {${load('a', !transposeA, 'first_row', 'p.m')}${load('b', transposeB, 'first_column', 'p.n')}
    workgroupBarrier();
    for (var l = 0u; l < ${depth}u; l++) {
      ${numbers(block)
        .map((i) => `let a${i} = tile_a[l * ${row}u + local.y + ${i * threads}u];`)
        .join(' ')}
      ${numbers(block)
        .map((i) => `let b${i} = tile_b[l * ${row}u + local.x + ${i * threads}u];`)
        .join(' ')}
      ${numbers(block * block)
        .map((i) => [Math.floor(i / block), i % block])
        .map(([i, j]) => `y${i}_${j} += a${i} * b${j};`)
        .join(' ')}
    }
    workgroupBarrier();
  }
  let offset = number * p.m * p.n;
  ${numbers(block)
    .map(
      (i) => `let row${i} = first_row + local.y + ${i * threads}u;
  if (row${i} < p.m) {
    ${numbers(block)
      .map(
        (j) =>
          `{ let column = first_column + local.x + ${j * threads}u; if (column < p.n) { y[offset + row${i} * p.n + column] = y${i}_${j}${bias ? ' + select(0.0, bias[column], number == 0u)' : ''}; } }`,
      )
      .join('\n    ')}
  }`,
    )
    .join('\n  ')}
}`,
    })
  },
)

/**
 * y[m, n] = op(a) · op(b), with bias[n] added to each row if there is one; see `Device.matmul`. A product with few values
 * and a long k is computed in parts of k, and one that would take a slow GPU too long in several dispatches.
 */
export function matmul(
  gpu: Gpu,
  a: GpuStorage,
  b: GpuStorage,
  y: GpuStorage,
  sizes: MatmulSizes,
  bias?: GpuStorage,
): void {
  const { m, n, k, transposeA = false, transposeB = false } = sizes
  const groupsOf = ({ threads, block }: Tile) => [Math.ceil(n / (threads * block)), Math.ceil(m / (threads * block))]
  const countOf = (tile: Tile) => groupsOf(tile).reduce((count, groups) => count * groups)
  const tile = tiles.find((tile) => countOf(tile) >= MANY_GROUPS) ?? tiles.at(-1)!
  const wanted = Math.min(Math.floor(k / LEAST_DEPTH), Math.ceil(MANY_GROUPS / countOf(tile)))
  const split = wanted > 1 && k - k / wanted > SPLIT_DEPTH
  const part = split ? Math.ceil(k / wanted) : k
  const grid = [...groupsOf(tile), split ? Math.ceil(k / part) : 1]
  const { threads, block } = tile
  const by = matmulShader(threads, block, transposeA, transposeB, bias !== undefined)
  const run = (y: GpuStorage) => {
    const storages = bias ? [a, b, y, bias] : [a, b, y]
    const boxes = cut(grid, gpu.mostOperationsAtOnce / (2 * (threads * block) ** 2 * part))
    boxes.forEach(({ start: [before, above, first], size: [width, height, depth] }, i) => {
      // Some drivers measure how long a whole submission takes.
      if (i > 0) gpu.submit()
      gpu.run(by, storages, [m, n, k, part, above, before, first], [width, height, depth])
    })
  }
  if (!split) {
    run(y)
    return
  }
  const sums = gpu.empty(grid[2] * m * n)
  run(sums)
  sumAxis(gpu, sums, y, 1, grid[2], m * n)
  gpu.free(sums)
}

/** A grid of workgroups in boxes of at most so many in each direction as every adapter allows, and about `most` in all. */
function cut(grid: readonly number[], most: number): { start: number[]; size: number[] }[] {
  let left = Math.max(most, 1)
  // Along z first, so that a box has all parts of k for some tiles.
  const sizes = grid.toReversed().map((count) => {
    const size = Math.max(Math.min(count, Math.floor(left), MOST_GROUPS), 1)
    left /= size
    return size
  })
  const [width, height, depth] = sizes.toReversed()
  const starts = (count: number, size: number) => Array.from({ length: Math.ceil(count / size) }, (_, i) => i * size)
  return starts(grid[2], depth).flatMap((z) =>
    starts(grid[1], height).flatMap((y) =>
      starts(grid[0], width).map((x) => {
        const start = [x, y, z]
        return { start, size: [width, height, depth].map((most, axis) => Math.min(most, grid[axis] - start[axis])) }
      }),
    ),
  )
}
