import { ShapeError } from '../../core/errors.js'
import { formatShape } from '../../core/shape.js'
import type { Result, Value } from '../value.js'

/** An operation over the last axis, by its name on devices. */
const overLastAxis =
  (name: 'softmax' | 'logSoftmax') =>
  ({ storage: x, shape, device }: Value): Result => {
    const columns = shape.at(-1)
    if (!columns) throw new ShapeError(`${name}: the shape ${formatShape(shape)} has no values along its last axis`)
    const rows = x.length / columns
    const y = device.zeros(x.length)
    device[name](x, y, rows, columns)
    return {
      storage: y,
      shape,
      device,
      backward: (dy) => {
        const dx = device.zeros(x.length)
        device[`${name}Grad`](y, dy, dx, rows, columns)
        return [dx]
      },
    }
  }

/** With y = softmax(x): dx = y (dy − Σ y dy). */
export const softmax = overLastAxis('softmax')

/** With y = log softmax(x): dx = dy − e^y Σ dy. */
export const logSoftmax = overLastAxis('logSoftmax')
