import { checkArgument, checkNumber, checkWhole } from '../core/check.js'
import { checkOptions, type OptionKinds } from '../core/check-options.js'
import { OptionError } from '../core/errors.js'
import { defaultGenerator, type Generator } from '../core/random.js'
import type { Stepper } from '../device/device.js'
import { spreadRows, takeRows } from '../tensor/rows.js'
import type { Tensor } from '../tensor/tensor.js'
import { dropout } from './dropout.js'
import { Embedding } from './embedding.js'
import { Linear } from './linear.js'
import { Module } from './module.js'
import type { RecurrentLayer } from './recurrent.js'
import type { RecurrentState } from './recurrent-state.js'
import { type ForwardOptions, rowsWithin } from './sequences.js'
import { checkTokenLayer, layerInput } from './token-layer.js'

/** Options of an RNNModel besides those of its recurrent layer. */
export interface RNNModelOptions {
  /** The number of features of a learned embedding. Default: no embedding; tokens are one-hot, as in the book. */
  embeddingSize?: number
  /**
   * Whether one parameter, `embedding.weight`, serves as the embedding and as the output's weight (Press & Wolf 2017;
   * Inan et al. 2017). The layer's output must have `embeddingSize` features. The initial values are those of an
   * output's weight, uniform within ±1/√embeddingSize. Default false.
   */
  tieWeights?: boolean
  /**
   * The probability of dropping a feature of the embedding in training, with a mask of the layer's `dropoutKind`.
   * Without an embedding, the probability of dropping a whole token, which is then read as `<unk>`. Default 0.
   */
  inputDropout?: number
  /**
   * The probability of dropping an output of the last layer in training, with a mask of the layer's `dropoutKind`.
   * Default 0.
   */
  outputDropout?: number
  /** Draws the initial values and the dropout masks. Default: the generator that `manualSeed` restarts. */
  generator?: Generator
}

const modelOptions: OptionKinds<RNNModelOptions> = {
  embeddingSize: 'any',
  tieWeights: 'boolean',
  inputDropout: 'any',
  outputDropout: 'any',
  generator: 'generator',
}

/**
 * The book's `RNNModel`: one-hot tokens, a recurrent layer, and a linear output over the vocabulary. It takes any
 * recurrent layer with `inputSize` = `vocabSize`, or with `inputSize` = `embeddingSize` if there is an embedding.
 */
export class RNNModel<S extends RecurrentState = RecurrentState> extends Module {
  readonly embedding: Embedding | undefined
  readonly rnn: RecurrentLayer<S>
  readonly linear: Linear
  readonly vocabSize: number
  readonly tieWeights: boolean
  readonly inputDropout: number
  readonly outputDropout: number
  readonly #generator: Generator

  /**
   * @throws OptionError if the layer's inputSize is not the size of the vocabulary or of the embedding, if the layer
   *   has `batchFirst`, or if weights to be tied differ in size
   */
  constructor(rnn: RecurrentLayer<S>, vocabSize: number, options: RNNModelOptions = {}) {
    super()
    checkOptions('RNNModel', options, modelOptions)
    const { embeddingSize, tieWeights = false, inputDropout = 0, outputDropout = 0 } = options
    const { generator = defaultGenerator() } = options
    checkTokenLayer('RNNModel', rnn, vocabSize, embeddingSize)
    const inFeatures = rnn.numDirections * rnn.outputSize
    for (const [option, p] of Object.entries({ inputDropout, outputDropout })) checkNumber('RNNModel', option, p, 0, 1)
    if (tieWeights && embeddingSize !== inFeatures) {
      const given = embeddingSize ? `with embeddingSize = ${embeddingSize}` : 'without embeddingSize'
      throw new OptionError(
        `RNNModel: tieWeights ${given}, expected embeddingSize = ${inFeatures}, the number of features of the layer's output`,
      )
    }
    this.rnn = rnn
    this.vocabSize = vocabSize
    this.tieWeights = tieWeights
    this.inputDropout = inputDropout
    this.outputDropout = outputDropout
    this.#generator = generator
    this.linear = new Linear({ inFeatures, outFeatures: vocabSize, generator })
    if (embeddingSize !== undefined) {
      const weight = tieWeights ? this.linear.weight : undefined
      this.embedding = new Embedding({ numEmbeddings: vocabSize, embeddingDim: embeddingSize, weight, generator })
    }
  }

  protected override get typeName(): string {
    return 'RNNModel'
  }

  get bidirectional(): boolean {
    return this.rnn.bidirectional
  }

  override ownGenerators(): Generator[] {
    return [...super.ownGenerators(), this.#generator]
  }

  /**
   * @param inputs tokens, int32 [batch, numSteps]
   * @param state the layer's state; zeros if absent
   * @param options `lengths` of sequences that are not all as long as the input; the scores after their ends are 0
   * @returns `output` [numSteps × batch, vocabSize], the scores of the next tokens, ordered by time and then by
   *   sequence (so transpose labels before flattening them), and the new `state`
   */
  forward(inputs: Tensor, state?: S, options: ForwardOptions = {}): { output: Tensor; state: S } {
    const { x, lengths } = layerInput('RNNModel.forward', inputs, options, this, this.#generator)
    const drops = this.training && this.outputDropout > 0
    if (!drops && this.rnn.takesHead && this.linear.forward === Linear.prototype.forward) {
      const { output, state: next } = this.rnn.forwardTo(this.linear, x, state, options)
      return { output: output.reshape(-1, this.vocabSize), state: next }
    }
    const { output, state: next } = this.rnn.forward(x, state, options)
    const kept = this.#dropped(output, this.outputDropout).reshape(-1, this.linear.inFeatures)
    if (!lengths) return { output: this.linear.forward(kept), state: next }
    const rows = rowsWithin(lengths, inputs.shape[1])
    return { output: spreadRows(this.linear.forward(takeRows(kept, rows)), rows, kept.shape[0]), state: next }
  }

  /**
   * Prepares the model, with its current weights, to run token by token: many times faster than `forward` for one step,
   * because the weights are packed only once. Dropout is off. The stepper's `step` and `select` throw a ShapeError for
   * anything but an Int32Array of `batchSize`, and an OptionError for numbers out of range or after it was freed; `setState`
   * throws an OptionError for anything but a state of the same layers on the same device.
   * @throws OptionError for a bidirectional model
   */
  stepper(batchSize = 1): Stepper {
    checkWhole('RNNModel.stepper', 'batchSize', batchSize)
    return this.rnn.stepper(this.linear, batchSize, this.embedding?.weight)
  }

  /** A state of zeros for `batchSize` sequences. */
  beginState(batchSize = 1): S {
    checkWhole('RNNModel.beginState', 'batchSize', batchSize)
    return this.rnn.beginState(batchSize)
  }

  #dropped(x: Tensor, p: number): Tensor {
    return this.training ? dropout(x, p, this.#generator, this.rnn.dropoutKind) : x
  }
}

/** @throws OptionError for anything but an RNNModel. @param where the function that the user called */
export const checkRNNModel = (where: string, model: unknown): void =>
  checkArgument(where, 'model', model, model instanceof RNNModel, 'an RNNModel')
