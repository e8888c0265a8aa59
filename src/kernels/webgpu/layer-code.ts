import { cells } from '../../device/cells.js'
import { type Grid, gateCount } from './layer-grid.js'
import { functions } from './math.js'
import type { Shader } from './program.js'

// Pieces of WGSL that the forward and the backward pass of a layer have in common.

/** Text for each of `count` numbers. */
export const each = (count: number, text: (i: number) => string, between = '\n'): string =>
  Array.from({ length: count }, (_, i) => text(i)).join(between)

/** Text for each gate, on one line. */
export const eachGate = ({ cell }: Grid, text: (gate: number) => string): string => each(gateCount(cell), text, ' ')

/** A loop over the units of a thread, `j`. */
export const eachUnit = ({ lanes }: Grid, body: string): string =>
  `for (var j = lane; j < H; j += ${lanes}u) {${body}
    }`

/** Statements for each sequence of a thread that is one of the batch, `b`; `row` is its number in the thread. */
export const eachSequence = ({ rows }: Grid, body: (row: number) => string): string =>
  each(
    rows,
    (row) => `
      { let b = sequence + ${row}u; if (b < p.batch) { ${body(row)} } }`,
  )

/**
 * The same in a step, whose number is `step`, for those that are at work in it: where sequences have lengths of their own, `lengthOf` gives that of
 * sequence `b`, \`t\` becomes the time that the sequence reads, and \`otherwise\` is done for those that have ended.
 */
export const eachAtWork = (
  grid: Grid,
  lengthOf: string,
  body: (row: number) => string,
  otherwise: (row: number) => string = () => '',
): string =>
  grid.uneven
    ? eachSequence(
        grid,
        (row) => `
      let own_steps = u32(${lengthOf});
      if (step < own_steps) { let t = select(step, own_steps - 1u - step, p.reverse == 1u); ${body(row)} } else { ${otherwise(row)} }`,
      )
    : eachSequence(grid, body)

/**
 * A loop over numbers below `count`, so many at a time: first everything that they load, so that the GPU waits once for
 * all of it, and then what is done with it. Both get the number and a suffix for names; `rest` tells whether numbers may
 * be left that are taken one by one.
 */
export function inGroups(
  count: string,
  size: number,
  rest: boolean,
  load: (at: string, suffix: string) => string,
  use: (at: string, suffix: string) => string,
): string {
  const place = (i: number) => (i === 0 ? 'k' : `k + ${i}u`)
  return `var k = 0u;
      for (; k + ${size - 1}u < ${count}; k += ${size}u) {
        ${each(size, (i) => load(place(i), `_${i}`), '\n        ')}
        ${each(size, (i) => use(place(i), `_${i}`), '\n        ')}
      }${
        rest
          ? `
      for (; k < ${count}; k++) { ${load('k', '')} ${use('k', '')} }`
          : ''
      }`
}

/** Constants and functions of a layer's shaders. */
export const declarations = (grid: Grid): string => `
const H = ${grid.hiddenSize}u;
const GATES = ${gateCount(grid.cell)}u;
${functions('f32')}
${grid.normalized && !together(grid) ? sumOf(grid) : ''}`

/** Whether all threads of a workgroup add up together, because they have one sequence. */
const together = ({ slices }: Grid): boolean => slices === 1

/** The sums of a layer's shaders. */
export const sumsOf = (grid: Grid): Pick<Shader, 'reductions'> =>
  grid.normalized && together(grid) ? { reductions: { sum_of: { type: 'vec4f', by: 'sum', threads: grid.lanes } } } : {}

/** The first lines of \`main\`: a thread's place among the units, its first row in the workgroup, and that row's sequence. */
export const main = (grid: Grid, body: string): string => {
  const { lanes, slices, rows } = grid
  return `
@compute @workgroup_size(${lanes}, ${slices})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u${sumsOf(grid).reductions ? ', own: Own' : ''}) {
  let places = p.steps * p.batch;
  let lane = local.x;
  let row = local.y * ${rows}u;
  let sequence = group.x * ${slices * rows}u + row;
  ${body}
}`
}

/** The sum over the units of a sequence of every thread's value, for all threads of the sequence. */
export const sum = (grid: Grid, value: string): string =>
  together(grid) ? `sum_of(${value}, own)` : `sum_of(${value}, lane, local.y)`

/** Sums over the units of a sequence, in an order that is always the same, for all threads of the sequence. */
const sumOf = ({ lanes, slices }: Grid): string => `
var<workgroup> partial_sums: array<vec4f, ${lanes * slices}>;
fn sum_of(part: vec4f, lane: u32, slice: u32) -> vec4f {
  let at = slice * ${lanes}u + lane;
  workgroupBarrier();
  partial_sums[at] = part;
  workgroupBarrier();
  for (var half = ${lanes}u / 2u; half > 0u; half /= 2u) {
    if (lane < half) { partial_sums[at] += partial_sums[at + half]; }
    workgroupBarrier();
  }
  return partial_sums[slice * ${lanes}u];
}`

/** The component of a vector that belongs to a gate's group. */
export function groupOf({ cell }: Grid, gate: number): string {
  const { groups } = cells[cell]
  return gate < groups[0] ? 'x' : 'y'
}

/** The numbers of values in the groups of gates as a vector; those in unused components do no harm. */
export const groupSizes = ({ cell, hiddenSize }: Grid): string => {
  const [x, y = x] = cells[cell].groups.map((gates) => (gates * hiddenSize).toFixed(1))
  return `vec4f(${x}, ${y}, ${x}, ${y})`
}

/** What is added to a variance before its root is taken, as PyTorch has it. */
export const EPSILON = 1e-5
