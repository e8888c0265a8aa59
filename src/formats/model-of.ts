import { FormatError } from '../core/errors.js'
import { Generator } from '../core/random.js'
import { cells } from '../device/cells.js'
import { GRU } from '../nn/gru.js'
import { LSTM } from '../nn/lstm.js'
import { MinGRU, MinLSTM } from '../nn/minimal.js'
import { RNNModel } from '../nn/model.js'
import type { Module } from '../nn/module.js'
import type { RecurrentLayer, RecurrentOptions } from '../nn/recurrent.js'
import { RNN } from '../nn/rnn.js'
import {
  checkModelParameters,
  type ModelConfig,
  type ModelSizes,
  type TrainingRecord,
  VERSION,
} from './model-config.js'
import type { TensorValues } from './safetensors.js'

/** The configuration of a model, as saved together with its parameters. */
export function configOf(model: RNNModel, training?: TrainingRecord): ModelConfig {
  const { rnn, vocabSize, embedding, tieWeights, inputDropout, outputDropout } = model
  const { hiddenSize, numLayers, bias, bidirectional, dropout, dropoutKind, weightDropout, layerNorm } = rnn
  const embeddingSize = embedding?.embeddingDim
  const sizes = { vocabSize, hiddenSize, numLayers, bias, bidirectional, embeddingSize, tieWeights, layerNorm }
  const drops = { dropout, dropoutKind, weightDropout, inputDropout, outputDropout }
  return { format: 'unrolled', version: VERSION, ...cellOf(rnn), ...sizes, ...drops, training }
}

/**
 * Builds the model of a configuration with its parameters.
 * @param generator for dropout; by default a new one, so that loading draws nothing from the shared one
 * @throws FormatError if they do not fit, or if a parameter is not finite
 */
export function buildModel(
  config: ModelConfig,
  parameters: Readonly<Record<string, TensorValues>>,
  where: string,
  generator: Generator = new Generator(),
): RNNModel {
  checkModelParameters(config, parameters, where)
  return modelWith(config, parameters, where, generator)
}

/** `buildModel` for parameters that have been checked. */
export function modelWith(
  config: ModelConfig,
  parameters: Readonly<Record<string, TensorValues>>,
  where: string,
  generator: Generator = new Generator(),
): RNNModel {
  return withParameters(() => modelOf(config, generator), parameters, where)
}

/** A model with the parameters of a file. @throws FormatError if they do not fit */
export function withParameters<M extends Module>(
  make: () => M,
  parameters: Readonly<Record<string, TensorValues>>,
  where: string,
): M {
  try {
    const model = make()
    model.loadStateDict(parameters)
    return model
  } catch (error) {
    throw new FormatError(`${where}: ${(error as Error).message}`)
  }
}

/** A new model of a configuration; its initial values and its dropout draw from `generator`. */
export function modelOf(config: ModelSizes, generator: Generator): RNNModel {
  const { vocabSize, embeddingSize, tieWeights, inputDropout, outputDropout } = config
  const layer = layerOf({ ...config, inputSize: embeddingSize ?? vocabSize, generator })
  return new RNNModel(layer, vocabSize, { embeddingSize, tieWeights, inputDropout, outputDropout, generator })
}

/** What a configuration says of the kind of a recurrent layer. */
export const cellOf = (
  rnn: RecurrentLayer,
): Pick<LayerSizes, 'cell' | 'nonlinearity' | 'projSize'> & { resetAfter?: false; peepholes?: true } => ({
  cell: cells[rnn.kind].name,
  nonlinearity: rnn instanceof RNN ? rnn.nonlinearity : undefined,
  resetAfter: rnn instanceof GRU && !rnn.resetAfter ? false : undefined,
  projSize: rnn.projSize,
  peepholes: rnn.peepholes || undefined,
})

/** What a configuration says of its recurrent layer. */
export interface LayerSizes
  extends RecurrentOptions,
    Pick<ModelSizes, 'cell' | 'nonlinearity' | 'resetAfter' | 'projSize' | 'peepholes'> {}

/** The recurrent layer of a configuration. @throws OptionError for an option that the layer does not have */
export function layerOf(config: LayerSizes): RecurrentLayer {
  const { cell, nonlinearity, resetAfter, projSize, peepholes, weightDropout, layerNorm } = config
  const { inputSize, hiddenSize, numLayers, bias, bidirectional, dropout, dropoutKind, generator } = config
  const common = { inputSize, hiddenSize, numLayers, bias, bidirectional, dropout, dropoutKind, generator }
  const options = { ...common, weightDropout, layerNorm }
  // Those that a configuration has switched off are no mistake in a layer that lacks them.
  const minimal = { ...common, ...(weightDropout && { weightDropout }), ...(layerNorm && { layerNorm }) }
  const layers: Record<ModelConfig['cell'], () => RecurrentLayer> = {
    rnn: () => new RNN({ ...options, nonlinearity }),
    gru: () => new GRU({ ...options, resetAfter }),
    lstm: () => new LSTM({ ...options, projSize, peepholes }),
    mingru: () => new MinGRU(minimal),
    minlstm: () => new MinLSTM(minimal),
  }
  return layers[cell]()
}
