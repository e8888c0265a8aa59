import type { GpuStorage } from './buffers.js'
import type { Gpu } from './gpu.js'
import { builtins, groupIndex, spread, THREADS, threadIndex } from './math.js'
import { family, shader } from './program.js'
import { reducingMain, sumOver } from './reductions.js'

// Operations along the middle axis of x[outer, length, inner].

/**
 * Results that a workgroup computes side by side: few choices, because each is a shader to compile. Eight lie in one line
 * of a cache.
 */
type Lanes = 1 | 8 | 64
/** A middle axis that is not worth more than a few threads for each result. */
const SHORT = 64
/** Values that one workgroup adds up at most, if there are few results. */
const LONG = 16_384

/**
 * A workgroup computes `lanes` results that lie one after another, and shares the middle axis, or the part of it that has
 * the number z, among its threads; their sums are added up in a fixed order.
 */
const sumShader = family((lanes: Lanes, squares: boolean) => {
  const slices = THREADS / lanes
  const together = lanes === 1
  const main = `let slice = thread / ${lanes}u;
  let result = ${groupIndex} * ${lanes}u + thread % ${lanes}u;
  let o = result / p.inner;
  let i = result % p.inner;
  let end = min((group.z + 1u) * p.part, p.length);
  var sum = 0.0;
  if (o < p.outer) {
    for (var l = group.z * p.part + slice; l < end; l += ${slices}u) {
      let value = x[(o * p.length + l) * p.inner + i];
      sum += ${squares ? 'value * value' : 'value'};
    }
  }
  ${
    together
      ? 'sum = sum_of(sum, own);'
      : `sums[thread] = sum;
  workgroupBarrier();
  for (var half = ${slices / 2}u; half > 0u; half /= 2u) {
    if (slice < half) { sums[thread] += sums[thread + half * ${lanes}u]; }
    workgroupBarrier();
  }
  sum = sums[thread];`
  }
  if (slice == 0u && o < p.outer) { y[(o * groups.z + group.z) * p.inner + i] = p.scale * sum; }`
  return shader({
    name: squares ? 'sumSquares' : 'sumAxis',
    storages: { x: 'read f32', y: 'write f32' },
    params: { outer: 'u32', length: 'u32', inner: 'u32', part: 'u32', scale: 'f32' },
    ...(together && { reductions: { sum_of: sumOver(THREADS) } }),
    code: together
      ? reducingMain(THREADS, main)
      : `
var<workgroup> sums: array<f32, ${THREADS}>;
@compute @workgroup_size(${THREADS}) fn main(${builtins}) {
  ${main}
}`,
  })
})

const lanesFor = (length: number, inner: number): Lanes => {
  if (length <= SHORT) return 64
  return inner === 1 ? 1 : 8
}

/**
 * y[outer, inner] = scale · Σ over the middle axis of x[outer, length, inner], or of its squares. A long axis is added up
 * in parts.
 */
export function sumAxis(
  gpu: Gpu,
  x: GpuStorage,
  y: GpuStorage,
  outer: number,
  length: number,
  inner: number,
  { scale = 1, squares = false } = {},
): void {
  if (outer * inner === 0) return
  const lanes = lanesFor(length, inner)
  const parts = Math.min(Math.max(Math.ceil((length * lanes) / LONG), 1), 256)
  const part = Math.ceil(length / parts)
  const [columns, rows] = spread(Math.ceil((outer * inner) / lanes))
  const by = sumShader(lanes, squares)
  if (parts === 1) {
    gpu.run(by, [x, y], [outer, length, inner, part, scale], [columns, rows])
    return
  }
  const sums = gpu.empty(outer * parts * inner)
  gpu.run(by, [x, sums], [outer, length, inner, part, 1], [columns, rows, parts])
  sumAxis(gpu, sums, y, outer, parts, inner, { scale })
  gpu.free(sums)
}

