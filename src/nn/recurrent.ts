import { checkNumber, checkWhole, checkWord } from '../core/check.js'
import { checkOptions, type OptionKinds } from '../core/check-options.js'
import { OptionError } from '../core/errors.js'
import { defaultGenerator, type Generator } from '../core/random.js'
import type { LayerKind } from '../device/cells.js'
import type { Stepper } from '../device/device.js'
import { concatenate, stack } from '../tensor/functions.js'
import { floatsIn } from '../tensor/placed.js'
import { checkHead, type LinearHead, matrixRows, recurrentLayer } from '../tensor/recurrent.js'
import { checkTensor, type Tensor } from '../tensor/tensor.js'
import { addParameters, checkFeatures, elsewhere, weightsOf } from './cell.js'
import { type LayerWeights, mapWeights, type Walk } from './cell-weights.js'
import { type DropoutKind, dropout, dropoutKinds } from './dropout.js'
import type { Linear } from './linear.js'
import { Module } from './module.js'
import type { Parameter } from './parameter.js'
import { joinState, type RecurrentState, splitState, zeroState } from './recurrent-state.js'
import { type ForwardOptions, lengthsIn, withoutPadding } from './sequences.js'
import { recurrentShapes, type Suffix, suffixesOf } from './shapes.js'
import { checkOneDirection, stackStepper } from './stack-stepper.js'

/** More layers than anybody has trained: a larger number is a mistake, and its layers would take minutes to make. */
export const MAX_LAYERS = 1000

/** Options of a recurrent layer. */
export interface RecurrentOptions {
  /** The number of input features; for tokens, the size of the vocabulary. */
  inputSize: number
  hiddenSize: number
  /** The number of stacked layers, up to 1000. Default 1. */
  numLayers?: number
  /** Whether the layers have the biases b_ih and b_hh. Default true. */
  bias?: boolean
  /** Whether input and output are [batch, numSteps, …] instead of [numSteps, batch, …]. Default false. */
  batchFirst?: boolean
  /** The probability, in training, of dropping an output of any layer but the last. Default 0. */
  dropout?: number
  /**
   * Whether that dropout draws a new mask at each time step, as PyTorch does, or one for all steps of a call (Gal &
   * Ghahramani 2016, between layers; weightDropout drops connections between steps). Default 'independent'.
   */
  dropoutKind?: DropoutKind
  /**
   * The probability, in training, of dropping a hidden-to-hidden weight: DropConnect on weight_hh of every layer, with
   * one mask for all steps of a call and the rest scaled by 1 / (1 − p) (Merity, Keskar & Socher 2018). Default 0.
   */
  weightDropout?: number
  /**
   * Whether the cells normalize the products of the input and of the hidden state, and an LSTM's c (Ba, Kiros & Hinton
   * 2016). This adds `gain_ih` and `gain_hh`, and for an LSTM `gain_c` and `bias_c`; the other biases are bias_ih and
   * bias_hh. Gains begin as 1, biases as 0. A training step takes 1.2 to 1.4 times as long. Default false.
   */
  layerNorm?: boolean
  /** Adds a second direction that reads the sequence backwards. Default false. */
  bidirectional?: boolean
  /** Draws the initial values and the dropout masks. Default: the generator that `manualSeed` restarts. */
  generator?: Generator
}

export const recurrentOptions: OptionKinds<RecurrentOptions> = {
  inputSize: 'any',
  hiddenSize: 'any',
  numLayers: 'any',
  bias: 'boolean',
  batchFirst: 'boolean',
  dropout: 'any',
  dropoutKind: 'any',
  weightDropout: 'any',
  layerNorm: 'boolean',
  bidirectional: 'boolean',
  generator: 'generator',
}

let warned = false

/** Warns once, as PyTorch does, that dropout has no effect with a single layer. */
function warnOfDropout(name: string): void {
  if (warned) return
  warned = true
  console.warn(
    `${name}: dropout has no effect with one layer, because it drops outputs of all layers but the last; use more layers, or outputDropout of an RNNModel`,
  )
}

/**
 * What all recurrent layers share: parameters with PyTorch's names, shapes and initial values (uniform within
 * ±1/√hiddenSize), and the loop over layers and directions. Each layer and direction is one fused operation, but for
 * those that the kernels do not have: a GRU with `resetAfter: false`, MinGRU and MinLSTM.
 */
