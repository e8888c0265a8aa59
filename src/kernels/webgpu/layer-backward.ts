import { cells, hasC } from '../../device/cells.js'
import { codeOf } from './cell-code.js'
import {
  declarations,
  each,
  eachAtWork,
  eachGate,
  eachSequence,
  eachUnit,
  groupOf,
  groupSizes,
  inGroups,
  main,
  sum,
  sumsOf,
} from './layer-code.js'
import { type Grid, gateCount } from './layer-grid.js'
import { onTape, tapeWidth } from './layer-tape.js'
import { type Access, family, type Shader, shader } from './program.js'

/** What a shader for the backward pass does. */
export interface BackwardOptions {
  /** Whether h has gradients at every step, and whether the last states have: in `dh0` and `dc0`. */
  dy: boolean
  last: boolean
}

/** Whether the gradients of the products with W_hh are others than those of the input's sums. */
export const hasOwnHidden = ({ cell, normalized }: Grid): boolean => cell === 'gru' || normalized

/**
 * Whether the gradient of h that came through W_hh, which a product outside has computed, is a storage of its own.
 * Normalization needs so many storages that it must have been added to `dh0` before.
 */
export const hasBack = ({ inside, normalized }: Grid): boolean => !inside && !normalized

/** The storages of a shader for the backward pass, in the order in which they are bound: at most 8, as any GPU has them. */
export function backwardStorages(grid: Grid, { dy }: BackwardOptions): string[] {
  return [
    'sums',
    'tape',
    'dh0',
    ...(hasC(grid.cell) ? ['dc0'] : []),
    ...(hasOwnHidden(grid) ? ['hidden'] : []),
    grid.inside ? 'weight' : 'product',
    ...(hasBack(grid) ? ['back'] : []),
    ...(grid.normalized || grid.peepholes ? ['vectors'] : []),
    ...(dy ? ['dy'] : []),
  ]
}

const accesses = ({ normalized, peepholes }: Grid): Record<string, Access> => ({
  sums: 'update f32',
  tape: normalized || peepholes ? 'update f32' : 'read f32',
  dh0: 'update f32',
  dc0: 'update f32',
  hidden: 'update f32',
  weight: 'read f32',
  product: 'update f32',
  back: 'read f32',
  vectors: 'read vec4f',
  dy: 'read f32',
})

/** Weights that a thread loads at a time, so that the GPU waits once for all of them. */
const LOADS = 16

/** Where a thread's gradients of h, of c and of the products with W_hh are. */
const hAt = ({ inside }: Grid, row: number) => (inside ? `own_dh[(row + ${row}u) * H + j]` : 'dh0[b * H + j]')
const cAt = ({ inside }: Grid, row: number) => (inside ? `own_dc[(row + ${row}u) * H + j]` : 'dc0[b * H + j]')
const productAt = ({ inside }: Grid, row: number, gate: number) =>
  inside ? `own_d[((row + ${row}u) * GATES + ${gate}u) * H + j]` : `product[(b * GATES + ${gate}u) * H + j]`

/** What the equations of a cell's gradients read, from the place `at` on. */
const read = (grid: Grid): string => {
  const { extra } = codeOf(grid)
  return `
        ${eachGate(grid, (g) => `let g${g} = sums[(at * GATES + ${g}u) * H + j];`)}
        ${extra ? `let extra = ${onTape(grid, 'extra', 'j')};` : ''}
        ${hasC(grid.cell) ? '' : `let h_before = ${onTape(grid, 'before', 'j')};`}`
}

/** The whole gradient of h. */
const dh = (grid: Grid, row: number, dy: boolean): string =>
  `${hAt(grid, row)}${hasBack(grid) ? ' + back[b * H + j]' : ''}${dy ? ' + dy[at * H + j]' : ''}`

/** Writes the gradients of the gates' sums and the direct ones of the states. */
const write = (grid: Grid, row: number): string => `
        ${eachGate(grid, (g) => `sums[(at * GATES + ${g}u) * H + j] = d${g}; ${productAt(grid, row, g)} = e${g};`)}
        ${hAt(grid, row)} = dh_before;
        ${hasC(grid.cell) ? `${cAt(grid, row)} = dc_before;` : ''}`