/** A workgroup finds the first of the largest values for `lanes` results, as `sumShader` adds up. */
const argmaxShader = family((lanes: Lanes) => {
  const slices = THREADS / lanes
  return shader({
    name: 'argmax',
    storages: { x: 'read f32', places: 'write i32' },
    params: { outer: 'u32', length: 'u32', inner: 'u32' },
    code: `
// In the order of the values, which whole numbers keep for a NaN, too: it is the largest. −0 and 0 are equal.
fn order_of(x: f32) -> u32 {
  let bits = bitcast<u32>(x);
  if ((bits & 0x7fffffffu) > 0x7f800000u) { return 0xffffffffu; }
  return select(bits | 0x80000000u, 0u - bits, bits > 0x7fffffffu);
}
var<workgroup> values: array<u32, ${THREADS}>;
var<workgroup> at: array<u32, ${THREADS}>;
@compute @workgroup_size(${THREADS}) fn main(${builtins}) {
  let slice = thread / ${lanes}u;
  let result = ${groupIndex} * ${lanes}u + thread % ${lanes}u;
  let o = result / p.inner;
  let i = result % p.inner;
  // A thread without values holds the place after the last one.
  at[thread] = p.length;
  if (o < p.outer) {
    for (var l = slice; l < p.length; l += ${slices}u) {
      let value = order_of(x[(o * p.length + l) * p.inner + i]);
      if (at[thread] == p.length || value > values[thread]) { values[thread] = value; at[thread] = l; }
    }
  }
  workgroupBarrier();
  for (var half = ${slices / 2}u; half > 0u; half /= 2u) {
    if (slice < half) {
      let other = thread + half * ${lanes}u;
      let larger = values[other] > values[thread] || (values[other] == values[thread] && at[other] < at[thread]);
      if (at[other] < p.length && (larger || at[thread] == p.length)) { values[thread] = values[other]; at[thread] = at[other]; }
    }
    workgroupBarrier();
  }
  if (slice == 0u && o < p.outer) { places[result] = i32(at[thread]); }
}`,
  })
})

/** The places of the largest values along the middle axis, as whole numbers. */
export function argmax(gpu: Gpu, x: GpuStorage, outer: number, length: number, inner: number): GpuStorage {
  const places = gpu.empty(outer * inner, 'i32')
  if (places.length === 0) return places
  const lanes = lanesFor(length, inner)
  gpu.run(argmaxShader(lanes), [x, places], [outer, length, inner], spread(Math.ceil((outer * inner) / lanes)))
  return places
}

const placed = (name: string, x: 'read f32' | 'update f32', y: 'read f32' | 'write f32', statement: string) =>
  shader({
    name,
    storages: { x, places: 'read i32', y },
    params: { count: 'u32', length: 'u32', inner: 'u32' },
    code: `
@compute @workgroup_size(${THREADS}) fn main(${builtins}) {
  let i = ${threadIndex};
  if (i >= p.count) { return; }
  let place = ((i / p.inner) * p.length + u32(places[i])) * p.inner + i % p.inner;
  ${statement}
}`,
  })

const pickShader = placed('pick', 'read f32', 'write f32', 'y[i] = x[place];')
const putShader = placed('put', 'update f32', 'read f32', 'x[place] = y[i];')

/** y[outer, inner] = x[outer, places[outer, inner], inner] */
export function pick(gpu: Gpu, x: GpuStorage, places: GpuStorage, y: GpuStorage, length: number, inner: number): void {
  gpu.run(pickShader, [x, places, y], [y.length, length, inner], spread(Math.ceil(y.length / THREADS)))
}

/** Writes dy to those places of dx. */
export function put(gpu: Gpu, dy: GpuStorage, places: GpuStorage, dx: GpuStorage, length: number, inner: number): void {
  gpu.run(putShader, [dx, places, dy], [dy.length, length, inner], spread(Math.ceil(dy.length / THREADS)))
}
