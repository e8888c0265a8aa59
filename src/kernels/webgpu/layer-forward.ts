import { hasC } from '../../device/cells.js'
import { cellCode } from './cell-code.js'
import { each, eachRow, type Grid, gateCount } from './layer-grid.js'
import { functions } from './math.js'
import { type Access, family, type Shader, shader } from './program.js'

/** Where a unit's sums on the input's side come from. */
export type InputSums =
  /** From `sums`, where they were computed for all steps together. */
  | 'sums'
  /** From the columns of `inputWeights` that belong to `tokens`. */
  | 'tokens'
  /** From products of `x` with `inputWeights`, both of `inputSize` columns. */
  | 'product'

/** What a shader for the forward pass does. */
export interface ForwardOptions {
  input: InputSums
  /** Whether the states before the first step are in `h0` and `c0`; otherwise they are zeros. */
  h0: boolean
  c0: boolean
  /** Whether the values for the gradients are kept: the gates in place of `sums`, the others in `tape`. */
  keep: boolean
}

/** The storages of a shader for the forward pass, in the order in which they are bound. */
export function forwardStorages({ cell, inside }: Grid, { input, h0, c0, keep }: ForwardOptions): string[] {
  const c = hasC(cell)
  return [
    'weights',
    'h_all',
    'hn',
    ...(c ? ['cn'] : []),
    ...(input === 'sums' ? ['sums'] : []),
    ...(input === 'tokens' ? ['tokens'] : []),
    ...(input === 'product' ? ['x'] : []),
    ...(input === 'sums' ? [] : ['input_weights']),
    ...(inside ? [] : ['products']),
    ...(h0 ? ['h0'] : []),
    ...(c && c0 ? ['c0'] : []),
    ...(keep ? ['tape'] : []),
  ]
}

const accesses: Readonly<Record<string, Access>> = {
  weights: 'read vec4f',
  h_all: 'update f32',
  hn: 'write f32',
  cn: 'write f32',
  tokens: 'read i32',
  x: 'read f32',
  input_weights: 'read vec4f',
  products: 'read f32',
  h0: 'read f32',
  c0: 'read f32',
  tape: 'update f32',
}

/** Four neighbouring values of an array as a vector. */
const four = (array: string, at: string): string =>
  `vec4f(${each(4, (i) => `${array}[${at}${i > 0 ? ` + ${i}u` : ''}]`, ', ')})`

/**
 * The products of one unit with the rows of a thread, added to the sums `<name><gate>_<row>`: a loop over four columns
 * at a time. `vector(row)` is the row's vector of columns 4 k.
 */
const products = (
  grid: Grid,
  name: string,
  weights: string,
  fours: string,
  vector: (row: number) => string,
): string => `
      for (var k = 0u; k < ${fours}; k++) {
        ${each(gateCount(grid.cell), (g) => `let w${g} = ${weights}[(k * GATES + ${g}u) * H + j];`, ' ')}
        ${eachRow(
          grid,
          (r) => `let v${r} = ${vector(r)};
        ${each(gateCount(grid.cell), (g) => `${name}${g}_${r} += dot(w${g}, v${r});`, ' ')}`,
        )}
      }`

/**
 * The forward pass of a layer through `count` time steps from number `first` on. A workgroup owns some sequences: it
 * keeps their h, twice because all threads read the last one while they write the next one, and their c, which only the
 * thread reads that writes it. Each thread computes whole units, all gates for all its rows.
 */
