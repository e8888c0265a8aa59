// Shaders, and how they become pipelines.
//
// A shader is a piece of WGSL without declarations of its bindings: those are made from `storages` and `params`, so
// that the two cannot differ from what `Gpu.run` passes. In the code a storage is an array under its name, `x[i]`, and a
// parameter is a field of `p`, `p.count`. The entry point is called `main`. For example:
//
//   const scale = shader({
//     name: 'scale',
//     storages: { x: 'read f32', y: 'write f32' },
//     params: { count: 'u32', factor: 'f32' },
//     code: `
//       @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
//         if (id.x < p.count) { y[id.x] = p.factor * x[id.x]; }
//       }`,
//   })
//   gpu.run(scale, [x, y], [x.length, 0.5], [Math.ceil(x.length / 64)])
//
// The first word of a storage says what the shader does with its values:
// - `read`: it reads them. A storage that nobody has written yet is filled with zeros first.
// - `write`: it overwrites all of them and reads none, so that they need not be anything before.
// - `update`: it reads them, too, or overwrites only some of them.
//
// The second word is the type of the array's elements: f32, i32, u32, a vector of them such as vec4f, or an atomic.
// Buffers are longer than storages, so `arrayLength` tells nothing: pass lengths as parameters. A vector may reach
// beyond the last value of a storage whose length is no multiple of 4; what lies there is never read as a value.
//
// The same storage may stand at two places of `run` if the shader works value by value. WebGPU forbids to bind a buffer
// twice where one of them is written, so such a call gets a variant of the shader with one binding for both names: what
// stands before a bracket, as in `y[`, is replaced.
//
// A shader that depends on a constant, such as the size of a tile or an operation, is made by a function wrapped in
// `family`, which makes one shader for each argument and remembers it. Pipelines are cached by shader object.

import { type Reduction, reductions } from './reductions.js'

/** What a shader does with a storage, and the type of its elements. */
export type Access = `${'read' | 'write' | 'update'} ${string}`

/** A type of a parameter; each takes four bytes. */
export type ParamType = 'u32' | 'i32' | 'f32'

/** A shader in WGSL with the names of what it works on, in the order of the arguments of `Gpu.run`. */
export interface Shader {
  /** A name for messages and profiles. */
  readonly name: string
  readonly storages: Readonly<Record<string, Access>>
  /** At most 64 of them. */
  readonly params: Readonly<Record<string, ParamType>>
  readonly code: string
  /** Functions that the code calls to reduce values over the threads of a workgroup: see reductions.ts. */
  readonly reductions?: Readonly<Record<string, Reduction>>
}

/** Types a shader; it does nothing else. */
export const shader = (given: Shader): Shader => given

/** A function that makes shaders, which remembers the shader of each argument; arguments are compared as JSON. */
export function family<Arguments extends readonly unknown[]>(
  make: (...given: Arguments) => Shader,
): (...given: Arguments) => Shader {
  const made = new Map<string, Shader>()
  return (...given) => {
    const key = JSON.stringify(given)
    const known = made.get(key) ?? make(...given)
    made.set(key, known)
    return known
  }
}

/** A shader as the GPU runs it. */
export interface Program {
  readonly pipeline: GPUComputePipeline
  readonly layout: Layout
  /** What each binding does, without those that share a binding with an earlier one. */
  readonly bindings: readonly Binding[]
  readonly types: readonly ParamType[]
}

/** The layout of bindings, which shaders with the same accesses share. */
export interface Layout {
  readonly bindings: GPUBindGroupLayout
  readonly pipelines: GPUPipelineLayout
  /** A number for keys of caches. */
  readonly id: number
}

/** One binding: the place of its storage among the arguments of `run`, and what happens to the values. */
export interface Binding {
  readonly place: number
  /** Whether the values must be defined before, and whether they change. */
  readonly reads: boolean
  readonly writes: boolean
}

/** The programs of one device. */
export class Programs {
  readonly #device: GPUDevice
  readonly #programs = new WeakMap<Shader, Map<string, Program>>()
  readonly #layouts = new Map<string, Layout>()

