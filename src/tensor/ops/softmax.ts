import { ShapeError } from '../../core/errors.js'
import { formatShape } from '../../core/shape.js'
import { kernels } from '../../kernels/index.js'
import type { FloatArray } from '../../kernels/kernels.js'
import { floats, type Result, type Value } from '../value.js'

function rowsAndColumns(where: string, x: Value): [number, number] {
  const columns = x.shape.at(-1)
  if (!columns) throw new ShapeError(`${where}: the shape ${formatShape(x.shape)} has no values along its last axis`)
  return [x.data.length / columns, columns]
}

/** Over the last axis. With y = softmax(x): dx = y (dy − Σ y dy). */
export function softmax(x: Value): Result {
  const [rows, columns] = rowsAndColumns('softmax', x)
  const y = floats(x.data.length)
  kernels().softmax(x.data, y, rows, columns)
  const backward = (dy: FloatArray) => {
    const dx = floats(y.length)
    for (let from = 0; from < y.length; from += columns) {
      let dot = 0
      for (let i = from; i < from + columns; i++) dot += y[i] * dy[i]
      for (let i = from; i < from + columns; i++) dx[i] = y[i] * (dy[i] - dot)
    }
    return [dx]
  }
  return { data: y, shape: x.shape, backward }
}

/** Over the last axis. With y = log softmax(x): dx = dy − e^y Σ dy. */
export function logSoftmax(x: Value): Result {
  const [rows, columns] = rowsAndColumns('logSoftmax', x)
  const y = floats(x.data.length)
  kernels().logSoftmax(x.data, y, rows, columns)
  const backward = (dy: FloatArray) => {
    const dx = floats(y.length)
    kernels().unary('exp', y, dx)
    for (let from = 0; from < y.length; from += columns) {
      let sum = 0
      for (let i = from; i < from + columns; i++) sum += dy[i]
      for (let i = from; i < from + columns; i++) dx[i] = dy[i] - dx[i] * sum
    }
    return [dx]
  }
  return { data: y, shape: x.shape, backward }
}
