import { each, eachGate, inGroups } from './layer-code.js'
import { type Grid, gateCount } from './layer-grid.js'

// The products of a unit's weights with the rows of a thread in the forward pass of a layer, as WGSL.

/** Columns of W_hh, in vectors of four. */
export const foursOf = ({ hiddenSize }: Grid): number => Math.ceil(hiddenSize / 4)

/** Where h of a thread's row begins, in one of the workgroup's two copies. */
export const hAt = (grid: Grid, row: number) => `(row + ${row}u) * ${4 * foursOf(grid)}u`

/** Vectors of weights that a thread loads at a time, so that the GPU waits once for all of them. */
const LOADS = 8

/**
 * The products of one unit with the rows of a thread as variables `<name><gate>_<row>`, from four columns at a time.
 * @param fours the number of times, which is known when the shader is made, or not
 * @param value the values of a row in column i of the four with the number k
 */
const products = (
  grid: Grid,
  name: string,
  weights: string,
  fours: number | string,
  value: (row: number, k: string, i: number) => string,
): string => {
  const most = Math.ceil(LOADS / gateCount(grid.cell))
  const size = typeof fours === 'number' ? Math.min(most, fours) : most
  const count = typeof fours === 'number' ? `${fours}u` : fours
  const rest = typeof fours === 'string' || fours % size > 0
  const load = (k: string, suffix: string) =>
    eachGate(grid, (g) => `let w${g}${suffix} = ${weights}[((${k}) * GATES + ${g}u) * H + j];`)
  const use = (k: string, suffix: string) =>
    each(
      grid.rows,
      (r) =>
        `{ let v = vec4f(${each(4, (i) => value(r, k, i), ', ')}); ${eachGate(grid, (g) => `${name}${g}_${r} += dot(w${g}${suffix}, v);`)} }`,
    )
  return `
      ${each(grid.rows, (r) => eachGate(grid, (g) => `var ${name}${g}_${r} = 0.0;`), ' ')}
      { ${inGroups(count, size, rest, load, use)} }`
}

/** The products of a unit with h before the step, `u<gate>_<row>`. */
export const hiddenProducts = (grid: Grid): string =>
  products(grid, 'u', 'weights', foursOf(grid), (r, k, i) => `own_h[now + ${hAt(grid, r)} + 4u * (${k}) + ${i}u]`)

/**
 * The products of a unit with the step's features, `a<gate>_<row>`. Beyond the last column the weights are zeros, and any
 * value of x will do.
 */
export const inputProducts = (grid: Grid): string =>
  products(grid, 'a', 'input_weights', '((p.inputSize + 3u) / 4u)', (r, k, i) => {
    const start = `(t * p.batch + min(sequence + ${r}u, p.batch - 1u)) * p.inputSize`
    return `x[${start} + min(4u * (${k}) + ${i}u, p.inputSize - 1u)]`
  })
