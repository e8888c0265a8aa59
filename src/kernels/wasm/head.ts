import type { LayerSizes, OutputWeights } from '../../device/device.js'
import type { HostStorage } from '../host/host.js'
import type { Engine } from './compile.js'
import { Layout } from './layout.js'
import type { Allocate } from './linear-memory.js'
import { type GradientRoom, roomFor } from './resident.js'
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
    readonly head: OutputWeights<HostStorage>,
    readonly layer: Layout,
    readonly layerSizes: LayerSizes,
    frozen = false,
  ) {
    const { hiddenSize } = layerSizes
    this.outFeatures = head.weight.length / hiddenSize
    const sizes = { ...layerSizes, cell: 'rnn_tanh', inputSize: hiddenSize, hiddenSize: this.outFeatures } as const
    this.#weights = new LayerWeights(engine, new Layout(engine.shape, sizes), sizes, frozen)
  }

  /** Fields of the plan for the forward pass. */
  forward(allocate: Allocate) {
    const { weight, bias } = this.head
    const allRows = this.layer.steps * this.layer.rows
    return {
      ...this.#fields(allocate),
      outputBias: this.#weights.bias(allocate, { biasIh: bias }),
      outputWeights: this.#weights.forward(allocate, weight, 'input', allRows),
    }
  }

  /** Fields of the plan for the backward pass. @param rows those that its product takes at a time */
  backward(allocate: Allocate, { weight, bias }: OutputWeights<GradientRoom>, rows = this.layer.rows) {
    const { padded, units } = this.#weights.layout
    const fields = this.#fields(allocate)
    if (padded) this.engine.memory.zero(fields.scores, this.layer.sequence(units))
    return {
      ...fields,
      dOutputBias: allocate(units),
      dOutputWeights: this.#weights.sums(allocate, 'input', false),
      outputWeightsBack: this.#weights.backward(allocate, this.head.weight, 'input', rows, this.layer),
      outputGrad: weight.address,
      outputBiasGrad: bias?.address,
    }
  }

  /** Room for the gradients of its parameters. */
  room(allocate: Allocate): OutputWeights<GradientRoom> {
    const { weight, bias } = this.head
    const room = (parameter: HostStorage) => roomFor(this.engine.residents, allocate, parameter)
    return { weight: room(weight), bias: bias && room(bias) }
  }

  #fields(allocate: Allocate) {
    const { units: outputs } = this.#weights.layout
    return { outFeatures: this.outFeatures, outputs, scores: allocate(this.layer.sequence(outputs)) }
  }
}
