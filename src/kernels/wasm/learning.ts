import type { FloatArray, Learning, ParameterUpdate } from '../../device/device.js'
import type { Update } from '../../device/update.js'
import type { HostStorage } from '../host/host.js'
import { clipNorm } from './clip.js'
import type { Engine } from './compile.js'
import { crossEntropy } from './cross-entropy.js'
import { pieceKinds } from './from-assembly.js'
import { type Piece, piecesOf, type Rule, runPieces, writeRule } from './pieces.js'
import { placed, settle } from './resident.js'

/** What an update does with the values of a parameter: the kind of its pieces, its buffers in order, and its numbers. */
interface Step {
  kind: keyof typeof pieceKinds
  buffers: readonly string[]
  rule: Rule
}

function stepOf(update: Update): Step {
  const { lr } = update
  if (update.rule === 'sgd') {
    const { step, momentum, dampening, nesterov, weightDecay: decay } = update
    const rule = { rate: lr, decay, keep1: momentum, take1: step === 1 ? 1 : 1 - dampening }
    if (momentum === 0) return { kind: 'sgd', buffers: [], rule }
    return { kind: nesterov ? 'nesterov' : 'momentum', buffers: ['momentum_buffer'], rule }
  }
  if (update.rule === 'adam') {
    const { step, betas, eps, l2, kept } = update
    const [keep1, keep2] = betas
    const rate = lr / (1 - keep1 ** step)
    const correction = 1 / Math.sqrt(1 - keep2 ** step)
    const shares = { keep1, take1: 1 - keep1, keep2, take2: 1 - keep2 }
    return {
      kind: 'adam',
      buffers: ['exp_avg', 'exp_avg_sq'],
      rule: { rate, decay: l2, kept, eps, correction, ...shares },
    }
  }
  const { alpha, eps, momentum, centered, weightDecay: decay } = update
  return {
    kind: 'rmsprop',
    buffers: ['square_avg', centered ? 'grad_avg' : 'square_avg', momentum > 0 ? 'momentum_buffer' : 'square_avg'],
    rule: { rate: lr, decay, keep1: momentum, keep2: alpha, take2: 1 - alpha, eps },
  }
}

/** One step of an optimizer on all of these parameters, on all threads; what shares a storage takes its turn. */
function updateAll(engine: Engine, updates: readonly ParameterUpdate<HostStorage>[]): void {
  let together: ParameterUpdate<HostStorage>[] = []
  const changed = new Set<HostStorage>()
  for (const update of updates) {
    const own = [update.parameter, ...Object.values(update.buffers)]
    if ([update.grad, ...own].some((storage) => changed.has(storage))) {
      updateTogether(engine, together, changed)
      together = []
      changed.clear()
    }
    together.push(update)
    for (const storage of own) changed.add(storage)
  }
  updateTogether(engine, together, changed)
}

/** @param changed the storages that these updates change */
function updateTogether(
  engine: Engine,
  updates: readonly ParameterUpdate<HostStorage>[],
  changed: Iterable<HostStorage>,
): void {
  const { memory } = engine
  memory.scope((allocate) => {
    const pieces: Piece[] = []
    const addresses = new Map<HostStorage, number>()
    const addressOf = (storage: HostStorage) => {
      const address = addresses.get(storage) ?? placed(memory, allocate, storage)
      addresses.set(storage, address)
      return address
    }
    let values = 0
    for (const { rule: update, parameter, grad, buffers: all } of updates) {
      const { kind, buffers, rule } = stepOf(update)
      const numbers = writeRule(memory, allocate, rule)
      const [x, y] = [addressOf(parameter), addressOf(grad)]
      const [first = 0, second = 0, third = 0] = buffers.map((name) => addressOf(all[name]))
      for (const { from, length } of piecesOf(parameter.length)) {
        const at = (address: number) => address + from * 4
        const operands = { x: at(x), y: at(y), first: at(first), second: at(second), third: at(third) }
        pieces.push({ kind: pieceKinds[kind], length, ...operands, rule: numbers })
      }
      values += parameter.length
    }
    runPieces(engine, pieces, values)
    for (const storage of changed) settle(memory, addressOf(storage), storage)
  })
}

/** What training needs of an engine. */
export const wasmLearning = (engine: Engine): Omit<Learning<HostStorage>, 'temperature'> => ({
  crossEntropy: (logits, targets, loss, grad, rows, columns) => {
    ;(loss as FloatArray)[0] = crossEntropy(engine, logits, targets, grad, rows, columns)
  },
  clipNorm: (xs, most, norm) => {
    ;(norm as FloatArray)[0] = clipNorm(engine, xs, most)
  },
  update: (updates) => updateAll(engine, updates),
})
