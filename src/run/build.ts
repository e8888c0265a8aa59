import { checkWhole } from '../core/check.js'
import { OptionError } from '../core/errors.js'
import type { ModelConfig, ModelSizes } from '../formats/model-config.js'
import { Adam, AdamW } from '../optim/adam.js'
import type { Optimizer } from '../optim/optimizer.js'
import { RMSprop } from '../optim/rmsprop.js'
import { CosineLR, ReduceLROnPlateau, type Schedule, StepLR } from '../optim/schedules.js'
import { SGD } from '../optim/sgd.js'
import type { Tensor } from '../tensor/tensor.js'
import type { TrainingData } from '../train/objective.js'
import { checkMemory } from './memory-need.js'
import { defaultRates, type RunOptions } from './run-options.js'

/**
 * The configuration of a new model with the given options.
 * @throws OptionError for options that contradict each other, and for a model that does not fit into the machine's memory
 */
export function newConfig(where: string, options: RunOptions, vocabSize: number): ModelSizes {
  const { cell, nonlinearity, projSize, peepholes, hiddenSize, numLayers, embeddingSize, tieWeights, layerNorm } =
    options
  const { dropout, weightDropout, inputDropout, outputDropout, variational } = options
  if (options.bidirectional) {
    throw new OptionError(
      `${where}: bidirectional is refused: a language model must not see the text that it has to predict; make such a layer with the library`,
      ['bidirectional'],
    )
  }
  if (embeddingSize !== undefined) checkWhole(where, 'embeddingSize', embeddingSize)
  const outputs = projSize ?? hiddenSize
  if (tieWeights && embeddingSize !== outputs) {
    const given = embeddingSize === undefined ? 'without embeddingSize' : `with embeddingSize ${embeddingSize}`
    throw new OptionError(
      `${where}: tieWeights ${given}, expected embeddingSize ${outputs}, as many as ${projSize === undefined ? 'hidden units' : 'features of the projection'}`,
      ['tieWeights', 'embeddingSize', 'embeddingSize'],
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
  checkLSTM(where, options)
  const config = { cell, nonlinearity, projSize, peepholes, ...sizes, ...drops }
  checkMemory(where, config, options)
  return config
}

/** @throws OptionError for a projection or peepholes of an LSTM that do not fit its other options */
function checkLSTM(where: string, { projSize, peepholes, hiddenSize, layerNorm }: RunOptions): void {
  if (layerNorm && (projSize !== undefined || peepholes)) {
    const name = projSize !== undefined ? 'projSize' : 'peepholes'
    throw new OptionError(`${where}: ${name} with layerNorm, expected one of them`, [name, 'layerNorm'])
  }
  if (projSize === undefined) return
  checkWhole(where, 'projSize', projSize)
  if (projSize < hiddenSize) return
  throw new OptionError(`${where}: projSize is ${projSize}, expected less than hiddenSize = ${hiddenSize}`, [
    'projSize',
    'hiddenSize',
  ])
}

const shapes = [
  ...(['cell', 'nonlinearity', 'projSize', 'peepholes', 'hiddenSize', 'numLayers', 'embeddingSize'] as const),
  ...(['tieWeights', 'layerNorm', 'bidirectional'] as const),
]
const drops = ['dropout', 'weightDropout', 'inputDropout', 'outputDropout'] as const

/**
 * The configuration of a saved model that a training begins with: its own, but with the dropout that is given now.
 * @param options the options that the user gave
 * @throws OptionError for an option that would change the model's shape
 */
export function tunedConfig<C extends SavedOptions>(where: string, config: C, options: Partial<RunOptions>): C {
  for (const name of shapes) {
    if (options[name] === undefined || options[name] === config[name]) continue
    throw new OptionError(
      `${where}: ${name} is ${options[name]}, expected the saved model's ${config[name] ?? 'none'}; leave it out with initFrom`,
      [name, 'initFrom'],
    )
  }
  const dropped = drops.filter((name) => options[name] !== undefined).map((name) => [name, options[name]])
  const kind = options.variational ? { dropoutKind: 'variational' as const } : {}
  return { ...config, ...Object.fromEntries(dropped), ...kind }
}

/** Those options of a run that the configuration of a saved model has. */
type SavedOptions = Pick<Partial<ModelConfig>, (typeof shapes | typeof drops)[number] | 'dropoutKind'>

/** A saved model's configuration as options of a run, for the record of its training. */
export function optionsOf(config: SavedOptions): Partial<RunOptions> {
  const names = [...shapes, ...drops].filter(
    (name) => config[name] !== undefined && (name !== 'bidirectional' || config[name]),
  )
  const variational = config.dropoutKind === 'variational' || undefined
  return { ...Object.fromEntries(names.map((name) => [name, config[name]])), variational }
}

export function makeOptimizer(options: RunOptions, parameters: Tensor[]): Optimizer {
  const { optimizer, lr = defaultRates[optimizer], weightDecay, momentum, nesterov } = options
  if (optimizer === 'sgd') return new SGD(parameters, { lr, momentum, nesterov, weightDecay })
  if (optimizer === 'rmsprop') return new RMSprop(parameters, { lr, momentum, weightDecay })
  return new (optimizer === 'adam' ? Adam : AdamW)(parameters, { lr, weightDecay })
}

/** How many batches a pass has. */
export type Batches = Pick<TrainingData<unknown>, 'mostBatches'>

export function makeSchedule(
  where: string,
  options: RunOptions,
  optimizer: Optimizer,
  data: Batches,
): Schedule | undefined {
  const { schedule, warmup, decayEvery, decay: gamma, plateauPatience, minLr } = options
  switch (schedule) {
    case 'step':
      return new StepLR(optimizer, { stepSize: decayEvery, gamma })
    case 'cosine': {
      const totalSteps = stepsOf(options, data)
      if (warmup >= totalSteps && totalSteps > 0) {
        throw new OptionError(
          `${where}: the training has ${totalSteps} steps with epochs ${options.epochs}, expected more than the ${warmup} of its warmup`,
          ['epochs', 'warmup'],
        )
      }
      return new CosineLR(optimizer, { totalSteps, warmupSteps: warmup, minLr })
    }
    case 'plateau':
      // Checked here, because ReduceLROnPlateau would call it patience, which is another option of a run.
      checkWhole(where, 'plateauPatience', plateauPatience, 0)
      return new ReduceLROnPlateau(optimizer, { factor: gamma, patience: plateauPatience, minLr })
    default:
      return undefined
  }
}

/** A warning if the training ends before the schedule changes the learning rate; otherwise undefined. */
export function idleSchedule(options: RunOptions, data: Batches): string | undefined {
  const { schedule, decayEvery, plateauPatience, validateEvery = stepsOf({ ...options, epochs: 1 }, data) } = options
  // A plateau needs one validation, which is the best so far, and then more than plateauPatience worse ones.
  const first = { constant: 0, step: decayEvery, cosine: 1, plateau: (plateauPatience + 2) * validateEvery }[schedule]
  const steps = stepsOf(options, data)
  if (first < steps) return undefined
  return `schedule ${schedule} has no effect: it changes the learning rate after ${first} steps at the earliest, and this training has ${steps}`
}

/** Optimizer steps of a whole training; random offsets can make it one fewer per epoch. */
export function stepsOf({ epochs, accumulate }: RunOptions, { mostBatches }: Batches): number {
  return epochs * Math.ceil(mostBatches / accumulate)
}
