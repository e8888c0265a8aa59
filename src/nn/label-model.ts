import { checkNumber, checkWhole } from '../core/check.js'
import { checkOptions, type OptionKinds } from '../core/check-options.js'
import { defaultGenerator, type Generator } from '../core/random.js'
import { noGrad } from '../tensor/autograd.js'
import type { Tensor } from '../tensor/tensor.js'
import { dropout } from './dropout.js'
import { Embedding } from './embedding.js'
import { Linear } from './linear.js'
import { Module } from './module.js'
import type { RecurrentLayer } from './recurrent.js'
import type { RecurrentState } from './recurrent-state.js'
import type { ForwardOptions } from './sequences.js'
import { checkTokenLayer, layerInput } from './token-layer.js'

/** Options of a SequenceClassifier or SequenceTagger besides those of its recurrent layer. */
export interface LabelModelOptions {
  /** The number of features of a learned embedding. Default: no embedding; tokens are one-hot. */
  embeddingSize?: number
  /**
   * The probability of dropping a feature of the embedding in training, with a mask of the layer's `dropoutKind`.
   * Without an embedding, the probability of dropping a whole token, which is then read as `<unk>`. Default 0.
   */
  inputDropout?: number
  /** The probability of dropping a feature that the linear output reads, in training. Default 0. */
  outputDropout?: number
  /** Draws the initial values and the dropout masks. Default: the generator that `manualSeed` restarts. */
  generator?: Generator
}

export const labelModelOptions: OptionKinds<LabelModelOptions> = {
  embeddingSize: 'any',
  inputDropout: 'any',
  outputDropout: 'any',
  generator: 'generator',
}

/** What a SequenceClassifier and a SequenceTagger share: tokens, a recurrent layer, and a linear output over the labels. */
export abstract class LabelModel<S extends RecurrentState = RecurrentState> extends Module {
  readonly embedding: Embedding | undefined
  readonly linear: Linear
  readonly inputDropout: number
  readonly outputDropout: number
  readonly #name: string
  readonly #generator: Generator

  /** @internal */
  protected constructor(
    name: string,
    readonly rnn: RecurrentLayer<S>,
    readonly vocabSize: number,
    readonly numLabels: number,
    options: LabelModelOptions,
    kinds: OptionKinds<LabelModelOptions>,
  ) {
    super()
    checkOptions(name, options, kinds)
    const { embeddingSize, inputDropout = 0, outputDropout = 0, generator = defaultGenerator() } = options
    checkTokenLayer(name, rnn, vocabSize, embeddingSize)
    checkWhole(name, 'numLabels', numLabels, 2)
    for (const [option, p] of Object.entries({ inputDropout, outputDropout })) checkNumber(name, option, p, 0, 1)
    this.#name = name
    this.inputDropout = inputDropout
    this.outputDropout = outputDropout
    this.#generator = generator
    const inFeatures = rnn.numDirections * rnn.outputSize
    this.linear = new Linear({ inFeatures, outFeatures: numLabels, generator })
    if (embeddingSize !== undefined) {
      this.embedding = new Embedding({ numEmbeddings: vocabSize, embeddingDim: embeddingSize, generator })
    }
  }

  protected override get typeName(): string {
    return this.#name
  }

  override ownGenerators(): Generator[] {
    return [...super.ownGenerators(), this.#generator]
  }

  /** The scores of the labels. @param inputs tokens, int32 [batch, numSteps] */
  abstract forward(inputs: Tensor, options?: ForwardOptions): Tensor

  /**
   * The label with the highest score, with dropout off and without a gradient.
   * @param inputs tokens, int32 [batch, numSteps]
   * @param options `lengths` of sequences that are not all as long as the input
   * @returns int32, of the shape of the scores without their last axis
   */
  predict(inputs: Tensor, options: ForwardOptions = {}): Tensor {
    return this.inEval(() => noGrad(() => this.forward(inputs, options).argmax()))
  }

  /** The layer's `output`, time first, its `state`, and the lengths, if sequences differ in them. */
  protected run(inputs: Tensor, options: ForwardOptions) {
    const { x, lengths } = layerInput(`${this.#name}.forward`, inputs, options, this, this.#generator)
    return { ...this.rnn.forward(x, undefined, { lengths }), lengths }
  }

  /** The scores of rows [n, features]. */
  protected scoresOf(rows: Tensor): Tensor {
    return this.linear.forward(this.training ? dropout(rows, this.outputDropout, this.#generator) : rows)
  }
}
