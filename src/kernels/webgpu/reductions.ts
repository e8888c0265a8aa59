// Reductions over the threads of a workgroup, with or without subgroups: threads that run together.

/** What a reduction makes of two values. */
const combined = { sum: 'a + b', max: 'max(a, b)' } as const
/** And of those of a subgroup. */
const inSubgroup = { sum: 'subgroupAdd', max: 'subgroupMax' } as const

/** A reduction over the threads of a workgroup. */
export interface Reduction {
  readonly type: 'f32' | 'vec4f'
  readonly by: keyof typeof combined
  readonly threads: number
}

/** A sum, and the largest value, over workgroups of so many threads. */
export const sumOver = (threads: number): Reduction => ({ type: 'f32', by: 'sum', threads })
export const maxOver = (threads: number): Reduction => ({ type: 'f32', by: 'max', threads })

/**
 * Functions `name(value, own)` that give all threads of a workgroup the result, combined in an order that is always the
 * same; all threads must call them. `own` is what a thread knows of itself, a parameter of `main`.
 * @param subgroups whether threads that run together add up without the workgroup's memory. Nothing is taken for granted
 *   of their number, nor of which threads they are.
 */
export const reductions = (named: Readonly<Record<string, Reduction>>, subgroups: boolean): string => `
struct Own {
  @builtin(local_invocation_index) index: u32,
  ${subgroups ? '@builtin(subgroup_id) subgroup: u32, @builtin(num_subgroups) subgroups: u32,' : ''}
}
${Object.entries(named)
  .map(([name, reduction]) => (subgroups ? withSubgroups : halving)(name, reduction))
  .join('')}`

const withSubgroups = (name: string, { type, by, threads }: Reduction): string => `
var<workgroup> shared_${name}: array<${type}, ${threads}>;
fn ${name}(value: ${type}, own: Own) -> ${type} {
  let part = ${inSubgroup[by]}(value);
  workgroupBarrier();
  if (subgroupElect()) { shared_${name}[own.subgroup] = part; }
  workgroupBarrier();
  var a = shared_${name}[0];
  for (var i = 1u; i < own.subgroups; i++) {
    let b = shared_${name}[i];
    a = ${combined[by]};
  }
  return a;
}
`

const halving = (name: string, { type, by, threads }: Reduction): string => `
var<workgroup> shared_${name}: array<${type}, ${threads}>;
fn ${name}(value: ${type}, own: Own) -> ${type} {
  workgroupBarrier();
  shared_${name}[own.index] = value;
  workgroupBarrier();
  for (var half = ${threads / 2}u; half > 0u; half /= 2u) {
    if (own.index < half) {
      let a = shared_${name}[own.index];
      let b = shared_${name}[own.index + half];
      shared_${name}[own.index] = ${combined[by]};
    }
    workgroupBarrier();
  }
  return shared_${name}[0];
}
`

/** The entry point of a shader with reductions; `body` knows `group` and `groups`, `thread` and `own`. */
export const reducingMain = (threads: number, body: string): string => `
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, own: Own) {
  let thread = own.index;
  ${body}
}`
