import { ShapeError } from '../../core/errors.js'
import { formatShape, sameShape } from '../../core/shape.js'
import { floats, type Indices, type Result, type Value } from '../value.js'

function checkIndices(where: string, { data }: Indices, count: number): void {
  const wrong = data.find((index) => index < 0 || index >= count)
  if (wrong !== undefined) throw new ShapeError(`${where}: index ${wrong} is out of range, expected 0 to ${count - 1}`)
}

/**
 * Rows of x[n, d] by their numbers: indices.shape + [d]. The gradient adds up where a row is named twice. `where` is the
 * function that the user called.
 */
export function gatherRows(where: string, x: Value, indices: Indices): Result {
  if (x.shape.length !== 2) throw new ShapeError(`${where}: the shape is ${formatShape(x.shape)}, expected [n, d]`)
  const [count, width] = x.shape
  checkIndices(where, indices, count)
  const y = floats(indices.data.length * width)
  indices.data.forEach((row, i) => {
    y.set(x.data.subarray(row * width, (row + 1) * width), i * width)
  })
  return {
    data: y,
    shape: [...indices.shape, width],
    backward: (dy) => {
      const dx = floats(x.data.length)
      indices.data.forEach((row, i) => {
        for (let j = 0; j < width; j++) dx[row * width + j] += dy[i * width + j]
      })
      return [dx]
    },
  }
}

/** One value of each row: x[n, c] and indices [n] to [n]. */
export function pick(x: Value, indices: Indices): Result {
  const [rows, columns] = x.shape
  if (x.shape.length !== 2 || !sameShape(indices.shape, [rows])) {
    throw new ShapeError(
      `pick: shapes ${formatShape(x.shape)} and ${formatShape(indices.shape)} do not go together, expected [n, c] and [n]`,
    )
  }
  checkIndices('pick', indices, columns)
  const y = floats(rows)
  for (let r = 0; r < rows; r++) y[r] = x.data[r * columns + indices.data[r]]
  return {
    data: y,
    shape: [rows],
    backward: (dy) => {
      const dx = floats(x.data.length)
      for (let r = 0; r < rows; r++) dx[r * columns + indices.data[r]] = dy[r]
      return [dx]
    },
  }
}

/** Rows of zeros with a one at each index: indices.shape + [classes]. */
export function oneHot(indices: Indices, classes: number): Value {
  checkIndices('oneHot', indices, classes)
  const y = floats(indices.data.length * classes)
  indices.data.forEach((index, i) => {
    y[i * classes + index] = 1
  })
  return { data: y, shape: [...indices.shape, classes] }
}