export const forwardShader = family((grid: Grid, options: ForwardOptions): Shader => {
  const { cell, hiddenSize, lanes, slices, rows, inside } = grid
  const { input, h0, c0, keep } = options
  const gates = gateCount(cell)
  const c = hasC(cell)
  const padded = 4 * Math.ceil(hiddenSize / 4)
  const size = slices * rows * padded
  const code = cellCode[cell]
  const hAt = (r: number) => `(row + ${r}u) * ${padded}u`
  const cAt = (r: number) => `c[(row + ${r}u) * H + j]`
  const inputSum = (g: number, r: number): string =>
    ({
      sums: `sums[(at * GATES + ${g}u) * H + j]`,
      tokens: `input_weights[((u32(tokens[at]) / 4u) * GATES + ${g}u) * H + j][u32(tokens[at]) % 4u]`,
      product: `a${g}_${r}`,
    })[input]
  const eachUnit = (body: string) => `for (var j = lane; j < H; j += ${lanes}u) {${body}
    }`
  const eachSequence = (body: (r: number) => string) =>
    eachRow(
      grid,
      (r) => `
      { let b = sequence + ${r}u; if (b < p.batch) { ${body(r)} } }`,
    )

  const begin = eachUnit(
    eachSequence((r) =>
      [h0 ? `h[${hAt(r)} + j] = h0[b * H + j];` : '', c ? `${cAt(r)} = ${c0 ? 'c0[b * H + j]' : '0.0'};` : ''].join(
        ' ',
      ),
    ),
  )
  const end = eachUnit(
    eachSequence((r) => [`hn[b * H + j] = h[now + ${hAt(r)} + j];`, c ? `cn[b * H + j] = ${cAt(r)};` : ''].join(' ')),
  )
  const hiddenProducts = inside
    ? `${eachRow(grid, (r) => each(gates, (g) => `var u${g}_${r} = 0.0;`, ' '))}
      ${products(grid, 'u', 'weights', `${padded / 4}u`, (r) => four('h', `now + ${hAt(r)} + 4u * k`))}`
    : ''
  const inputProducts =
    input === 'product'
      ? `${eachRow(grid, (r) => each(gates, (g) => `var a${g}_${r} = 0.0;`, ' '))}
      ${products(grid, 'a', 'input_weights', '(p.inputSize + 3u) / 4u', (r) => {
        const at = `((t * p.batch + min(sequence + ${r}u, p.batch - 1u)) * p.inputSize + min(4u * k`
        return `vec4f(${each(4, (i) => `x[${at} + ${i}u, p.inputSize - 1u))]`, ', ')})`
      })}`
      : ''
  // Without workgroup memory the states go from step to step in hn and cn, value by value.
  const before = (r: number) =>
    inside
      ? `let h_before = h[now + ${hAt(r)} + j]; ${c ? `let c_before = ${cAt(r)};` : ''}`
      : `let h_before = hn[b * H + j]; ${c ? 'let c_before = cn[b * H + j];' : ''}`
  const after = (r: number) =>
    inside
      ? `h[next + ${hAt(r)} + j] = h_after; ${c ? `${cAt(r)} = c_after;` : ''}`
      : `hn[b * H + j] = h_after; ${c ? 'cn[b * H + j] = c_after;' : ''}`
  const kept = `
        ${each(gates, (g) => `sums[(at * GATES + ${g}u) * H + j] = g${g};`, ' ')}
        tape[at * H + j] = h_before;
        ${code.extra ? `tape[(p.steps * p.batch + at) * H + j] = ${code.extra};` : ''}`
  const step = eachUnit(`${hiddenProducts}${inputProducts}
      ${each(gates, (g) => `let biases${g} = weights[(${padded / 4}u * GATES + ${g}u) * H + j];`, ' ')}
      ${eachSequence(
        (r) => `
        let at = t * p.batch + b;
        ${before(r)}
        ${each(gates, (g) => `let a${g} = ${inputSum(g, r)} + biases${g}.x;`, ' ')}
        ${each(gates, (g) => `let u${g} = ${inside ? `u${g}_${r}` : `products[(b * GATES + ${g}u) * H + j]`} + biases${g}.y;`, ' ')}
        ${code.forward}
        ${keep ? kept : ''}
        h_all[at * H + j] = h_after;
        ${after(r)}`,
      )}`)

  const storages = forwardStorages(grid, options).map((name): [string, Access] => {
    if (name === 'sums') return [name, keep ? 'update f32' : 'read f32']
    // In a dispatch of one step they are what the step before it has written.
    if (name === 'hn' || name === 'cn') return [name, inside ? 'write f32' : 'update f32']
    return [name, accesses[name]]
  })
  return shader({
    name: `${cell} forward`,
    storages: Object.fromEntries(storages),
    params: { steps: 'u32', batch: 'u32', first: 'u32', count: 'u32', reverse: 'u32', inputSize: 'u32' },
    code: `
const H = ${hiddenSize}u;
const GATES = ${gates}u;
${functions('f32')}
${inside ? `var<workgroup> h: array<f32, ${2 * size}>;` : ''}
${inside && c ? `var<workgroup> c: array<f32, ${slices * rows * hiddenSize}>;` : ''}
@compute @workgroup_size(${lanes}, ${slices})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let lane = local.x;
  let row = local.y * ${rows}u;
  let sequence = group.x * ${slices * rows}u + row;
  ${inside ? `var now = 0u;\n  ${begin}\n  workgroupBarrier();` : ''}
  for (var s = p.first; s < p.first + p.count; s++) {
    let t = select(s, p.steps - 1u - s, p.reverse == 1u);
    ${inside ? `let next = ${size}u - now;` : ''}
    ${step}
    ${inside ? 'workgroupBarrier();\n    now = next;' : ''}
  }
  ${inside ? end : ''}
}`,
  })
})
