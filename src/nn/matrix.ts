import type { BinaryOp, Device, Storage, UnaryOp } from '../device/device.js'
import type { CellValues } from './equations.js'

/** PyTorch's default eps of layer normalization, which normalized cells use. */
const EPS = 1e-5

/** A matrix on a device, for equations that need no gradients. */
export class Matrix implements CellValues<Matrix> {
  constructor(
    readonly device: Device,
    readonly storage: Storage,
    readonly columns: number,
  ) {}

  static zeros(device: Device, rows: number, columns: number): Matrix {
    return new Matrix(device, device.zeros(rows * columns), columns)
  }

  get rows(): number {
    return this.storage.length / this.columns
  }

  add(other: Matrix): Matrix {
    return this.#binary('add', other)
  }

  sub(other: Matrix): Matrix {
    return this.#binary('sub', other)
  }

  mul(other: Matrix): Matrix {
    return this.#binary('mul', other)
  }

  sigmoid(): Matrix {
    return this.#unary('sigmoid')
  }

  tanh(): Matrix {
    return this.#unary('tanh')
  }

  relu(): Matrix {
    return this.#unary('relu')
  }

  /** x · Wᵀ */
  linear(weight: Matrix): Matrix {
    const y = Matrix.zeros(this.device, this.rows, weight.rows)
    const sizes = { m: this.rows, n: weight.rows, k: this.columns, transposeB: true }
    this.device.matmul(this.storage, weight.storage, y.storage, sizes)
    return y
  }

  layerNorm(gain: Matrix, bias: Matrix | undefined): Matrix {
    const { device, rows, columns, storage } = this
    const y = Matrix.zeros(device, rows, columns)
    const kept = { values: device.zeros(storage.length), scales: device.zeros(rows) }
    device.layerNorm(storage, gain.storage, bias?.storage, kept, y.storage, EPS)
    return y
  }

  transposed(): Matrix {
    const y = Matrix.zeros(this.device, this.columns, this.rows)
    return this.#copied([1, this.columns], 0, y)
  }

  clone(): Matrix {
    return this.slice(0, this.columns)
  }

  /** Some consecutive columns. */
  slice(first: number, columns: number): Matrix {
    const y = Matrix.zeros(this.device, this.rows, columns)
    return this.#copied([this.columns, 1], first, y)
  }

  gatherRows(rows: Int32Array): Matrix {
    const y = Matrix.zeros(this.device, rows.length, this.columns)
    this.device.gatherRows(this.storage, rows, y.storage, this.columns)
    return y
  }

  /** Overwrites one row. */
  setRow(row: number, { storage }: Matrix): void {
    const to = { offset: row * this.columns, strides: [1] }
    this.device.copy(storage, { offset: 0, strides: [1] }, this.storage, to, [this.columns])
  }

  /** Copies values of this matrix to all places of another one. */
  #copied(strides: readonly number[], offset: number, y: Matrix): Matrix {
    const to = { offset: 0, strides: [y.columns, 1] }
    this.device.copy(this.storage, { offset, strides }, y.storage, to, [y.rows, y.columns])
    return y
  }

  #unary(op: UnaryOp): Matrix {
    const y = Matrix.zeros(this.device, this.rows, this.columns)
    this.device.unary(op, this.storage, y.storage)
    return y
  }

  #binary(op: BinaryOp, other: Matrix): Matrix {
    const zeros = () => Matrix.zeros(this.device, this.rows, this.columns)
    const y = zeros()
    const b = other.rows === this.rows ? other : other.#copied([0, 1], 0, zeros())
    this.device.binary(op, this.storage, b.storage, y.storage)
    return y
  }
}
