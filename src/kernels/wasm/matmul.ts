import type { MatmulSizes } from '../../device/device.js'
import type { HostStorage } from '../host/host.js'
import type { Engine } from './compile.js'
import { productFields } from './from-assembly.js'
import { roundUp } from './layout.js'
import { inPanels, intoPanels } from './panels.js'
import { writeFields } from './plan.js'
import { addressIn, placed, settle } from './resident.js'

/** Multiply-adds of a piece that is worth a thread's attention. */
const PIECE = 2 ** 18

/** y[m, n] = op(a) · op(b): b into panels, then pieces of a's rows, each on any thread. */
export function matmul(engine: Engine, a: HostStorage, b: HostStorage, y: HostStorage, sizes: MatmulSizes): void {
  const { memory, pool } = engine
  const { m, n, k, transposeA = false, transposeB = false } = sizes
  const { panel, threads } = engine.shape
  const [depth, columns] = [roundUp(k, panel), roundUp(n, panel)]
  const pieces = Math.min(2 * threads, Math.ceil((m * n * k) / PIECE))
  const rows = roundUp(Math.ceil(m / pieces), 4)
  const items = Math.ceil(m / rows)
  memory.scope((allocate) => {
    const left = allocate(items * rows * depth)
    const sums = allocate(items * rows * columns)
    const to = addressIn(memory, y) ?? allocate(y.length)
    if (depth !== k || rows * items !== m) memory.zero(left, items * rows * depth)
    memory.zero(sums, items * rows * columns)

    const plan = allocate(productFields.length)
    writeFields(memory, plan, productFields, {
      m,
      n,
      k,
      depth,
      columns,
      rows,
      transposeA: Number(transposeA),
      a: placed(memory, allocate, a),
      y: to,
      b: inPanels(engine, allocate, b, `product ${k} ${transposeB}`, depth * columns, (from, to) =>
        intoPanels(from, to, transposeB ? n : k, transposeB ? k : n, transposeB, depth, panel),
      ),
      left,
      sums,
    })
    pool.run('productRows', plan, items)
    settle(memory, to, y)
  })
}
