import { cells, hasC } from '../../device/cells.js'
import { codeOf } from './cell-code.js'
import {
  declarations,
  EPSILON,
  eachAtWork,
  eachGate,
  eachSequence,
  eachUnit,
  groupOf,
  groupSizes,
  main,
  sum,
  sumsOf,
} from './layer-code.js'
import { type Grid, gateCount } from './layer-grid.js'
import { foursOf, hAt, hiddenProducts, inputProducts } from './layer-products.js'
import { onTape } from './layer-tape.js'
import { type Access, family, type Shader, shader } from './program.js'

/** Where a unit's sums on the input's side come from. */
export type InputSums =
  /** From `sums`, where they were computed for all steps together. */
  | 'sums'
  /** From the columns of `input_weights` that belong to `tokens`. */
  | 'tokens'
  /** From products of `x` with `input_weights`, both of `inputSize` columns. */
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

/** The storages of a shader for the forward pass, in the order in which they are bound: at most 8, as any GPU has them. */
export function forwardStorages({ cell, inside, uneven }: Grid, { input, h0, c0, keep }: ForwardOptions): string[] {
  const c = hasC(cell)
  return [
    'weights',
    'h_all',
    'hn',
    ...(c ? ['cn'] : []),
    ...{ sums: ['sums'], tokens: ['tokens', 'input_weights'], product: ['x', 'input_weights'] }[input],
    ...(inside ? [] : ['products']),
    ...(h0 ? ['h0'] : []),
    ...(c && c0 ? ['c0'] : []),
    ...(keep ? ['tape'] : []),
    ...(uneven ? ['lengths'] : []),
  ]
}

/** What the shader does with its storages. In a dispatch of one step, hn and cn are what the step before has written. */
const accesses = ({ inside, normalized }: Grid, { keep }: ForwardOptions): Record<string, Access> => ({
  weights: 'read vec4f',
  h_all: 'update f32',
  hn: inside ? 'write f32' : 'update f32',
  cn: inside ? 'write f32' : 'update f32',
  sums: keep ? 'update f32' : 'read f32',
  tokens: 'read i32',
  x: 'read f32',
  input_weights: 'read vec4f',
  products: normalized ? 'update f32' : 'read f32',
  h0: 'read f32',
  c0: 'read f32',
  tape: 'update f32',
  lengths: 'read f32',
})

const LENGTH = 'lengths[b]'

/** Where c of a thread's row is, and its sums of a gate if they are normalized. */
const cAt = ({ inside }: Grid, row: number) => (inside ? `own_c[(row + ${row}u) * H + j]` : 'cn[b * H + j]')
const uAt = ({ inside }: Grid, gate: number) =>
  inside ? `own_u[(row * GATES + ${gate}u) * H + j]` : `products[(b * GATES + ${gate}u) * H + j]`

/** The sum of a gate on the input's side, for the unit j of the place `at`. */
const inputSum = (input: InputSums, gate: number, row: number): string =>
  ({
    sums: `sums[(at * GATES + ${gate}u) * H + j]`,
    tokens: `input_weights[((u32(tokens[at]) / 4u) * GATES + ${gate}u) * H + j][u32(tokens[at]) % 4u]`,
    product: `a${gate}_${row}`,
  })[input]

/** The vector that belongs to a row of the weights: its biases, and its gain or peephole; see layer-weights.ts. */
const vectors = (grid: Grid): string =>
  eachGate(grid, (g) => `let vectors${g} = weights[(${foursOf(grid)}u * GATES + ${g}u) * H + j];`) + peepholesOf(grid)

/** The weights of peepholes, which have the place of the gain. */
const peepholesOf = (grid: Grid): string =>
  (codeOf(grid).peepholes ?? []).map((g) => ` let p${g} = vectors${g}.z;`).join('')

