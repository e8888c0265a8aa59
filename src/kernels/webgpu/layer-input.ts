import type { GpuStorage } from './buffers.js'
import type { Gpu } from './gpu.js'
import { builtins, groupIndex, spread, THREADS, threadIndex } from './math.js'
import { family, shader } from './program.js'
import { groupRows, joinedIndices } from './rows.js'

// The sums on the input's side of a layer that takes tokens, for all time steps, and their gradient.

const sumsShader = shader({
  name: 'tokenSums',
  storages: { weight: 'read f32', tokens: 'read i32', y: 'write f32' },
  params: { count: 'u32', rows: 'u32', inputSize: 'u32' },
  code: `
@compute @workgroup_size(${THREADS}) fn main(${builtins}) {
  let i = ${threadIndex};
  if (i < p.count) { y[i] = weight[(i % p.rows) * p.inputSize + u32(tokens[i / p.rows])]; }
}`,
})

/** y[tokens, rows] = the columns of weight[rows, inputSize] that belong to the tokens. */
export function tokenSums(gpu: Gpu, weight: GpuStorage, tokens: Int32Array, y: GpuStorage, inputSize: number): void {
  const numbers = gpu.from(tokens)
  const rows = weight.length / inputSize
  gpu.run(sumsShader, [weight, numbers, y], [y.length, rows, inputSize], spread(Math.ceil(y.length / THREADS)))
  gpu.free(numbers)
}

/** Rows of the weight that a workgroup takes, and the threads that share the places of a token. */
const LANES = 32
const SLICES = THREADS / LANES

/** A workgroup adds up, for some rows of the weight, what belongs to one token, always in the same order: of all tokens if `whole`. */
const gradShader = family((whole: boolean) =>
  shader({
    name: 'tokenGradients',
    storages: { dy: 'read f32', places: 'read i32', dw: whole ? 'write f32' : 'update f32' },
    params: { tokens: 'u32', rows: 'u32', inputSize: 'u32' },
    code: `
var<workgroup> sums: array<f32, ${THREADS}>;
@compute @workgroup_size(${THREADS}) fn main(${builtins}) {
  let blocks = (p.rows + ${LANES - 1}u) / ${LANES}u;
  let g = ${groupIndex} / blocks;
  if (g >= p.tokens) { return; }
  let row = (${groupIndex} % blocks) * ${LANES}u + thread % ${LANES}u;
  let slice = thread / ${LANES}u;
  let start = u32(places[p.tokens + g]);
  let end = u32(places[p.tokens + g + 1u]);
  let order = 2u * p.tokens + 1u;
  var sum = 0.0;
  if (row < p.rows) {
    for (var at = start + slice; at < end; at += ${SLICES}u) { sum += dy[u32(places[order + at]) * p.rows + row]; }
  }
  sums[thread] = sum;
  workgroupBarrier();
  if (slice == 0u && row < p.rows) {
    for (var other = 1u; other < ${SLICES}u; other++) { sum += sums[thread + other * ${LANES}u]; }
    dw[row * p.inputSize + u32(places[g])] = sum;
  }
}`,
  }),
)

/** Writes the gradient of the weight, from that of the tokens' sums dy, to dw[rows, inputSize], which must be zeros. */
export function tokenGradients(gpu: Gpu, dy: GpuStorage, tokens: Int32Array, dw: GpuStorage, inputSize: number): void {
  // Tokens that do not occur have a gradient of zeros, which many of them get faster from the buffer that is filled.
  const whole = inputSize <= tokens.length
  const grouped = groupRows(tokens, whole ? inputSize : undefined)
  const count = grouped.rows.length
  const rows = dw.length / inputSize
  const places = gpu.from(joinedIndices([grouped.rows, grouped.starts, grouped.order]))
  gpu.run(gradShader(whole), [dy, places, dw], [count, rows, inputSize], spread(count * Math.ceil(rows / LANES)))
  gpu.free(places)
}
