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

const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i)

/**
 * A workgroup computes a square of y. It takes `depth` columns of op(a) and rows of op(b) at a time into its own memory,
 * where each thread reads what it needs for block × block values, which it keeps in registers. Beyond the edges the
 * squares hold zeros. Workgroups with the number z take only their part of k.
 */
const matmulShader = family((threads: number, block: number, transposeA: boolean, transposeB: boolean) => {
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
    storages: { a: 'read f32', b: 'read f32', y: 'write f32' },
    params: { m: 'u32', n: 'u32', k: 'u32', part: 'u32', above: 'u32', before: 'u32' },
    code: `
var<workgroup> tile_a: array<f32, ${row * depth}>;
var<workgroup> tile_b: array<f32, ${row * depth}>;
@compute @workgroup_size(${threads}, ${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u, @builtin(local_invocation_index) thread: u32) {
  let first_row = (p.above + group.y) * ${size}u;
  let first_column = (p.before + group.x) * ${size}u;
  let end = min((group.z + 1u) * p.part, p.k);
  ${numbers(block * block)
    .map((i) => `var y${Math.floor(i / block)}_${i % block} = 0.0;`)
    .join(' ')}
  for (var k = group.z * p.part; k < end; k += ${depth}u) {${load('a', !transposeA, 'first_row', 'p.m')}${load('b', transposeB, 'first_column', 'p.n')}
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
  let offset = group.z * p.m * p.n;
  ${numbers(block)
    .map(
      (i) => `let row${i} = first_row + local.y + ${i * threads}u;
  if (row${i} < p.m) {
    ${numbers(block)
      .map(
        (j) =>
          `{ let column = first_column + local.x + ${j * threads}u; if (column < p.n) { y[offset + row${i} * p.n + column] = y${i}_${j}; } }`,
      )
      .join('\n    ')}
  }`,
    )
    .join('\n  ')}
}`,
  })
})

/** y[m, n] = op(a) · op(b); see `Device.matmul`. A product with few values and a long k is computed in parts of k. */
export function matmul(gpu: Gpu, a: GpuStorage, b: GpuStorage, y: GpuStorage, sizes: MatmulSizes): void {
  const { m, n, k, transposeA = false, transposeB = false } = sizes
  const groupsOf = ({ threads, block }: Tile) => [Math.ceil(n / (threads * block)), Math.ceil(m / (threads * block))]
  const countOf = (tile: Tile) => groupsOf(tile).reduce((count, groups) => count * groups)
  const tile = tiles.find((tile) => countOf(tile) >= MANY_GROUPS) ?? tiles.at(-1)!
  const [columns, rows] = groupsOf(tile)
  const most = Math.min(Math.floor(k / LEAST_DEPTH), Math.ceil(MANY_GROUPS / countOf(tile)))
  const part = Math.ceil(k / Math.max(most, 1))
  const parts = Math.ceil(k / part)
  const by = matmulShader(tile.threads, tile.block, transposeA, transposeB)
  const run = (y: GpuStorage) => {
    // Products so large that a dispatch has too few workgroups for them are computed in several.
    for (let above = 0; above < rows; above += MOST_GROUPS) {
      for (let before = 0; before < columns; before += MOST_GROUPS) {
        const [width, height] = [columns - before, rows - above].map((groups) => Math.min(groups, MOST_GROUPS))
        gpu.run(by, [a, b, y], [m, n, k, part, above, before], [width, height, parts])
      }
    }
  }
  if (parts === 1) {
    run(y)
    return
  }
  const sums = gpu.empty(parts * m * n)
  run(sums)
  sumAxis(gpu, sums, y, 1, parts, m * n)
  gpu.free(sums)
}