export abstract class RecurrentLayer<S extends RecurrentState = RecurrentState> extends Module {
  readonly kind: LayerKind
  readonly inputSize: number
  readonly hiddenSize: number
  readonly numLayers: number
  readonly bias: boolean
  readonly batchFirst: boolean
  readonly dropout: number
  readonly dropoutKind: DropoutKind
  readonly weightDropout: number
  readonly layerNorm: boolean
  readonly bidirectional: boolean
  /** The features of an LSTM's projection; undefined without one. */
  readonly projSize: number | undefined
  /** Whether the gates of an LSTM see c. */
  readonly peepholes: boolean
  /** Parameters under PyTorch's names, such as `weight_ih_l0`; those of the second direction end in `_reverse`. */
  readonly [weight: `weight_${'ih' | 'hh'}_${Suffix}`]: Parameter
  readonly [vector: `${'bias' | 'gain'}_${'ih' | 'hh' | 'c'}_${Suffix}`]: Parameter | undefined
  readonly [ofLSTM: `weight_${'hr' | 'ch'}_${Suffix}`]: Parameter | undefined
  readonly #name: string
  readonly #generator: Generator

  protected constructor(
    name: string,
    kind: LayerKind,
    options: RecurrentOptions,
    { projSize, peepholes = false }: { projSize?: number; peepholes?: boolean } = {},
  ) {
    super()
    checkOptions(name, options, recurrentOptions, elsewhere)
    const { inputSize, hiddenSize, numLayers = 1, bias = true, batchFirst = false } = options
    const { dropout = 0, dropoutKind = 'independent', weightDropout = 0 } = options
    const { layerNorm = false, bidirectional = false, generator = defaultGenerator() } = options
    for (const [option, size] of Object.entries({ inputSize, hiddenSize })) checkWhole(name, option, size)
    checkWhole(name, 'numLayers', numLayers, 1, MAX_LAYERS)
    for (const [option, p] of Object.entries({ dropout, weightDropout })) checkNumber(name, option, p, 0, 1)
    checkWord(name, 'dropoutKind', dropoutKind, dropoutKinds)
    if (dropout > 0 && numLayers === 1) warnOfDropout(name)
    this.kind = kind
    this.inputSize = inputSize
    this.hiddenSize = hiddenSize
    this.numLayers = numLayers
    this.bias = bias
    this.batchFirst = batchFirst
    this.dropout = dropout
    this.dropoutKind = dropoutKind
    this.weightDropout = weightDropout
    this.layerNorm = layerNorm
    this.bidirectional = bidirectional
    this.projSize = projSize
    this.peepholes = peepholes
    this.#name = name
    this.#generator = generator
    addParameters(this, recurrentShapes(this), this, generator)
  }

  protected override get typeName(): string {
    return this.#name
  }

