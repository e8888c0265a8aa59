import { checkWhole } from '../core/check.js'
import { checkOptions, type OptionKinds } from '../core/check-options.js'
import { OptionError, ShapeError } from '../core/errors.js'
import { defaultGenerator, type Generator } from '../core/random.js'
import { formatShape } from '../core/shape.js'
import { type CellKind, type CellSizes, parameterShapes } from '../device/cells.js'
import { full } from '../tensor/create.js'
import { floatsIn } from '../tensor/placed.js'
import { checkTensor, type Tensor } from '../tensor/tensor.js'
import { cellSteps } from './cell-step.js'
import { cellWeights, type LayerWeights } from './cell-weights.js'
import type { EquationName } from './equations.js'
import { uniform } from './init.js'
import { Module } from './module.js'
import { fixParameter, Parameter } from './parameter.js'
import { joinState, type RecurrentState, splitState, zeroState } from './recurrent-state.js'
import type { Shapes } from './shapes.js'

/** Options of a recurrent cell. */
export interface RecurrentCellOptions {
  /** The number of input features; for tokens, the size of the vocabulary. */
  inputSize: number
  hiddenSize: number
  /** Whether the cell has the biases b_ih and b_hh. Default true. */
  bias?: boolean
  /** Whether the cell has layer normalization, as in recurrent layers. Default false. */
  layerNorm?: boolean
  /** Draws the initial values. Default: the generator that `manualSeed` restarts. */
  generator?: Generator
}

export const cellOptions: OptionKinds<RecurrentCellOptions> = {
  inputSize: 'any',
  hiddenSize: 'any',
  bias: 'boolean',
  layerNorm: 'boolean',
  generator: 'generator',
}

/** Why layers and cells other than RNNs lack an option. */
export const elsewhere = {
  nonlinearity: `: only an RNN's can be chosen, and those of a GRU or an LSTM are fixed by its gates; leave it out`,
  projSize: ': only an LSTM has a projection; leave it out',
  peepholes: ': only an LSTM has peepholes; leave it out',
}

/**
 * What RNNCell, GRUCell and LSTMCell share: parameters with PyTorch's names, shapes and initial values (uniform within
 * ±1/√hiddenSize; with layer normalization, biases of 0 and gains of 1), and the checks of one time step.
 */
export abstract class RecurrentCell<S extends RecurrentState = RecurrentState> extends Module {
  readonly kind: CellKind
  readonly inputSize: number
  readonly hiddenSize: number
  readonly bias: boolean
  readonly layerNorm: boolean
  /** [gates × hiddenSize, inputSize] */
  declare readonly weight_ih: Parameter
  /** [gates × hiddenSize, hiddenSize] */
  declare readonly weight_hh: Parameter
  /** [gates × hiddenSize] */
  declare readonly bias_ih: Parameter | undefined
  declare readonly bias_hh: Parameter | undefined
  readonly #name: string

  protected constructor(name: string, kind: CellKind, options: RecurrentCellOptions) {
    super()
    checkOptions(name, options, cellOptions, elsewhere)
    const { inputSize, hiddenSize, bias = true, layerNorm = false, generator = defaultGenerator() } = options
    for (const [option, size] of Object.entries({ inputSize, hiddenSize })) checkWhole(name, option, size)
    this.kind = kind
    this.inputSize = inputSize
    this.hiddenSize = hiddenSize
    this.bias = bias
    this.layerNorm = layerNorm
    this.#name = name
    addParameters(this, Object.entries(parameterShapes(kind, this)), this, generator)
  }

  protected override get typeName(): string {
    return this.#name
  }

  /** @internal The equations of the cell. */
  protected get equation(): EquationName {
    return this.kind
  }

  /** A state of zeros, [batchSize, hiddenSize]; an LSTMCell has two of them. */
  beginState(batchSize = 1): S {
    checkWhole(`${this.#name}.beginState`, 'batchSize', batchSize)
    return joinState(zeroState(this.kind, [batchSize], this, weightsOf(this, '').weightHh.device))
  }

  /**
   * One time step.
   * @param input float [batch, inputSize], or tokens, int32 [batch], which stand for one-hot rows
   * @param state the state before the step, [batch, hiddenSize]; zeros if absent
   * @returns the state after the step, whose h is the cell's output
   * @throws ShapeError if the input or the state has other sizes, OptionError for a token out of range
   */
  forward(input: Tensor, state?: S): S {
    const where = `${this.#name}.forward`
    checkTensor(where, input, 'input')
    for (const [name, parameter] of this.ownParameters()) floatsIn(where, parameter, name)
    checkFeatures(where, input, input, ['batch'], this.inputSize)
    const rows = [input.shape[0]]
    const weights = weightsOf(this, '')
    const before =
      state === undefined
        ? zeroState(this.kind, rows, this, weights.weightHh.device)
        : splitState(where, this.kind, state, rows, 'batch', this)
    const { inputSums, step } = cellSteps(this.equation, weights)
    return joinState(step(inputSums(input), before))
  }
}

/** Gives a module the parameters of cells with their initial values. */
export function addParameters(
  module: Module,
  shapes: Shapes,
  { hiddenSize, layerNorm }: Pick<CellSizes, 'hiddenSize' | 'layerNorm'>,
  generator: Generator,
): void {
  const { typeName } = module as unknown as { typeName: string }
  const initial = uniform(1 / Math.sqrt(hiddenSize))
  for (const [name, shape] of shapes) {
    const constant = layerNorm && shape.length === 1
    const values = constant ? full(shape, name.startsWith('gain') ? 1 : 0) : initial(shape, generator)
    fixParameter(module, typeName, name, new Parameter(values))
  }
}

/** The parameters of one cell. @param ending the ending of their names */
export function weightsOf(module: Module, ending: string): LayerWeights<Tensor> {
  const parameters = module as unknown as Record<string, Parameter>
  return cellWeights((name) => parameters[`${name}${ending}`])
}

/**
 * Checks the input of a layer or a cell: features [axes, inputSize], or tokens [axes].
 * @param given the input as the user passed it, with the axes named in `axes`
 * @throws ShapeError for other sizes, OptionError for a token out of range
 */
export function checkFeatures(
  where: string,
  x: Tensor,
  given: Tensor,
  axes: readonly [string] | readonly [string, string],
  inputSize: number,
): void {
  const tokens = x.dtype === 'int32'
  const shape = formatShape(given.shape)
  if (x.rank !== (tokens ? axes.length : axes.length + 1)) {
    const expected = tokens ? `tokens of the shape [${axes.join(', ')}]` : `[${axes.join(', ')}, inputSize]`
    throw new ShapeError(`${where}: input has the shape ${shape}, expected ${expected}`)
  }
  if (!tokens && x.shape.at(-1) !== inputSize) {
    throw new ShapeError(`${where}: input has ${x.shape.at(-1)} features, expected inputSize = ${inputSize}`)
  }
  if (x.size === 0) {
    const least = axes.length === 1 ? 'at least one row' : 'at least one step and one row'
    throw new ShapeError(`${where}: input has the shape ${shape}, expected ${least}`)
  }
  const wrong = tokens ? x.data.find((token) => token < 0 || token >= inputSize) : undefined
  if (wrong !== undefined) {
    throw new OptionError(`${where}: token ${wrong} is out of range, expected 0 to inputSize − 1 = ${inputSize - 1}`)
  }
}
