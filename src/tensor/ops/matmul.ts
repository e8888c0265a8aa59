import { ShapeError } from '../../core/errors.js'
import { formatShape, sizeOf } from '../../core/shape.js'
import { kernels } from '../../kernels/index.js'
import type { FloatArray, MatmulSizes } from '../../kernels/kernels.js'
import { floats, type Result, type Value } from '../value.js'

/** A new array of op(a) · op(b). A sum over nothing is zero, and kernels are never asked for it. */
function product(a: FloatArray, b: FloatArray, sizes: MatmulSizes): FloatArray {
  const y = floats(sizes.m * sizes.n)
  if (y.length > 0 && sizes.k > 0) kernels().matmul(a, b, y, sizes)
  return y
}

/**
 * a[…, k] · b[k, n], the first axes of `a` taken as rows; with `transposeB`, b is [n, k]. The gradients are
 * dy · bᵀ and aᵀ · dy. `where` is the function that the user called.
 */
export function matmul(where: string, a: Value, b: Value, transposeB = false): Result {
  const k = a.shape.at(-1)
  const [n, depth] = transposeB ? b.shape : [b.shape[1], b.shape[0]]
  if (k === undefined || a.shape.length < 2 || b.shape.length !== 2 || depth !== k) {
    throw new ShapeError(
      `${where}: shapes ${formatShape(a.shape)} and ${formatShape(b.shape)} do not go together, expected ${transposeB ? '[…, k] and [n, k]' : '[…, k] and [k, n]'}`,
    )
  }
  const m = sizeOf(a.shape.slice(0, -1))
  const y = product(a.data, b.data, { m, n, k, transposeB })
  return {
    data: y,
    shape: [...a.shape.slice(0, -1), n],
    backward: (dy, [wantsA, wantsB]) => {
      const da = () => product(dy, b.data, { m, n: k, k: n, transposeB: !transposeB })
      const db = () =>
        transposeB
          ? product(dy, a.data, { m: n, n: k, k: m, transposeA: true })
          : product(a.data, dy, { m: k, n, k: m, transposeA: true })
      return [wantsA ? da() : undefined, wantsB ? db() : undefined]
    },
  }
}
