import type { GpuStorage } from './buffers.js'
import type { Gpu } from './gpu.js'
import { builtins, spread, THREADS, threadIndex } from './math.js'
import { family, shader } from './program.js'

/** Vectors that belong to the rows of a matrix; what is absent counts as zeros. */
export interface RowVectors {
  biasIh?: GpuStorage
  biasHh?: GpuStorage
}

const names = ['biasIh', 'biasHh'] as const

const packShader = family((present: readonly (keyof RowVectors)[]) =>
  shader({
    name: 'packWeights',
    storages: {
      weight: 'read f32',
      y: 'write vec4f',
      ...Object.fromEntries(present.map((name) => [name, 'read f32'] as const)),
    },
    params: { rows: 'u32', columns: 'u32' },
    code: `
fn at(row: u32, column: u32) -> f32 {
  if (column >= p.columns) { return 0.0; }
  return weight[row * p.columns + column];
}
@compute @workgroup_size(${THREADS}) fn main(${builtins}) {
  let i = ${threadIndex};
  let fours = (p.columns + 3u) / 4u;
  if (i >= (fours + 1u) * p.rows) { return; }
  let row = i % p.rows;
  let column = 4u * (i / p.rows);
  if (column < p.columns) {
    y[i] = vec4f(at(row, column), at(row, column + 1u), at(row, column + 2u), at(row, column + 3u));
  } else {
    y[i] = vec4f(${names.map((name) => (present.includes(name) ? `${name}[row]` : '0.0')).join(', ')}, 0.0, 0.0);
  }
}`,
  }),
)

/**
 * A matrix [rows, columns] as neighbouring threads read it, each of which takes a row: four columns of each row, then
 * the next four, with zeros after the last column, and in the end a vector with the row's biases.
 */
export function packed(
  gpu: Gpu,
  weight: GpuStorage,
  rows: number,
  columns: number,
  vectors: RowVectors = {},
): GpuStorage {
  const count = (Math.ceil(columns / 4) + 1) * rows
  const y = gpu.empty(4 * count)
  const present = names.filter((name) => vectors[name])
  const storages = [weight, y, ...present.map((name) => vectors[name]!)]
  gpu.run(packShader(present), storages, [rows, columns], spread(Math.ceil(count / THREADS)))
  return y
}
