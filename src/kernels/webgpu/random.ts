import { type RandomKey, thresholdOf } from '../../core/counter-random.js'
import type { GpuStorage } from './buffers.js'
import type { Gpu } from './gpu.js'
import { builtins, spread, THREADS, threadIndex } from './math.js'
import { type ParamType, type Shader, shader } from './program.js'

/** Threefry-2x32 with 13 rounds, as core/counter-random.ts has it: the same words from the same key and counter. */
const threefry = (): string => {
  const rotations = [13, 15, 26, 6, 17, 29, 16, 24, 13, 15, 26, 6, 17]
  const rounds = rotations.map((bits, round) => {
    const mix = `a += b; b = ((b << ${bits}u) | (b >> ${32 - bits}u)) ^ a;`
    const group = (round + 1) / 4
    if (round % 4 !== 3) return mix
    return `${mix} a += key[${group % 3}]; b += key[${(group + 1) % 3}] + ${group}u;`
  })
  return `
fn threefry(k0: u32, k1: u32, counter: u32) -> vec2u {
  let key = array<u32, 3>(k0, k1, k0 ^ k1 ^ 0x1bd11bdau);
  var a = counter + k0;
  var b = k1;
  ${rounds.join('\n  ')}
  return vec2u(a, b);
}`
}

/** Counter i gives the values 2 i and 2 i + 1; `value` is an expression of the 24 high bits of a word. */
const drawShader = (name: string, params: Record<string, ParamType>, value: string): Shader =>
  shader({
    name,
    storages: { y: 'write f32' },
    params: { count: 'u32', k0: 'u32', k1: 'u32', ...params },
    code: `${threefry()}
fn value(bits: u32) -> f32 { return ${value}; }
@compute @workgroup_size(${THREADS}) fn main(${builtins}) {
  let i = ${threadIndex};
  if (2u * i >= p.count) { return; }
  let words = threefry(p.k0, p.k1, i) >> vec2u(8u);
  y[2u * i] = value(words.x);
  if (2u * i + 1u < p.count) { y[2u * i + 1u] = value(words.y); }
}`,
  })

const uniformShader = drawShader('uniform', {}, 'f32(bits) * 5.9604644775390625e-8')
const maskShader = drawShader('mask', { threshold: 'u32', kept: 'f32' }, 'select(0.0, p.kept, bits >= p.threshold)')

const draw = (gpu: Gpu, by: Shader, key: RandomKey, y: GpuStorage, params: readonly number[]): void =>
  gpu.run(by, [y], [y.length, ...key, ...params], spread(Math.ceil(y.length / 2 / THREADS)))

/** y = random multiples of 2⁻²⁴ in [0, 1), which are the same on every device. */
export const uniform = (gpu: Gpu, key: RandomKey, y: GpuStorage): void => draw(gpu, uniformShader, key, y, [])

/** y = `value` where the uniform number is at least p, and 0 elsewhere. */
export const mask = (gpu: Gpu, key: RandomKey, p: number, value: number, y: GpuStorage): void =>
  draw(gpu, maskShader, key, y, [thresholdOf(p), value])
