import { checkWhole } from '../core/check.js'
import { OptionError } from '../core/errors.js'
import type { Generator } from '../core/random.js'
import type { SequenceData } from '../data/sequences.js'
import { type ModelConfig, modelOf } from '../formats/model.js'
import type { RNNModel } from '../nn/model.js'
import { Adam, AdamW } from '../optim/adam.js'
import type { Optimizer } from '../optim/optimizer.js'
import { RMSprop } from '../optim/rmsprop.js'
import { CosineLR, ReduceLROnPlateau, type Schedule, StepLR } from '../optim/schedules.js'
import { SGD } from '../optim/sgd.js'
import type { Tensor } from '../tensor/tensor.js'
import { checkMemory } from './memory.js'
import { flagOf, type TrainingOptions } from './options.js'

/** A new model as the options say. */
export function makeModel(options: TrainingOptions, vocabSize: number, generator: Generator): RNNModel {
  const { cell, nonlinearity, hiddenSize, numLayers, embeddingSize, tieWeights, layerNorm } = options
  const { dropout, weightDropout, inputDropout, outputDropout, variational } = options
  if (options.bidirectional) {
    throw new OptionError(
      'train: --bidirectional is refused: a language model must not see the text that it has to predict; make such a layer with the library',
    )
  }
  if (embeddingSize !== undefined) checkWhole('train', 'embeddingSize', embeddingSize)
  if (tieWeights && embeddingSize !== hiddenSize) {
    const given = embeddingSize === undefined ? 'without --embedding-size' : `with --embedding-size ${embeddingSize}`
    throw new OptionError(
      `train: --tie-weights ${given}, expected --embedding-size ${hiddenSize}, as many as hidden units`,
    )
  }
  const sizes = {
    vocabSize,
    hiddenSize,
    numLayers,
    bias: true,
    bidirectional: false,
    embeddingSize,
    tieWeights,
    layerNorm,
  }
  const dropoutKind = variational ? 'variational' : 'independent'
  const drops = { dropout, dropoutKind, weightDropout, inputDropout, outputDropout } as const
  const config = { cell, nonlinearity, ...sizes, ...drops }
  checkMemory(config, options)
  return modelOf(config, generator)
}

const shapes = ['cell', 'nonlinearity', 'hiddenSize', 'numLayers', 'embeddingSize', 'tieWeights', 'layerNorm'] as const
const drops = ['dropout', 'weightDropout', 'inputDropout', 'outputDropout'] as const

/**
 * The configuration of a saved model to begin with: its own, with the dropout that is asked for now.
 * @param said names of the options on the command line
 * @throws OptionError for one that would make it another model
 */
export function tunedConfig(config: ModelConfig, options: TrainingOptions, said: readonly string[]): ModelConfig {
  for (const name of shapes) {
    if (!said.includes(name) || options[name] === config[name]) continue
    throw new OptionError(
      `train: ${flagOf(name)} is ${options[name]}, expected the saved model's ${config[name] ?? 'none'}; leave it out with --init-from`,
    )
  }
  const dropped = drops.filter((name) => said.includes(name)).map((name) => [name, options[name]])
  const kind = said.includes('variational') ? { dropoutKind: 'variational' as const } : {}
  return { ...config, ...Object.fromEntries(dropped), ...kind }
}

/** A saved model in the words of the command, for the record of its training. */
export function optionsOf(config: ModelConfig): Partial<TrainingOptions> {
  const names = [...shapes, ...drops].filter((name) => config[name] !== undefined)
  const variational = config.dropoutKind === 'variational' || undefined
  return { ...Object.fromEntries(names.map((name) => [name, config[name]])), variational }
}

/** Learning rates where none is given: the book's for SGD, PyTorch's for the others. */
export const defaultRates = { sgd: 1, adam: 0.001, adamw: 0.001, rmsprop: 0.01 }

export function makeOptimizer(options: TrainingOptions, parameters: Tensor[]): Optimizer {
  const { optimizer, lr = defaultRates[optimizer], weightDecay, momentum, nesterov } = options
  if (optimizer === 'sgd') return new SGD(parameters, { lr, momentum, nesterov, weightDecay })
  if (optimizer === 'rmsprop') return new RMSprop(parameters, { lr, momentum, weightDecay })
  return new (optimizer === 'adam' ? Adam : AdamW)(parameters, { lr, weightDecay })
}

export function makeSchedule(options: TrainingOptions, optimizer: Optimizer, data: SequenceData): Schedule | undefined {
  const { schedule, warmup, decayEvery, decay: gamma, plateauPatience, minLr } = options
  switch (schedule) {
    case 'step':
      return new StepLR(optimizer, { stepSize: decayEvery, gamma })
    case 'cosine':
      return new CosineLR(optimizer, { totalSteps: stepsOf(options, data), warmupSteps: warmup, minLr })
    case 'plateau':
      // The library calls it patience, as it does the training's.
      checkWhole('train', 'plateauPatience', plateauPatience, 0)
      return new ReduceLROnPlateau(optimizer, { factor: gamma, patience: plateauPatience, minLr })
    default:
      return undefined
  }
}

/** A warning where the schedule would change the learning rate only after the training. */
export function idleSchedule(options: TrainingOptions, data: SequenceData): string | undefined {
  const { schedule, decayEvery, plateauPatience, validateEvery = stepsOf({ ...options, epochs: 1 }, data) } = options
  // The first validation is the best so far, and the next ones have to be worse.
  const first = { constant: 0, step: decayEvery, cosine: 1, plateau: (plateauPatience + 2) * validateEvery }[schedule]
  const steps = stepsOf(options, data)
  if (first < steps) return undefined
  return `warning: --schedule ${schedule} has no effect: it changes the learning rate after ${first} steps at the earliest, and this training has ${steps}`
}

/** Optimizer steps of a whole training; the data's random offsets can make it one less an epoch. */
export function stepsOf(
  { epochs, accumulate }: TrainingOptions,
  { corpus, batchSize, numSteps }: SequenceData,
): number {
  return epochs * Math.ceil(Math.floor((corpus.length - 1) / batchSize / numSteps) / accumulate)
}
