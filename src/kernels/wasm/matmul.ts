import type { FloatArray, MatmulSizes } from '../kernels.js'
import { roundUp } from './layout.js'
import type { Engine } from './module.js'

/** y[m, n] = op(a) · op(b): both operands into panels, transposed on the way where asked, one product, back. */
export function matmul(
  { code, memory }: Engine,
  a: FloatArray,
  b: FloatArray,
  y: FloatArray,
  sizes: MatmulSizes,
): void {
  const { m, n, k, transposeA = false, transposeB = false } = sizes
  const [rows, depth, columns] = [m === 1 ? 1 : roundUp(m, 4), roundUp(k, 8), roundUp(n, 8)]
  memory.scope((allocate) => {
    const raw = allocate(Math.max(a.length, b.length, y.length))
    const left = allocate(rows * depth)
    const right = allocate(depth * columns)
    const product = allocate(rows * columns)

    memory.write(raw, a)
    if (rows !== m || depth !== k) memory.zero(left, rows * depth)
    if (transposeA) code.loadColumns(raw, k, m, left, rows * 32, 8)
    else code.loadRows(raw, m, k, left, rows * 32, 8)

    memory.write(raw, b)
    if (depth !== k || columns !== n) memory.zero(right, depth * columns)
    if (transposeB) code.loadColumns(raw, n, k, right, depth * 32, 8)
    else code.loadRows(raw, k, n, right, depth * 32, 8)

    memory.zero(product, rows * columns)
    code.multiply(left, rows * 32, right, product, rows * 32, rows, depth, columns)
    code.storeRows(product, rows * 32, raw, m, n, 8)
    memory.copyOut(raw, y)
  })
}
