import { checkOptions, type OptionKinds } from '../core/check-options.js'
import type { MinimalKind } from '../device/cells.js'
import type { CellWeights, MinimalSizes } from '../device/device.js'
import { minimalLayerOf } from '../kernels/minimal.js'
import { fromData } from '../tensor/create.js'
import { linear } from '../tensor/functions.js'
import { minimal } from '../tensor/ops/minimal.js'
import { floatsIn } from '../tensor/placed.js'
import { recurrentLayer } from '../tensor/recurrent.js'
import type { Tensor } from '../tensor/tensor.js'
import { recordOne } from '../tensor/tensor.js'
import { elsewhere } from './cell.js'
import type { Walk } from './cell-weights.js'
import { minimalStepper } from './minimal-stepper.js'
import { RecurrentLayer, type RecurrentOptions, recurrentOptions } from './recurrent.js'
import { ValidRows } from './step-rows.js'

/** Options of a MinGRU or a MinLSTM: those of other recurrent layers without what belongs to hidden-to-hidden weights. */
export interface MinimalOptions extends Omit<RecurrentOptions, 'weightDropout' | 'layerNorm'> {}

const { weightDropout: _, layerNorm: __, ...minimalOptions } = recurrentOptions

const missing = {
  ...elsewhere,
  weightDropout: ': a MinGRU or MinLSTM has no hidden-to-hidden weights; leave it out',
  layerNorm: ': a MinGRU or MinLSTM has no layer normalization; leave it out',
}

/** What MinGRU and MinLSTM share: all products of all steps are one, and the walk through time is elementwise. */
abstract class MinimalLayer extends RecurrentLayer<Tensor> {
  protected constructor(name: string, kind: MinimalKind, options: MinimalOptions) {
    checkOptions(name, options, minimalOptions satisfies OptionKinds<MinimalOptions>, missing)
    super(name, kind, options)
  }

  /** @internal */
  protected override get walk(): Walk {
    return minimalLayer
  }

  /** @internal */
  protected override get steps() {
    return minimalStepper
  }
}

/**
 * Minimal gated recurrent units (Feng et al. 2024, "Were RNNs All We Needed?", arXiv:2410.01201) over whole sequences. No
 * gate sees the hidden state, so that the products of all time steps are one product:
 *
 *     z = σ(W_iz x + b_iz)
 *     h̃ = g(W_ih x + b_ih)      with g(x) = x + 0.5 for x ≥ 0, and σ(x) below, as in the paper's appendix B
 *     h = (1 − z) h' + z h̃
 *
 * The paper takes g of the initial state, too, when it trains in log-space. Here the initial state is h' itself, in
 * training as in generation, so that states can be carried from one sequence to the next.
 */
export class MinGRU extends MinimalLayer {
  declare readonly kind: 'mingru'

  constructor(options: MinimalOptions) {
    super('MinGRU', 'mingru', options)
  }
}

/**
 * The minimal LSTM of the same paper, whose forget and input gates are scaled so that they add up to 1:
 *
 *     f = σ(W_if x + b_if)
 *     i = σ(W_ii x + b_ii)
 *     h̃ = g(W_ih x + b_ih)      with the g of MinGRU
 *     h = f / (f + i) h' + i / (f + i) h̃
 *
 * Its state is h alone.
 */
export class MinLSTM extends MinimalLayer {
  declare readonly kind: 'minlstm'

  constructor(options: MinimalOptions) {
    super('MinLSTM', 'minlstm', options)
  }
}

const minimalLayer: Walk = (walk, parameters, input, h0) => {
  const { cell, numSteps, batchSize, hiddenSize, reverse, lengths } = walk
  const run = minimalLayerOf(parameters.weightIh.device)
  if (run && !lengths) return recurrentLayer(walk, parameters, input, h0, undefined, run)
  const { head, ...weights } = parameters
  const rows = lengths && new ValidRows(lengths, numSteps)
  const sums = rows ? rows.padded(sumsOf(weights, rows.of(input)), staying(walk, input)) : sumsOf(weights, input)
  const sizes = { cell, numSteps, batchSize, hiddenSize, reverse } as MinimalSizes
  const values = floatsIn('forward', sums, 'the input')
  const start = h0 && floatsIn('forward', h0, 'state', values)
  const h = recordOne(h0 ? [sums, h0] : [sums], minimal(sizes, values, start))
  const scores = (states: Tensor) => (head ? linear(states, head.weight, head.bias) : states)
  const output = rows ? rows.padded(scores(rows.of(h))) : scores(h)
  return { output, hn: h.select(0, reverse ? 0 : numSteps - 1) }
}

/** Sums of the gates with which the state stays as it is, to the bit: [1, gates × hiddenSize]. */
function staying({ cell, hiddenSize }: Parameters<Walk>[0], { device }: Tensor): Tensor {
  const [closed, open] = [-1e4, 1e4]
  const gates = cell === 'mingru' ? [closed, 0] : [open, closed, 0]
  const row = gates.flatMap((sum) => Array<number>(hiddenSize).fill(sum))
  return fromData(Float32Array.from(row), [1, row.length]).to(device)
}

/** What the input adds to the gates, [numSteps, batch, gates × hiddenSize]. */
function sumsOf({ weightIh, biasIh }: Pick<CellWeights<Tensor>, 'weightIh' | 'biasIh'>, input: Tensor): Tensor {
  if (input.dtype !== 'int32') return linear(input, weightIh, biasIh)
  // The bias is added to each token of the vocabulary once, not to each token of the batch.
  const ofTokens = biasIh ? weightIh.T.add(biasIh) : weightIh.T
  return ofTokens.gatherRows(input)
}
