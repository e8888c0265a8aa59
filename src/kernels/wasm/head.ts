import type { OutputWeights, RecurrentSizes } from '../../device/device.js'
import type { Engine } from './compile.js'
import { Layout } from './layout.js'
import type { Allocate } from './linear-memory.js'
import { LayerWeights } from './weights.js'

/**
 * A linear output on top of a layer. Its parameters are laid out like the input side of a layer whose units are the
 * output's features.
 */
export class HeadPass {
  readonly outFeatures: number
  readonly #weights: LayerWeights

  constructor(
    readonly engine: Engine,
    readonly head: OutputWeights,
    readonly layer: Layout,
    readonly layerSizes: RecurrentSizes,
  ) {
    const { hiddenSize } = layerSizes
    this.outFeatures = head.weight.length / hiddenSize
    const sizes = { ...layerSizes, cell: 'rnn_tanh', inputSize: hiddenSize, hiddenSize: this.outFeatures } as const
    this.#weights = new LayerWeights(engine, new Layout(engine.shape, sizes), sizes)
  }

  /** Fields of the plan for the forward pass. */
  forward(allocate: Allocate) {
    const { weight, bias } = this.head
    const allRows = this.layerSizes.numSteps * this.layer.rows
    return {
      ...this.#fields(allocate),
      outputBias: this.#weights.bias(allocate, { biasIh: bias }),
      outputWeights: this.#weights.forward(allocate, weight, 'input', allRows),
    }
  }

  /** Fields of the plan for the backward pass. */
  backward(allocate: Allocate) {
    const { memory } = this.engine
    const { padded, units } = this.#weights.layout
    const fields = this.#fields(allocate)
    if (padded) memory.zero(fields.scores, this.layer.sequence(units))
    const dOutputBias = allocate(units)
    memory.zero(dOutputBias, units)
    return {
      ...fields,
      dOutputBias,
      dOutputWeights: this.#weights.zeroGrad(allocate, 'input', false),
      outputWeightsBack: this.#weights.backward(allocate, this.head.weight, 'input', this.layer.rows),
    }
  }

  /** Copies the gradients out of the sums of the backward pass. */
  grads({ dOutputWeights, dOutputBias }: { dOutputWeights: number; dOutputBias: number }): OutputWeights {
    return {
      weight: this.#weights.weightGrad(dOutputWeights, 'input', false),
      bias: this.head.bias && this.#weights.biasGrad(dOutputBias, 'input'),
    }
  }

  #fields(allocate: Allocate) {
    const { units: outputs } = this.#weights.layout
    return { outFeatures: this.outFeatures, outputs, scores: allocate(this.layer.sequence(outputs)) }
  }
}
