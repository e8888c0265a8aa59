import type { FloatArray, Learning, ParameterUpdate } from '../../device/device.js'
import type { Update } from '../../device/update.js'
import type { HostStorage } from '../host/host.js'
import { clipNorm } from './clip.js'
import type { Engine } from './compile.js'
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

/** One step of an optimizer on all of these parameters, on all threads. */
function updateAll(engine: Engine, updates: readonly ParameterUpdate<HostStorage>[]): void {
  const { memory } = engine
  memory.scope((allocate) => {
    const pieces: Piece[] = []
    const changed: [number, HostStorage][] = []
    let values = 0
    for (const { rule: update, parameter, grad, buffers: all } of updates) {
      const { kind, buffers, rule } = stepOf(update)
      const numbers = writeRule(memory, allocate, rule)
      const addresses = new Map<HostStorage, number>()
      for (const values of [parameter, grad, ...buffers.map((name) => all[name])]) {
        if (!addresses.has(values)) addresses.set(values, placed(memory, allocate, values))
      }
      for (const [storage, address] of addresses) if (storage !== grad) changed.push([address, storage])
      const [x, y] = [addresses.get(parameter)!, addresses.get(grad)!]
      const [first = 0, second = 0, third = 0] = buffers.map((name) => addresses.get(all[name])!)
      for (const { from, length } of piecesOf(parameter.length)) {
        const at = (address: number) => address + from * 4
        pieces.push({
          kind: pieceKinds[kind],
          length,
          x: at(x),
          y: at(y),
          first: at(first),
          second: at(second),
          third: at(third),
          rule: numbers,
        })
      }
      values += parameter.length
    }
    runPieces(engine, pieces, values)
    for (const [address, storage] of changed) settle(memory, address, storage)
  })
}

/** What training needs of an engine. */
export const wasmLearning = (engine: Engine): Pick<Learning<HostStorage>, 'clipNorm' | 'update'> => ({
  clipNorm: (xs, most, norm) => {
    ;(norm as FloatArray)[0] = clipNorm(engine, xs, most)
  },
  update: (updates) => updateAll(engine, updates),
})