/** The length of a sequence: they stand at the end of the tape, because a shader can have no more storages. */
const lengthOf = (grid: Grid): string => `tape[${tapeWidth(grid)}u * places + b]`

const plainGradients = (grid: Grid, { dy }: BackwardOptions): string => {
  const { backward, output, peepholes = [] } = codeOf(grid)
  return eachUnit(
    grid,
    peepholes.map((g) => `\n      let p${g} = vectors[${g}u * H + j].z;`).join('') +
      eachAtWork(
        grid,
        lengthOf(grid),
        (r) => `
        let at = t * p.batch + b;
        let dh = ${dh(grid, r, dy)};
        ${read(grid)}
        ${output ? `let c_output = ${output.c};\n    ${output.backward}\n    let dc_total = ${cAt(grid, r)} + dc_output;` : ''}
        ${backward}
        ${peepholes.map((g, i) => `${onTape(grid, 'peepholes', `${i}u * H + j`)} = dp${g};`).join(' ')}
        ${hasOwnHidden(grid) ? eachGate(grid, (g) => `hidden[(at * GATES + ${g}u) * H + j] = e${g};`) : ''}
        ${write(grid, r)}`,
      ),
  )
}

/**
 * With dx = (g − mean(g) − x̂ mean(g x̂)) · scale, where g is the gradient of x̂: first that of c, then those of the gates'
 * sums. The gradients of the sums times their gain, `e`, wait in the place of those of the products.
 */
const normalizedGradients = (grid: Grid, { dy }: BackwardOptions): string => {
  const { cell } = grid
  const { backward, output } = codeOf(grid)
  const last = gateCount(cell) - 1
  const gains = eachGate(grid, (g) => `let gain${g} = vectors[${g}u * H + j].z;`)
  const ofC = output
    ? `${eachUnit(
        grid,
        eachAtWork(
          grid,
          lengthOf(grid),
          (r) => `
        let at = t * p.batch + b;
        let dh = ${dh(grid, r, dy)};
        let g${last} = sums[(at * GATES + ${last}u) * H + j];
        let n = ${onTape(grid, 'normalC', 'j')};
        let gain = vectors[j].w;
        let c_output = n * gain + vectors[H + j].w;
        ${output.backward}
        ${onTape(grid, 'gradientC', 'j')} = dc_output;
        ${hAt(grid, r)} = dh;
        part += vec4f(dc_output * gain, dc_output * gain * n, 0.0, 0.0);`,
        ),
      )}
    let along_c = ${sum(grid, 'part')} / f32(H);
    part = vec4f(0.0);`
    : ''
  const totalOfC = `
        let n = ${output ? onTape(grid, 'normalC', 'j') : ''};
        let gain = vectors[j].w;
        let y = tanh_of(n * gain + vectors[H + j].w);
        let dc_normal = ${output ? onTape(grid, 'gradientC', 'j') : ''} * gain - along_c.x - n * along_c.y;
        let dc_total = ${output ? cAt(grid, 0) : ''} + dc_normal * ${onTape(grid, 'scales', `${cells[cell].groups.length}u`)};`
  const gates = eachUnit(
    grid,
    `
      ${gains}
      ${eachAtWork(
        grid,
        lengthOf(grid),
        (r) => `
        let at = t * p.batch + b;
        let dh = ${output ? hAt(grid, r) : dh(grid, r, dy)};
        ${read(grid)}
        ${output ? totalOfC : ''}
        ${backward}
        ${eachGate(grid, (g) => {
          const x = groupOf(grid, g)
          const dot = x === 'x' ? 'z' : 'w'
          const at = `${g}u * H + j`
          return `${onTape(grid, 'gradient', at)} = e${g}; part.${x} += e${g} * gain${g}; part.${dot} += e${g} * gain${g} * ${onTape(grid, 'normal', at)};`
        })}
        ${write(grid, r)}`,
      )}`,
  )
  const normal = eachUnit(
    grid,
    `
      ${gains}
      ${eachAtWork(
        grid,
        lengthOf(grid),
        (r) => `
        let at = t * p.batch + b;
        ${eachGate(grid, (g) => {
          const x = groupOf(grid, g)
          const dot = x === 'x' ? 'z' : 'w'
          return `let n${g} = ${onTape(grid, 'normal', `${g}u * H + j`)};
        let e${g} = (${productAt(grid, r, g)} * gain${g} - along.${x} - n${g} * along.${dot}) * ${onTape(grid, 'scales', x === 'x' ? '0u' : '1u')};
        ${productAt(grid, r, g)} = e${g}; hidden[(at * GATES + ${g}u) * H + j] = e${g};`
        })}`,
      )}`,
  )
  return `var part = vec4f(0.0);
    ${ofC}
    ${gates}
    let along = ${sum(grid, 'part')} / ${groupSizes(grid)};
    ${normal}`
}