/** From the sums `u<gate>` without biases to the gates; what the gradients need is kept. */
const toGates = (grid: Grid, { input, keep }: ForwardOptions, row: number, u: (gate: number) => string): string => {
  const { forward, extra } = codeOf(grid)
  const { inside, cell } = grid
  return `
        let at = t * p.batch + b;
        let h_before = ${inside ? `own_h[now + ${hAt(grid, row)} + j]` : 'hn[b * H + j]'};
        ${hasC(cell) ? `let c_before = ${cAt(grid, row)};` : ''}
        ${eachGate(grid, (g) => `let a${g} = ${inputSum(input, g, row)} + vectors${g}.x;`)}
        ${eachGate(grid, (g) => `let u${g} = ${u(g)} + vectors${g}.y;`)}
        ${forward}
        ${keep ? eachGate(grid, (g) => `sums[(at * GATES + ${g}u) * H + j] = g${g};`) : ''}
        ${keep ? `${onTape(grid, 'before', 'j')} = h_before;` : ''}
        ${keep && extra ? `${onTape(grid, 'extra', 'j')} = ${extra};` : ''}
        ${hasC(cell) ? `${cAt(grid, row)} = c_after;` : ''}`
}

/** Where sequences have ended, h goes on as it is: states that no workgroup keeps do so by themselves. */
const keepH = (grid: Grid, row: number): string =>
  grid.inside ? `own_h[next + ${hAt(grid, row)} + j] = own_h[now + ${hAt(grid, row)} + j];` : ''

const writeH = (grid: Grid, row: number): string => `
        h_all[at * H + j] = h_after;
        ${grid.inside ? `own_h[next + ${hAt(grid, row)} + j]` : 'hn[b * H + j]'} = h_after;`

const plainStep = (grid: Grid, options: ForwardOptions): string => {
  const { output } = codeOf(grid)
  const product = (g: number, r: number) => (grid.inside ? `u${g}_${r}` : `products[(b * GATES + ${g}u) * H + j]`)
  return eachUnit(
    grid,
    `${grid.inside ? hiddenProducts(grid) : ''}${options.input === 'product' ? inputProducts(grid) : ''}
      ${vectors(grid)}
      ${eachAtWork(
        grid,
        LENGTH,
        (r) => `${toGates(grid, options, r, (g) => product(g, r))}
        ${output ? `let c_output = c_after;\n        ${output.forward}` : ''}${writeH(grid, r)}`,
        (r) => keepH(grid, r),
      )}`,
  )
}

/** The mean of values and 1 / √(variance + ε) as `mean` and `scale`, from statements that add to `part`. */
const statistics = (grid: Grid, add: (value: string) => string, sizes: string): string => `
    part = vec4f(0.0);
    ${add('')}
    let mean = ${sum(grid, 'part')} / ${sizes};
    part = vec4f(0.0);
    ${add('squares')}
    let scale = 1.0 / sqrt(${sum(grid, 'part')} / ${sizes} + ${EPSILON});`

/**
 * A step with normalization over the units of a sequence, whose threads therefore go over them several times: the
 * products, their means, their variances, the gates; then the same of c. The gate that h needs waits in the place of a sum.
 */
