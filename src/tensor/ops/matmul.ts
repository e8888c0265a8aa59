import { ShapeError } from '../../core/errors.js'
import { formatShape } from '../../core/shape.js'
import { kernels } from '../../kernels/index.js'
import { floats, type Result, type Value } from '../value.js'

/**
 * a[…, k] · b[k, n], the first axes of `a` taken as rows; with `transposeB`, b is [n, k]. The gradients are
 * dy · bᵀ and aᵀ · dy.
 */
export function matmul(a: Value, b: Value, transposeB = false): Result {
  const k = a.shape.at(-1)
  const [n, depth] = transposeB ? b.shape : [b.shape[1], b.shape[0]]
  if (k === undefined || a.shape.length < 2 || b.shape.length !== 2 || depth !== k) {
    throw new ShapeError(
      `matmul: shapes ${formatShape(a.shape)} and ${formatShape(b.shape)} do not go together, expected ${transposeB ? '[…, k] and [n, k]' : '[…, k] and [k, n]'}`,
    )
  }
  const m = a.data.length / k
  const y = floats(m * n)
  kernels().matmul(a.data, b.data, y, { m, n, k, transposeB })
  return {
    data: y,
    shape: [...a.shape.slice(0, -1), n],
    backward: (dy) => {
      const da = floats(a.data.length)
      const db = floats(b.data.length)
      kernels().matmul(dy, b.data, da, { m, n: k, k: n, transposeB: !transposeB })
      if (transposeB) kernels().matmul(dy, a.data, db, { m: n, n: k, k: m, transposeA: true })
      else kernels().matmul(a.data, dy, db, { m: k, n, k: m, transposeA: true })
      return [da, db]
    },
  }
}
