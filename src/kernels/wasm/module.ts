import type { BinaryOp, UnaryOp } from '../kernels.js'
import { plain, relaxed } from './binary.js'
import { LinearMemory } from './memory.js'

type Unary = (x: number, y: number, length: number) => void
type Binary = (a: number, b: number, y: number, length: number) => void

/** Addresses are in bytes, lengths in values; see assembly/ for what each kernel does. */
export interface KernelExports extends Record<UnaryOp, Unary>, Record<BinaryOp, Binary> {
  multiply(a: number, b: number, y: number, rows: number, depth: number, columns: number): void
  multiplyTransposed(
    a: number,
    stepA: number,
    b: number,
    stepB: number,
    y: number,
    steps: number,
    rows: number,
    m: number,
    n: number,
  ): void
  pack(x: number, rows: number, columns: number, y: number, depth: number, width: number): void
  addPacked(x: number, rows: number, columns: number, y: number, depth: number, width: number): void
  packTransposed(x: number, rows: number, columns: number, y: number, depth: number, width: number): void
  unpack(x: number, y: number, rows: number, columns: number, depth: number, width: number): void
  unpackTransposed(x: number, y: number, rows: number, columns: number, depth: number, width: number): void
  fillRows(x: number, y: number, rows: number, columns: number, width: number): void
  addTokenRows(
    tokens: number,
    count: number,
    table: number,
    depth: number,
    y: number,
    rows: number,
    columns: number,
    width: number,
  ): void
  scatterTokenRows(
    tokens: number,
    count: number,
    table: number,
    depth: number,
    x: number,
    rows: number,
    columns: number,
    width: number,
  ): void
  sumRows(x: number, y: number, rows: number, columns: number, width: number): void
  rnnTanh(a: number, h: number, length: number): void
  rnnRelu(a: number, h: number, length: number): void
  rnnTanhBackward(h: number, dh: number, da: number, length: number): void
  rnnReluBackward(h: number, dh: number, da: number, length: number): void
  gru(gates: number, previous: number, h: number, length: number, stride: number): void
  gruBackward(gates: number, previous: number, dh: number, length: number, stride: number): void
  lstm(gates: number, previous: number, c: number, h: number, length: number, stride: number): void
  lstmBackward(gates: number, previous: number, c: number, dh: number, dc: number, length: number, stride: number): void
  softmax(x: number, y: number, rows: number, columns: number): void
  logSoftmax(x: number, y: number, rows: number, columns: number): void
  crossEntropy(x: number, targets: number, grad: number, rows: number, columns: number): number
}

export type Simd = 'simd' | 'relaxed-simd'

/** The kernels' code together with the memory it works on. */
export interface Engine {
  simd: Simd
  code: KernelExports
  memory: LinearMemory
}

const decode = (base64: string) => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))

/** Node 20 has relaxed SIMD behind a flag of V8, which may be set up to the moment of compiling. */
function allowRelaxedSimd(): void {
  const { process } = globalThis as { process?: NodeJS.Process }
  if (process?.versions?.node?.startsWith('20.')) {
    process.getBuiltinModule?.('node:v8').setFlagsFromString('--experimental-wasm-relaxed-simd')
  }
}

/** Compiles the kernels, with fused multiply-add where the engine has it; takes a few milliseconds. */
export function loadEngine(simd?: Simd): Engine {
  let chosen = simd
  let binary = decode(relaxed)
  if (chosen !== 'simd') {
    allowRelaxedSimd()
    chosen ??= WebAssembly.validate(binary) ? 'relaxed-simd' : 'simd'
  }
  if (chosen === 'simd') binary = decode(plain)
  const memory = new LinearMemory()
  const instance = new WebAssembly.Instance(new WebAssembly.Module(binary), { env: { memory: memory.memory } })
  return { simd: chosen, code: instance.exports as unknown as KernelExports, memory }
}
