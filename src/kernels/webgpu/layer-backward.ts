import { hasC } from '../../device/cells.js'
import { cellCode } from './cell-code.js'
import { each, eachRow, type Grid, gateCount } from './layer-grid.js'
import { functions } from './math.js'
import { type Access, family, type Shader, shader } from './program.js'

/** What a shader for the backward pass does. */
export interface BackwardOptions {
  /** Which gradients of the outputs there are: of h at every step, and of the last h and c. */
  dy: boolean
  dhn: boolean
  dcn: boolean
}

/** Whether the gradients of the hidden state's sums are others than those of the input's. */
export const hasOwnHidden = ({ cell }: Pick<Grid, 'cell'>): boolean => cell === 'gru'

/** The storages of a shader for the backward pass, in the order in which they are bound. */
export function backwardStorages(grid: Grid, { dy, dhn, dcn }: BackwardOptions): string[] {
  const c = hasC(grid.cell)
  return [
    'sums',
    'tape',
    'dh0',
    ...(c ? ['dc0'] : []),
    ...(hasOwnHidden(grid) ? ['hidden'] : []),
    ...(grid.inside ? ['weight'] : ['product', 'back']),
    ...(dy ? ['dy'] : []),
    ...(grid.inside && dhn ? ['dhn'] : []),
    ...(grid.inside && c && dcn ? ['dcn'] : []),
  ]
}

/**
 * The backward pass of a layer through the last `count` of `end` time steps. The gates in `sums` become the gradients of
 * the sums on the input's side; `hidden` gets those on the hidden state's side if they are others. A workgroup keeps
 * them in its own memory as well, where all threads read them for the product with W_hh, together with the gradients of
 * h and c of its sequences, which only one thread reads and writes.
 */
export const backwardShader = family((grid: Grid, options: BackwardOptions): Shader => {
  const { cell, hiddenSize, lanes, slices, rows, inside } = grid
  const { dy, dhn, dcn } = options
  const gates = gateCount(cell)
  const c = hasC(cell)
  const { backward, extra } = cellCode[cell]
  const sequences = slices * rows
  const hAt = (r: number) => (inside ? `own_dh[(row + ${r}u) * H + j]` : 'dh0[b * H + j]')
  const cAt = (r: number) => (inside ? `own_dc[(row + ${r}u) * H + j]` : 'dc0[b * H + j]')
  const gradientAt = (r: number, g: number) =>
    inside ? `own_d[(row + ${r}u) * GATES * H + ${g}u * H + j]` : `product[(b * GATES + ${g}u) * H + j]`
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
      [
        `${hAt(r)} = ${dhn ? 'dhn[b * H + j]' : '0.0'};`,
        c ? `${cAt(r)} = ${dcn ? 'dcn[b * H + j]' : '0.0'};` : '',
      ].join(' '),
    ),
  )
  const end = eachUnit(eachSequence((r) => `dh0[b * H + j] = ${hAt(r)}; ${c ? `dc0[b * H + j] = ${cAt(r)};` : ''}`))
  const gradients = eachUnit(
    eachSequence(
      (r) => `
        let at = t * p.batch + b;
        let dh = ${hAt(r)}${inside ? '' : ' + back[b * H + j]'}${dy ? ' + dy[at * H + j]' : ''};
        ${c ? `let dc = ${cAt(r)};` : `let h_before = tape[at * H + j];`}
        ${each(gates, (g) => `let g${g} = sums[(at * GATES + ${g}u) * H + j];`, ' ')}
        ${extra ? 'let extra = tape[(p.steps * p.batch + at) * H + j];' : ''}
        ${backward}
        ${each(gates, (g) => `sums[(at * GATES + ${g}u) * H + j] = d${g}; ${gradientAt(r, g)} = e${g};`, ' ')}
        ${hasOwnHidden(grid) ? each(gates, (g) => `hidden[(at * GATES + ${g}u) * H + j] = e${g};`, ' ') : ''}
        ${hAt(r)} = dh_before;
        ${c ? `${cAt(r)} = dc_before;` : ''}`,
    ),
  )
  const product = eachUnit(`
      ${eachRow(grid, (r) => `var sum${r} = ${hAt(r)};`)}
      for (var i = 0u; i < GATES * H; i++) {
        let w = weight[i * H + j];
        ${eachRow(grid, (r) => `sum${r} += w * own_d[(row + ${r}u) * GATES * H + i];`)}
      }
      ${eachRow(grid, (r) => `${hAt(r)} = sum${r};`)}`)

  const accesses: Readonly<Record<string, Access>> = {
    sums: 'update f32',
    tape: 'read f32',
    dh0: inside ? 'write f32' : 'update f32',
    dc0: inside ? 'write f32' : 'update f32',
    hidden: 'update f32',
    weight: 'read f32',
    product: 'write f32',
    back: 'read f32',
    dy: 'read f32',
    dhn: 'read f32',
    dcn: 'read f32',
  }
  return shader({
    name: `${cell} backward`,
    storages: Object.fromEntries(backwardStorages(grid, options).map((name) => [name, accesses[name]])),
    params: { steps: 'u32', batch: 'u32', end: 'u32', count: 'u32', reverse: 'u32' },
    code: `
const H = ${hiddenSize}u;
const GATES = ${gates}u;
${functions('f32')}
${inside ? `var<workgroup> own_d: array<f32, ${sequences * gates * hiddenSize}>;` : ''}
${inside ? `var<workgroup> own_dh: array<f32, ${sequences * hiddenSize}>;` : ''}
${inside && c ? `var<workgroup> own_dc: array<f32, ${sequences * hiddenSize}>;` : ''}
@compute @workgroup_size(${lanes}, ${slices})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let lane = local.x;
  let row = local.y * ${rows}u;
  let sequence = group.x * ${sequences}u + row;
  ${inside ? begin : ''}
  for (var s = p.end; s > p.end - p.count; s--) {
    let t = select(s - 1u, p.steps - s, p.reverse == 1u);
    ${gradients}
    ${inside ? `workgroupBarrier();\n    ${product}\n    workgroupBarrier();` : ''}
  }
  ${inside ? end : ''}
}`,
  })
})