/**
 * The backward pass of a layer through the last `count` of `end` time steps. The gates in `sums` become the gradients of
 * the sums on the input's side; `hidden` gets those of the products with W_hh if they are others. A workgroup keeps the
 * latter in its own memory as well, where all threads read them for the product with W_hh, together with the gradients
 * of h and c of its sequences, which only one thread reads and writes.
 */
export const backwardShader = family((grid: Grid, options: BackwardOptions): Shader => {
  const { cell, hiddenSize, slices, rows, inside, normalized } = grid
  const c = hasC(cell)
  const sequences = slices * rows
  const begin = eachUnit(
    grid,
    eachSequence(grid, (r) =>
      [
        `${hAt(grid, r)} = ${options.last ? 'dh0[b * H + j]' : '0.0'};`,
        c ? `${cAt(grid, r)} = ${options.last ? 'dc0[b * H + j]' : '0.0'};` : '',
      ].join(' '),
    ),
  )
  const end = eachUnit(
    grid,
    eachSequence(grid, (r) => `dh0[b * H + j] = ${hAt(grid, r)}; ${c ? `dc0[b * H + j] = ${cAt(grid, r)};` : ''}`),
  )
  const atOnce = Math.min(LOADS, gateCount(cell) * hiddenSize)
  const product = eachUnit(
    grid,
    `
      ${each(rows, (r) => `var sum${r} = ${hAt(grid, r)};`)}
      { ${inGroups(
        'GATES * H',
        atOnce,
        (gateCount(cell) * hiddenSize) % atOnce > 0,
        (k, suffix) => `let w${suffix} = weight[(${k}) * H + j];`,
        (k, suffix) => each(rows, (r) => `sum${r} += w${suffix} * own_d[(row + ${r}u) * GATES * H + ${k}];`, ' '),
      )} }
      ${each(rows, (r) => `${hAt(grid, r)} = sum${r};`)}`,
  )
  const access = accesses(grid)
  const own = [
    `own_d: array<f32, ${sequences * gateCount(cell) * hiddenSize}>`,
    `own_dh: array<f32, ${sequences * hiddenSize}>`,
    ...(c ? [`own_dc: array<f32, ${sequences * hiddenSize}>`] : []),
  ]
  return shader({
    name: `${cell} backward`,
    storages: Object.fromEntries(backwardStorages(grid, options).map((name) => [name, access[name]])),
    params: { steps: 'u32', batch: 'u32', end: 'u32', count: 'u32', reverse: 'u32' },
    ...sumsOf(grid),
    code: `${declarations(grid)}
${inside ? own.map((array) => `var<workgroup> ${array};`).join('\n') : ''}
${main(
  grid,
  `${inside ? begin : ''}
  for (var s = p.end; s > p.end - p.count; s--) {
    let step = s - 1u;
    let t = select(step, p.steps - 1u - step, p.reverse == 1u);
    ${normalized ? normalizedGradients(grid, options) : plainGradients(grid, options)}
    ${inside ? `workgroupBarrier();\n    ${product}\n    workgroupBarrier();` : ''}
  }
  ${inside ? end : ''}`,
)}`,
  })
})
