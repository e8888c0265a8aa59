import { ShapeError } from '../../core/errors.js'
import { formatShape, sameShape } from '../../core/shape.js'
import type { Device } from '../../device/device.js'
import type { Indices, Result, Value } from '../value.js'

function checkIndices(where: string, { data }: Indices, count: number): void {
  const wrong = data.find((index) => index < 0 || index >= count)
  if (wrong !== undefined) throw new ShapeError(`${where}: index ${wrong} is out of range, expected 0 to ${count - 1}`)
}

/**
 * Rows of x[n, d] by their numbers: indices.shape + [d]. The gradients of a row that is taken twice add up. `where` is
 * the function that the user called.
 */
export function gatherRows(where: string, { storage: x, shape, device }: Value, indices: Indices): Result {
  if (shape.length !== 2) throw new ShapeError(`${where}: the shape is ${formatShape(shape)}, expected [n, d]`)
  const [count, width] = shape
  checkIndices(where, indices, count)
  const y = device.zeros(indices.data.length * width)
  device.gatherRows(x, indices.data, y, width)
  return {
    storage: y,
    shape: [...indices.shape, width],
    device,
    backward: (dy) => {
      const dx = device.zeros(x.length)
      device.scatterAddRows(dy, indices.data, dx, width)
      return [dx]
    },
  }
}

/** One value of each row: x[n, c] and indices [n] to [n]. */
export function pick({ storage: x, shape, device }: Value, indices: Indices): Result {
  const [rows, columns] = shape
  if (shape.length !== 2 || !sameShape(indices.shape, [rows])) {
    throw new ShapeError(
      `pick: shapes ${formatShape(shape)} and ${formatShape(indices.shape)} do not match, expected [n, c] and [n]`,
    )
  }
  checkIndices('pick', indices, columns)
  const y = device.zeros(rows)
  device.pick(x, indices.data, y, rows, columns, 1)
  return {
    storage: y,
    shape: [rows],
    device,
    backward: (dy) => {
      const dx = device.zeros(x.length)
      device.put(dy, indices.data, dx, rows, columns, 1)
      return [dx]
    },
  }
}

/** Rows of zeros with a one at each index: indices.shape + [classes]. */
export function oneHot(indices: Indices, classes: number, device: Device): Value {
  checkIndices('oneHot', indices, classes)
  const rows = indices.data.length
  const y = device.zeros(rows * classes)
  device.put(device.from(new Uint8Array(rows).fill(1)), indices.data, y, rows, classes, 1)
  return { storage: y, shape: [...indices.shape, classes], device }
}
