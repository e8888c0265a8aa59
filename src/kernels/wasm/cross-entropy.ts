import type { HostStorage } from '../host/host.js'
import type { Engine } from './compile.js'
import { crossEntropyFields } from './from-assembly.js'
import { writeFields } from './plan.js'
import { addressIn, placed, settle } from './resident.js'

/** The least scores of a piece, and the most pieces: threads count them with 16 bits. */
const [PIECE, MOST] = [2 ** 12, 2 ** 12]

/** The mean of −log softmax(logits)[target]; `grad` becomes its gradient. Pieces of the rows, each on any thread. */
export function crossEntropy(
  { memory, pool }: Engine,
  logits: HostStorage,
  targets: Int32Array,
  grad: HostStorage | undefined,
  rows: number,
  columns: number,
): number {
  const count = Math.max(Math.ceil(PIECE / columns), Math.ceil(rows / MOST))
  const items = Math.ceil(rows / count)
  return memory.scope((allocate) => {
    const x = placed(memory, allocate, logits)
    const labels = placed(memory, allocate, targets)
    const dx = (grad && addressIn(memory, grad)) ?? allocate(logits.length)
    const sums = allocate(2 * items)
    const plan = allocate(crossEntropyFields.length)
    writeFields(memory, plan, crossEntropyFields, { rows, columns, count, x, targets: labels, grad: dx, sums })
    pool.run('crossEntropy', plan, items)
    if (grad) settle(memory, dx, grad)
    return memory.doubles(sums, items).reduce((sum, part) => sum + part, 0) / rows
  })
}
