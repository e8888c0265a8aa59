import type { CellWeights } from '../../device/device.js'
import type { GpuStorage } from './buffers.js'
import type { Gpu } from './gpu.js'
import { builtins, spread, THREADS, threadIndex } from './math.js'
import { family, shader } from './program.js'

/** Vectors of a layer that are packed with a matrix; what is absent counts as zeros. */
export type Vectors = Pick<CellWeights<GpuStorage>, 'biasIh' | 'biasHh' | 'gainHh' | 'gainC' | 'biasC' | 'weightCh'>

const names = ['biasIh', 'biasHh', 'gainHh', 'gainC', 'biasC', 'weightCh'] as const

const packShader = family((present: readonly (typeof names)[number][]) => {
  const has = (name: string) => present.some((other) => other === name)
  return shader({
    name: 'packWeights',
    storages: {
      weight: 'read f32',
      y: 'write vec4f',
      ...Object.fromEntries(present.map((name) => [name, 'read f32'] as const)),
    },
    params: { rows: 'u32', columns: 'u32', units: 'u32' },
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
    y[i] = vec4f(${['biasIh', 'biasHh', 'gainHh'].map((name) => (has(name) ? `${name}[row]` : '0.0')).join(', ')}, 0.0);
    ${has('weightCh') ? 'if (row < 2u * p.units) { y[i].z = weightCh[row]; } else if (row >= 3u * p.units) { y[i].z = weightCh[row - p.units]; }' : ''}
    ${has('gainC') ? 'if (row < p.units) { y[i].w = gainC[row]; }' : ''}
    ${has('biasC') ? 'if (row >= p.units && row < 2u * p.units) { y[i].w = biasC[row - p.units]; }' : ''}
  }
}`,
  })
})

/**
 * A matrix [rows, columns] as neighbouring threads read it, each of which takes a row: four columns of each row, then
 * the next four, with zeros after the last column. In the end, each row has a vector of its two biases and its gain or
 * peephole; the fourth component is gainC for the rows of the first gate, and biasC for those of the second.
 */
export function packed(gpu: Gpu, weight: GpuStorage, rows: number, columns: number, vectors: Vectors = {}): GpuStorage {
  const count = (Math.ceil(columns / 4) + 1) * rows
  const y = gpu.empty(4 * count)
  const present = names.filter((name) => vectors[name])
  const storages = [weight, y, ...present.map((name) => vectors[name]!)]
  gpu.run(
    packShader(present),
    storages,
    [rows, columns, vectors.gainC?.length ?? (vectors.weightCh?.length ?? 0) / 3],
    spread(Math.ceil(count / THREADS)),
  )
  return y
}
