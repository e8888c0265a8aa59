import { checkWhole } from '../core/check.js'
import type { Vocab } from '../data/vocab.js'
import { isMinimal } from '../device/cells.js'
import type { Stepper } from '../device/device.js'
import { kernels } from '../kernels/index.js'
import { cellWeights } from '../nn/cell-weights.js'
import { minimalStepper } from '../nn/minimal-stepper.js'
import { resetBeforeStepper } from '../nn/reset-before-stepper.js'
import { checkOneDirection, stackStepper } from '../nn/stack-stepper.js'
import type { Value } from '../tensor/value.js'
import { cellKindOf, type ModelConfig } from './model-config.js'
import { type ModelFiles, readModelFiles } from './read-model.js'
import type { TensorValues } from './safetensors.js'

/** A saved model without the code for training: the parameters of an RNNModel, which continues texts token by token. */
export class InferenceModel {
  readonly vocabSize: number
  readonly bidirectional: boolean
  readonly #config: ModelConfig
  readonly #parameters: Readonly<Record<string, TensorValues>>

  /** @param parameters those of the configuration, by their names in a saved model */
  constructor(config: ModelConfig, parameters: Readonly<Record<string, TensorValues>>) {
    this.vocabSize = config.vocabSize
    this.bidirectional = config.bidirectional
    this.#config = config
    this.#parameters = parameters
  }

  /**
   * Prepares the model to run token by token, as `RNNModel.stepper` does, on the kernels in use.
   * @throws OptionError for a bidirectional model
   */
  stepper(batchSize = 1): Stepper {
    const where = 'InferenceModel.stepper'
    checkWhole(where, 'batchSize', batchSize)
    checkOneDirection(where, 'model', this.bidirectional)
    const device = kernels()
    const parameter = (name: string): Value | undefined => {
      const saved = this.#parameters[name]
      if (!saved) return undefined
      const { data, shape } = saved
      return { storage: device.owns(data) ? data : device.from(data), shape, device }
    }
    const embedding = parameter('embedding.weight')
    const stack = {
      kind: cellKindOf(this.#config),
      layers: Array.from({ length: this.#config.numLayers }, (_, layer) =>
        cellWeights((name) => parameter(`rnn.${name}_l${layer}`)!),
      ),
      // Tied weights are saved once, as the embedding's.
      weight: (parameter('linear.weight') ?? embedding)!,
      bias: parameter('linear.bias'),
      embedding,
    }
    if (isMinimal(stack.kind)) return minimalStepper(stack, batchSize)
    return this.#config.resetAfter === false ? resetBeforeStepper(stack, batchSize) : stackStepper(stack, batchSize)
  }
}

/** A loaded model, without the code for training. */
export interface LoadedInferenceModel {
  model: InferenceModel
  vocab: Vocab
  config: ModelConfig
}

/**
 * Decodes a model from the files that `encodeModel` made.
 * @param files by name: their bytes, or for files of any size an object that reads them part by part
 * @param where the place of the files, for messages
 * @throws FormatError if a file is missing, damaged, forged, or of a newer version; DataError if its tokens need a
 *   package that is not installed
 */
export async function decodeInferenceModel(files: ModelFiles, where = ''): Promise<LoadedInferenceModel> {
  const { config, vocab, parameters } = await readModelFiles(files, where)
  return { model: new InferenceModel(config, parameters), vocab, config }
}
