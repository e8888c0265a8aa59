import { ShapeError } from '../../core/errors.js'
import { formatShape, sizeOf } from '../../core/shape.js'
import type { Device, MatmulSizes, Storage } from '../../device/device.js'
import type { Result, Value } from '../value.js'

/** A new storage with op(a) · op(b). If k is 0 the product is zeros, and the device is not called. */
function product(device: Device, a: Storage, b: Storage, sizes: MatmulSizes, gradient = false): Storage {
  const length = sizes.m * sizes.n
  if (length === 0 || sizes.k === 0) return device.zeros(length)
  const y = gradient ? device.temporary(length) : device.zeros(length)
  device.matmul(a, b, y, sizes)
  return y
}

/**
 * a[…, k] · b[k, n], where the first axes of `a` count as rows; with `transposeB`, b is [n, k]. The gradients are
 * dy · bᵀ and aᵀ · dy. `where` is the function that the user called.
 */
export function matmul(where: string, a: Value, b: Value, transposeB = false): Result {
  const k = a.shape.at(-1)
  const [n, depth] = transposeB ? b.shape : [b.shape[1], b.shape[0]]
  if (k === undefined || a.shape.length < 2 || b.shape.length !== 2 || depth !== k) {
    throw new ShapeError(
      `${where}: shapes ${formatShape(a.shape)} and ${formatShape(b.shape)} do not match, expected ${transposeB ? '[…, k] and [n, k]' : '[…, k] and [k, n]'}`,
    )
  }
  const { device } = a
  const m = sizeOf(a.shape.slice(0, -1))
  return {
    storage: product(device, a.storage, b.storage, { m, n, k, transposeB }),
    shape: [...a.shape.slice(0, -1), n],
    device,
    backward: (dy, [wantsA, wantsB]) => {
      const da = () => product(device, dy, b.storage, { m, n: k, k: n, transposeB: !transposeB }, true)
      const db = () =>
        transposeB
          ? product(device, dy, a.storage, { m: n, n: k, k: m, transposeA: true }, true)
          : product(device, a.storage, dy, { m: k, n, k: m, transposeA: true }, true)
      return [wantsA ? da() : undefined, wantsB ? db() : undefined]
    },
  }
}
