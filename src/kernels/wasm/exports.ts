import type { BinaryOp, UnaryOp } from '../../device/device.js'

/** Vectors of 128 bits; the same with fused multiply-add; or of 256 bits, which the engine makes of two of 128. */
export type Simd = 'simd' | 'relaxed-simd' | 'simd-256'
export const simds: readonly Simd[] = ['simd', 'relaxed-simd', 'simd-256']

type Unary = (x: number, y: number, length: number) => void
type Binary = (a: number, b: number, y: number, length: number) => void

/** Addresses and strides are in bytes, lengths in values; see assembly/ for what each kernel does. */
export interface KernelExports extends Record<Exclude<UnaryOp, 'sign'>, Unary>, Record<BinaryOp, Binary> {
  readonly PANEL: WebAssembly.Global
  readonly FREE: WebAssembly.Global
  loadRows(x: number, rows: number, columns: number, y: number, panel: number, width: number): void
  storeRows(x: number, panel: number, y: number, rows: number, columns: number, width: number): void
  runAll(kind: number, plan: number, items: number): void
  post(board: number, kind: number, plan: number, items: number, workers: number): void
  settled(board: number): number
  uniform(key0: number, key1: number, y: number, length: number): void
  mask(key0: number, key1: number, threshold: number, value: number, y: number, length: number): void
  softmax(x: number, y: number, rows: number, columns: number): void
  logSoftmax(x: number, y: number, rows: number, columns: number): void
}