const normalizedStep = (grid: Grid, options: ForwardOptions): string => {
  const { inside, cell } = grid
  const { output } = codeOf(grid)
  const { groups } = cells[cell]
  const { keep } = options
  const last = gateCount(cell) - 1
  const addGates = (squares: string) =>
    `${eachUnit(
      grid,
      eachAtWork(grid, LENGTH, () =>
        eachGate(grid, (g) => {
          const x = groupOf(grid, g)
          return squares
            ? `{ let x = ${uAt(grid, g)} - mean.${x}; part.${x} += x * x; }`
            : `part.${x} += ${uAt(grid, g)};`
        }),
      ),
    )}`
  const addC = (squares: string) =>
    eachUnit(
      grid,
      eachAtWork(grid, LENGTH, (r) =>
        squares ? `let x = ${cAt(grid, r)} - mean.x; part.x += x * x;` : `part.x += ${cAt(grid, r)};`,
      ),
    )
  const keepScale = (component: string, index: number) =>
    keep
      ? `if (lane == 0u) { ${eachAtWork(grid, LENGTH, () => `let at = t * p.batch + b; ${onTape(grid, 'scales', `${index}u`)} = scale.${component};`)} }`
      : ''
  const normalizedGates = eachUnit(
    grid,
    `
      ${vectors(grid)}
      ${eachAtWork(
        grid,
        LENGTH,
        (r) => `
        ${eachGate(grid, (g) => `let n${g} = (${uAt(grid, g)} - mean.${groupOf(grid, g)}) * scale.${groupOf(grid, g)};`)}
        ${toGates(grid, options, r, (g) => `n${g} * vectors${g}.z`)}
        ${keep ? eachGate(grid, (g) => `${onTape(grid, 'normal', `${g}u * H + j`)} = n${g};`) : ''}
        ${output ? `${uAt(grid, last)} = g${last};` : writeH(grid, r)}`,
        (r) => (output ? '' : keepH(grid, r)),
      )}`,
  )
  const hOfC = eachUnit(
    grid,
    `
      ${vectors(grid)}
      ${eachAtWork(
        grid,
        LENGTH,
        (r) => `
        let at = t * p.batch + b;
        let n = (${cAt(grid, r)} - mean.x) * scale.x;
        ${keep ? `${onTape(grid, 'normalC', 'j')} = n;` : ''}
        let g${last} = ${uAt(grid, last)};
        let c_output = n * vectors0.w + vectors1.w;
        ${output?.forward}${writeH(grid, r)}`,
        (r) => keepH(grid, r),
      )}`,
  )
  const sums = inside
    ? eachUnit(
        grid,
        `${hiddenProducts(grid)}
      ${eachGate(grid, (g) => `${uAt(grid, g)} = u${g}_0;`)}`,
      )
    : ''
  return `var part: vec4f;
    ${sums}
    { ${statistics(grid, addGates, groupSizes(grid))}
    ${groups.map((_, i) => keepScale('xy'[i], i)).join('\n    ')}
    ${normalizedGates} }
    ${output ? `{ ${statistics(grid, addC, `${grid.hiddenSize}.0`)}\n    ${keepScale('x', groups.length)}\n    ${hOfC} }` : ''}`
}

/**
 * The forward pass of a layer through `count` time steps from number `first` on. A workgroup owns some sequences: it
 * keeps their h, twice because all threads read the last one while they write the next one, and their c, which only the
 * thread reads that writes it. Each thread computes whole units, all gates for all its rows.
 */
export const forwardShader = family((grid: Grid, options: ForwardOptions): Shader => {
  const { cell, hiddenSize, slices, rows, inside, normalized } = grid
  const c = hasC(cell)
  const sequences = slices * rows
  const size = sequences * 4 * foursOf(grid)
  const begin = eachUnit(
    grid,
    eachSequence(grid, (r) =>
      [
        options.h0 ? `own_h[${hAt(grid, r)} + j] = h0[b * H + j];` : '',
        c ? `${cAt(grid, r)} = ${options.c0 ? 'c0[b * H + j]' : '0.0'};` : '',
      ].join(' '),
    ),
  )
  const end = eachUnit(
    grid,
    eachSequence(
      grid,
      (r) => `hn[b * H + j] = own_h[now + ${hAt(grid, r)} + j]; ${c ? `cn[b * H + j] = ${cAt(grid, r)};` : ''}`,
    ),
  )
  const access = accesses(grid, options)
  const own = [
    `own_h: array<f32, ${2 * size}>`,
    ...(c ? [`own_c: array<f32, ${sequences * hiddenSize}>`] : []),
    ...(normalized ? [`own_u: array<f32, ${sequences * gateCount(cell) * hiddenSize}>`] : []),
  ]
  return shader({
    name: `${cell} forward`,
    storages: Object.fromEntries(forwardStorages(grid, options).map((name) => [name, access[name]])),
    params: { steps: 'u32', batch: 'u32', first: 'u32', count: 'u32', reverse: 'u32', inputSize: 'u32' },
    ...sumsOf(grid),
    code: `${declarations(grid)}
${inside ? own.map((array) => `var<workgroup> ${array};`).join('\n') : ''}
${main(
  grid,
  `${inside ? `var now = 0u;\n  ${begin}\n  workgroupBarrier();` : ''}
  for (var s = p.first; s < p.first + p.count; s++) {
    let step = s;
    let t = select(step, p.steps - 1u - step, p.reverse == 1u);
    ${inside ? `let next = ${size}u - now;` : ''}
    ${normalized ? normalizedStep(grid, options) : plainStep(grid, options)}
    ${inside ? 'workgroupBarrier();\n    now = next;' : ''}
  }
  ${inside ? end : ''}`,
)}`,
  })
})
