import type { GpuStorage } from './buffers.js'
import type { Gpu } from './gpu.js'
import { builtins, groupIndex, spread, THREADS, threadIndex } from './math.js'
import { shader } from './program.js'

const gatherShader = shader({
  name: 'gatherRows',
  storages: { x: 'read f32', rows: 'read i32', y: 'write f32' },
  params: { count: 'u32', width: 'u32' },
  code: `
@compute @workgroup_size(${THREADS}) fn main(${builtins}) {
  let i = ${threadIndex};
  if (i >= p.count) { return; }
  y[i] = x[u32(rows[i / p.width]) * p.width + i % p.width];
}`,
})

/** y[i] = row rows[i] of x[n, width] */
export function gatherRows(gpu: Gpu, x: GpuStorage, rows: Int32Array, y: GpuStorage, width: number): void {
  const numbers = gpu.from(rows)
  gpu.run(gatherShader, [x, numbers, y], [y.length, width], spread(Math.ceil(y.length / THREADS)))
  gpu.free(numbers)
}

/** The numbers 0 … rows.length − 1 sorted by their rows, and in each row in order. */
export interface GroupedRows {
  /** The rows that occur, or all. */
  readonly rows: Int32Array
  /** Where the numbers of each of these rows begin in `order`, and where the last ones end: one more than rows. */
  readonly starts: Int32Array
  readonly order: Int32Array
}

/**
 * Groups the places of equal rows, so that what belongs to one row can be added up in order, without atomics.
 * @param all if given, the rows below it have a group each, also those that do not occur
 */
export function groupRows(rows: Int32Array, all?: number): GroupedRows {
  const counts = new Map<number, number>()
  for (const row of rows) counts.set(row, (counts.get(row) ?? 0) + 1)
  const distinct =
    all === undefined ? Int32Array.from(counts.keys()).sort() : Int32Array.from({ length: all }, (_, i) => i)
  const starts = new Int32Array(distinct.length + 1)
  const next = new Map<number, number>()
  distinct.forEach((row, i) => {
    next.set(row, starts[i])
    starts[i + 1] = starts[i] + (counts.get(row) ?? 0)
  })
  const order = new Int32Array(rows.length)
  rows.forEach((row, i) => {
    order[next.get(row)!] = i
    next.set(row, next.get(row)! + 1)
  })
  return { rows: distinct, starts, order }
}

/** A workgroup adds up what belongs to one row, in the order of the rows; its threads share the columns. */
const scatterShader = shader({
  name: 'scatterAddRows',
  storages: { dy: 'read f32', places: 'read i32', dx: 'update f32' },
  params: { rows: 'u32', width: 'u32' },
  code: `
@compute @workgroup_size(${THREADS}) fn main(${builtins}) {
  let g = ${groupIndex};
  if (g >= p.rows) { return; }
  let row = u32(places[g]);
  let start = u32(places[p.rows + g]);
  let end = u32(places[p.rows + g + 1u]);
  let order = 2u * p.rows + 1u;
  for (var column = thread; column < p.width; column += ${THREADS}u) {
    var sum = dx[row * p.width + column];
    for (var at = start; at < end; at++) { sum += dy[u32(places[order + at]) * p.width + column]; }
    dx[row * p.width + column] = sum;
  }
}`,
})

/** Arrays one after another in one, because each storage of a shader is a binding of its own. */
export function joinedIndices(parts: readonly Int32Array[]): Int32Array {
  const joined = new Int32Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.length
  }
  return joined
}

/** Row rows[i] of dx[n, width] += dy[i], in the order of the rows. */
export function scatterAddRows(gpu: Gpu, dy: GpuStorage, rows: Int32Array, dx: GpuStorage, width: number): void {
  const grouped = groupRows(rows)
  const count = grouped.rows.length
  const places = gpu.from(joinedIndices([grouped.rows, grouped.starts, grouped.order]))
  gpu.run(scatterShader, [dy, places, dx], [count, width], spread(count))
  gpu.free(places)
}