  /** @param subgroups whether shaders may use subgroups */
  constructor(
    device: GPUDevice,
    readonly subgroups: boolean,
  ) {
    this.#device = device
  }

  /**
   * The program of a shader.
   * @param places for each storage the place of the first argument that is the same storage: usually its own place
   */
  programOf(shader: Shader, places: readonly number[]): Program {
    const variants = this.#programs.get(shader) ?? new Map<string, Program>()
    this.#programs.set(shader, variants)
    const key = places.join()
    const program = variants.get(key) ?? this.#compile(shader, places)
    variants.set(key, program)
    return program
  }

  #compile(shader: Shader, places: readonly number[]): Program {
    const bindings = bindingsOf(shader, places)
    const layout = this.#layoutOf(bindings)
    const module = this.#device.createShaderModule({
      label: shader.name,
      code: source(shader, places, bindings, this.subgroups),
    })
    const compute = { module, entryPoint: 'main' }
    const pipeline = this.#device.createComputePipeline({ label: shader.name, layout: layout.pipelines, compute })
    return { pipeline, layout, bindings, types: Object.values(shader.params) }
  }

  /** Layouts are made by hand, because those that WebGPU makes have no dynamic offsets for the parameters. */
  #layoutOf(bindings: readonly Binding[]): Layout {
    const key = bindings.map(({ writes }) => (writes ? 'w' : 'r')).join('')
    const known = this.#layouts.get(key)
    if (known) return known
    const visibility = 0x4 // GPUShaderStage.COMPUTE, which is no global where the device comes from a package
    const entries: GPUBindGroupLayoutEntry[] = bindings.map(({ writes }, binding) => ({
      binding,
      visibility,
      buffer: { type: writes ? 'storage' : 'read-only-storage' },
    }))
    entries.push({ binding: entries.length, visibility, buffer: { type: 'uniform', hasDynamicOffset: true } })
    const layout = this.#device.createBindGroupLayout({ entries })
    const pipelines = this.#device.createPipelineLayout({ bindGroupLayouts: [layout] })
    const made = { bindings: layout, pipelines, id: this.#layouts.size }
    this.#layouts.set(key, made)
    return made
  }
}

/** The bindings of a shader whose arguments may be the same storage at several places. */
function bindingsOf(shader: Shader, places: readonly number[]): Binding[] {
  const accesses = Object.values(shader.storages).map((access) => access.split(' ')[0])
  return accesses.flatMap((_, place) => {
    if (places[place] !== place) return []
    const all = accesses.filter((_, other) => places[other] === place)
    const reads = all.some((access) => access !== 'write')
    return [{ place, reads, writes: all.some((access) => access !== 'read') }]
  })
}

/** The whole WGSL of a shader: its bindings and parameters declared, and names that share a binding made one. */
function source(
  shader: Shader,
  places: readonly number[],
  bindings: readonly Binding[],
  withSubgroups: boolean,
): string {
  const names = Object.keys(shader.storages)
  const types = Object.values(shader.storages).map((access) => access.slice(access.indexOf(' ') + 1))
  const declared = bindings.map(
    ({ place, writes }, binding) =>
      `@group(0) @binding(${binding}) var<storage, ${writes ? 'read_write' : 'read'}> ${names[place]}: array<${types[place]}>;`,
  )
  const fields = Object.entries(shader.params).map(([name, type]) => `  ${name}: ${type},`)
  const params = fields.length > 0 ? [`struct Params {`, ...fields, '}', uniform(bindings.length)] : []
  const code = names.reduce(
    (code, name, place) =>
      places[place] === place
        ? code
        : code.replace(new RegExp(`(?<![.\\w])${name}\\[`, 'g'), `${names[places[place]]}[`),
    shader.code,
  )
  const subgroups = withSubgroups && shader.reductions !== undefined
  const reduced = shader.reductions ? reductions(shader.reductions, subgroups) : ''
  return [subgroups ? 'enable subgroups;' : '', ...params, ...declared, reduced, code].join('\n')
}

const uniform = (binding: number): string => `@group(0) @binding(${binding}) var<uniform> p: Params;`
