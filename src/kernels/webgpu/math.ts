// Pieces of WGSL that several shaders contain.

/** Threads of a workgroup: the most that every adapter allows. */
export const THREADS = 256

/** The most workgroups in one direction that every adapter allows. */
export const MOST_GROUPS = 65_535

/** Numbers of workgroups in x and y for `count` of them or a few more; `groupIndex` numbers them. */
export function spread(count: number): [number, number] {
  const y = Math.ceil(count / MOST_GROUPS)
  return [Math.ceil(count / y) || 0, y || 0]
}

/**
 * The same where y numbers something else, such as the storages that a dispatch works on: `chunkIndex` numbers the
 * `chunks` of each.
 */
export function spreadBeside(chunks: number, count: number): [number, number, number] {
  const [x, z] = spread(chunks)
  return [x, count, z]
}

/** The parameters of `main` that `groupIndex` and `threadIndex` need. */
export const builtins =
  '@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) thread: u32'

/** The number of a workgroup, and that of a thread among all, where `spread` made the grid. */
export const groupIndex = '(group.x + group.y * groups.x)'
export const chunkIndex = '(group.x + group.z * groups.x)'
export const threadIndex = `(${groupIndex} * ${THREADS}u + thread)`

/**
 * exp, log, tanh and the logistic function of values of the type `T`, as exp_of, log_of, tanh_of and sigmoid_of. WGSL's own
 * may take it that there are no NaN and no infinities: tanh overflows, and some devices make numbers of a NaN. Hence
 * the tests of bits. Near 0, where 1 − 2 / (e^2x + 1) would lose its digits, the first terms of the series of tanh are
 * exact to 32 bits.
 */
export const functions = (T: 'f32' | 'vec4f'): string => {
  const U = T === 'f32' ? 'u32' : 'vec4u'
  return `
fn unless_nan(y: ${T}, x: ${T}) -> ${T} {
  return select(y, x, (bitcast<${U}>(x) & ${U}(0x7fffffffu)) > ${U}(0x7f800000u));
}
fn exp_of(x: ${T}) -> ${T} { return unless_nan(exp(x), x); }
fn log_of(x: ${T}) -> ${T} {
  let nan = bitcast<${T}>(bitcast<${U}>(x) | ${U}(0x7fc00000u));
  let minus_infinity = bitcast<${T}>(bitcast<${U}>(x) | ${U}(0xff800000u));
  return unless_nan(select(select(log(x), nan, x < ${T}(0.0)), minus_infinity, x == ${T}(0.0)), x);
}
fn tanh_of(x: ${T}) -> ${T} {
  let a = abs(x);
  let s = x * x;
  let near = x + x * s * (-0.33333333 + s * (0.13333333 + s * (-0.053968254 + s * 0.021869488)));
  let far = sign(x) * (1.0 - 2.0 / (exp(2.0 * a) + 1.0));
  return unless_nan(select(far, near, a < ${T}(0.25)), x);
}
fn sigmoid_of(x: ${T}) -> ${T} { return unless_nan(1.0 / (1.0 + exp(-x)), x); }
`
}
