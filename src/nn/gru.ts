import { checkOptions, type OptionKinds } from '../core/check-options.js'
import { OptionError } from '../core/errors.js'
import type { Tensor } from '../tensor/tensor.js'
import { cellOptions, elsewhere, RecurrentCell, type RecurrentCellOptions } from './cell.js'
import { steppedLayer } from './cell-step.js'
import type { Walk } from './cell-weights.js'
import type { EquationName } from './equations.js'
import { RecurrentLayer, type RecurrentOptions, recurrentOptions } from './recurrent.js'
import { resetBeforeStepper } from './reset-before-stepper.js'

interface OfAGRU {
  /**
   * Whether the reset gate comes after the product with the weights, as in PyTorch, cuDNN and Keras 3. With `false` it
   * comes before it, as in TensorFlow.js and with `reset_after=False` in Keras: n = tanh(W_in x + b_in + W_hn (r h') + b_hn).
   * That is for models which were trained so: step by step as operations on tensors, a training step takes several times
   * as long, and it has no layer normalization. Default true.
   */
  resetAfter?: boolean
}

/** Options of a GRU. */
export interface GRUOptions extends RecurrentOptions, OfAGRU {}
/** Options of a GRUCell. */
export interface GRUCellOptions extends RecurrentCellOptions, OfAGRU {}

const gruOptions: OptionKinds<GRUOptions> = { ...recurrentOptions, resetAfter: 'boolean' }
const gruCellOptions: OptionKinds<GRUCellOptions> = { ...cellOptions, resetAfter: 'boolean' }

/** Checks the place of the reset gate among the options of a GRU, and separates it from the others. */
function separated<Options extends OfAGRU & { layerNorm?: boolean }>(
  where: string,
  options: Options,
  names: OptionKinds<Options>,
) {
  checkOptions(where, options, names, elsewhere)
  const { resetAfter = true, ...others } = options
  if (!resetAfter && others.layerNorm) {
    throw new OptionError(
      `${where}: layerNorm with resetAfter = false, expected one of them; normalized sums need resetAfter = true`,
    )
  }
  return { resetAfter, others }
}

/**
 * Gated recurrent units (Cho et al. 2014) over whole sequences:
 *
 *     r = σ(W_ir x + b_ir + W_hr h' + b_hr)
 *     z = σ(W_iz x + b_iz + W_hz h' + b_hz)
 *     n = tanh(W_in x + b_in + r (W_hn h' + b_hn))        or W_hn (r h') + b_hn with resetAfter = false
 *     h = (1 − z) n + z h'
 */
export class GRU extends RecurrentLayer<Tensor> {
  declare readonly kind: 'gru'
  readonly resetAfter: boolean

  constructor(options: GRUOptions) {
    const { resetAfter, others } = separated('GRU', options, gruOptions)
    super('GRU', 'gru', others)
    this.resetAfter = resetAfter
  }

  /** @internal */
  protected override get walk(): Walk {
    return this.resetAfter ? super.walk : steppedLayer
  }

  /** @internal */
  protected override get steps() {
    return this.resetAfter ? super.steps : resetBeforeStepper
  }
}

/** One time step of a GRU, like PyTorch's GRUCell: takes h and returns the next one, [batch, hiddenSize]. */
export class GRUCell extends RecurrentCell<Tensor> {
  declare readonly kind: 'gru'
  readonly resetAfter: boolean

  constructor(options: GRUCellOptions) {
    const { resetAfter, others } = separated('GRUCell', options, gruCellOptions)
    super('GRUCell', 'gru', others)
    this.resetAfter = resetAfter
  }

  /** @internal */
  protected override get equation(): EquationName {
    return this.resetAfter ? 'gru' : 'gru_reset_before'
  }
}