  override ownGenerators(): Generator[] {
    return [...super.ownGenerators(), this.#generator]
  }

  get numDirections(): 1 | 2 {
    return this.bidirectional ? 2 : 1
  }

  /** The features of h in each direction: hiddenSize, or projSize. */
  get outputSize(): number {
    return this.projSize ?? this.hiddenSize
  }

  /** A state of zeros, [numLayers × numDirections, batchSize, hiddenSize]; an LSTM has two of them. */
  beginState(batchSize = 1): S {
    checkWhole(`${this.#name}.beginState`, 'batchSize', batchSize)
    return joinState(zeroState(this.kind, this.#stateRows(batchSize), this, this.weight_ih_l0.device))
  }

  /**
   * Runs the layers over a sequence.
   *
   * @param input float [numSteps, batch, inputSize], or tokens, int32 [numSteps, batch], which stand for
   *   one-hot rows without making them ([batch, numSteps, …] under `batchFirst`)
   * @param state the state before the first step; zeros if absent
   * @param options `lengths` of sequences that are not all as long as the input
   * @returns `output` [numSteps, batch, numDirections × outputSize], the hidden state of the last layer at every step,
   *   and `state`, the state of every layer after its last step
   * @throws ShapeError if the input or the state has other sizes, OptionError for a token out of range
   */
  forward(input: Tensor, state?: S, options: ForwardOptions = {}): { output: Tensor; state: S } {
    return this.#run(input, state, options)
  }

  /** Whether `forwardTo` works: with one direction, unless a subclass overrides `forward`. */
  get takesHead(): boolean {
    return !this.bidirectional && this.forward === RecurrentLayer.prototype.forward
  }

  /**
   * `forward` followed by a linear output, as one operation. It is faster than two, because the hidden states stay in
   * the kernels' memory.
   * @param head weight [outFeatures, outputSize] and bias [outFeatures]
   * @returns `output` [numSteps, batch, outFeatures], which is 0 after the end of a sequence, and `state`
   * @throws OptionError unless `takesHead`, ShapeError if the head, the input or the state has other sizes
   */
  forwardTo(head: LinearHead, input: Tensor, state?: S, options: ForwardOptions = {}): { output: Tensor; state: S } {
    const where = `${this.#name}.forwardTo`
    if (!this.takesHead)
      throw new OptionError(
        `${where}: takesHead is false, expected a layer with one direction whose forward is not overridden`,
      )
    checkHead(where, head, this.outputSize)
    return this.#run(input, state, options, head)
  }

  #run(input: Tensor, state: S | undefined, options: ForwardOptions, head?: LinearHead): { output: Tensor; state: S } {
    const where = `${this.#name}.forward`
    checkTensor(where, input, 'input')
    for (const [name, parameter] of this.ownParameters()) floatsIn(where, parameter, name)
    const timeFirst = this.batchFirst && input.rank > 1 ? input.transpose(0, 1) : input
    const lengths = input.rank > 1 ? lengthsIn(where, options, timeFirst.shape[0], timeFirst.shape[1]) : undefined
    const x = timeFirst.dtype === 'int32' ? withoutPadding(timeFirst, lengths) : timeFirst
    checkFeatures(where, x, input, this.batchFirst ? ['batch', 'numSteps'] : ['numSteps', 'batch'], this.inputSize)
    const [numSteps, batchSize] = x.shape
    const initial =
      state === undefined
        ? undefined
        : splitState(where, this.kind, state, this.#stateRows(batchSize), 'layers × directions, batch', this)

    let output = x
    const hs: Tensor[] = []
    const cs: Tensor[] = []
    for (let layer = 0; layer < this.numLayers; layer++) {
      if (layer > 0 && this.training) output = dropout(output, this.dropout, this.#generator, this.dropoutKind)
      const directions = suffixesOf(layer, this.bidirectional).map((suffix, direction) => {
        const index = layer * this.numDirections + direction
        const { kind: cell, hiddenSize } = this
        const inputSize = this.#inputSize(layer)
        const sizes = { cell, numSteps, batchSize, inputSize, hiddenSize, reverse: direction === 1, lengths }
        const weights = this.#droppedWeights(suffix)
        const [h0, c0] = [initial?.h.select(0, index), initial?.c?.select(0, index)]
        const ownHead = layer === this.numLayers - 1 ? head : undefined
        return this.walk(sizes, { ...weights, head: ownHead }, output, h0, c0)
      })
      output = concatenate(
        directions.map((direction) => direction.output),
        2,
      )
      for (const { hn, cn } of directions) {
        hs.push(hn)
        if (cn) cs.push(cn)
      }
    }
    return {
      output: this.batchFirst ? output.transpose(0, 1) : output,
      state: joinState({ h: stack(hs, 0), c: cs.length > 0 ? stack(cs, 0) : undefined }),
    }
  }

  /** @internal One layer in one direction over a whole sequence: an operation of the kernels, unless they do not have the cell. */
  protected get walk(): Walk {
    return recurrentLayer
  }

  /** @internal What runs the layers token by token: the kernels, unless they do not have the cell. */
  protected get steps(): typeof stackStepper {
    return stackStepper
  }

  /**
   * Prepares the layers and a linear output, with their current weights, to run token by token; dropout is off.
   * @param embedding the embedding of the tokens, [vocabSize, inputSize], unless they are one-hot
   * @throws OptionError for a bidirectional layer
   */
  stepper(output: Linear, batchSize: number, embedding?: Tensor): Stepper {
    const where = `${this.#name}.stepper`
    checkHead(where, output, this.outputSize * this.numDirections)
    checkWhole(where, 'batchSize', batchSize)
    if (embedding !== undefined) matrixRows(where, 'the embedding', embedding, this.inputSize, '[tokens, inputSize')
    checkOneDirection(where, 'layer', this.bidirectional)
    const first = floatsIn(where, output.weight, 'the head')
    const values = (tensor: Tensor) => floatsIn(where, tensor, 'a parameter', first)
    const layers = Array.from({ length: this.numLayers }, (_, layer) =>
      mapWeights(weightsOf(this, `_l${layer}`), values),
    )
    const head = { weight: values(output.weight), bias: output.bias && values(output.bias) }
    return this.steps({ kind: this.kind, layers, ...head, embedding: embedding && values(embedding) }, batchSize)
  }

  #stateRows(batchSize: number): number[] {
    return [this.numLayers * this.numDirections, batchSize]
  }

  /** The number of input features of a layer. */
  #inputSize(layer: number): number {
    return layer === 0 ? this.inputSize : this.outputSize * this.numDirections
  }

  /** The weights for one forward pass: in training, some hidden-to-hidden weights may be dropped. */
  #droppedWeights(suffix: Suffix): LayerWeights<Tensor> {
    const weights = weightsOf(this, `_${suffix}`)
    if (!this.training || this.weightDropout === 0) return weights
    return { ...weights, weightHh: dropout(weights.weightHh, this.weightDropout, this.#generator) }
  }
}
