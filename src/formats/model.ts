import * as v from 'valibot'
import { DataError, FormatError } from '../core/errors.js'
import { Generator } from '../core/random.js'
import { formatShape, type Shape, sameShape } from '../core/shape.js'
import { tokenKinds } from '../data/text.js'
import { Vocab } from '../data/vocab.js'
import { gatesOf } from '../kernels/kernels.js'
import { dropoutKinds } from '../nn/dropout.js'
import { GRU } from '../nn/gru.js'
import { LSTM } from '../nn/lstm.js'
import { RNNModel } from '../nn/model.js'
import type { RecurrentLayer } from '../nn/recurrent.js'
import { RNN } from '../nn/rnn.js'
import type { Tensor } from '../tensor/tensor.js'

const size = v.pipe(v.number(), v.safeInteger(), v.minValue(1))
const rate = v.pipe(v.number(), v.minValue(0), v.maxValue(1))

/** What config.json of a saved model says. */
const configSchema = v.pipe(
  v.object({
    format: v.literal('unrolled'),
    version: v.literal(1),
    cell: v.picklist(['rnn', 'gru', 'lstm']),
    /** Of an RNN. */
    nonlinearity: v.optional(v.picklist(['tanh', 'relu'])),
    vocabSize: size,
    hiddenSize: size,
    numLayers: size,
    bias: v.boolean(),
    bidirectional: v.boolean(),
    dropout: rate,
    // Younger than the format: what they are where absent is what older models have.
    dropoutKind: v.optional(v.picklist(dropoutKinds)),
    weightDropout: v.optional(rate),
    inputDropout: v.optional(rate),
    outputDropout: v.optional(rate),
    embeddingSize: v.optional(size),
    tieWeights: v.optional(v.boolean()),
    layerNorm: v.optional(v.boolean()),
    /** How the model was trained, for people to read. */
    training: v.optional(v.record(v.string(), v.union([v.string(), v.number(), v.boolean(), v.null()]))),
    /** SHA-256 of the files beside this one, by name. Absent where someone else made them. */
    sha256: v.optional(v.record(v.string(), v.string())),
  }),
  v.check(
    ({ tieWeights, embeddingSize, hiddenSize, bidirectional }) =>
      !tieWeights || embeddingSize === (bidirectional ? 2 : 1) * hiddenSize,
    'tieWeights expects an embeddingSize of as many features as the layer has outputs',
  ),
)

const vocabSchema = v.object({ kind: v.picklist(tokenKinds), tokens: v.array(v.string()) })

export type ModelConfig = v.InferOutput<typeof configSchema>
export type TrainingRecord = NonNullable<ModelConfig['training']>

/** The configuration of a model, as saved beside its parameters. */
export function configOf(model: RNNModel, training?: TrainingRecord): ModelConfig {
  const { rnn, vocabSize, embedding, tieWeights, inputDropout, outputDropout } = model
  const { hiddenSize, numLayers, bias, bidirectional, dropout, dropoutKind, weightDropout, layerNorm } = rnn
  const cell = rnn instanceof RNN ? 'rnn' : rnn.kind === 'gru' ? 'gru' : 'lstm'
  const nonlinearity = rnn instanceof RNN ? rnn.nonlinearity : undefined
  const embeddingSize = embedding?.embeddingDim
  const sizes = { vocabSize, hiddenSize, numLayers, bias, bidirectional, embeddingSize, tieWeights, layerNorm }
  const drops = { dropout, dropoutKind, weightDropout, inputDropout, outputDropout }
  return { format: 'unrolled', version: 1, cell, nonlinearity, ...sizes, ...drops, training }
}

export function parseConfig(json: string, where: string): ModelConfig {
  return parse(configSchema, json, where)
}

export function parseVocab(json: string, where: string): Vocab {
  const { kind, tokens } = parse(vocabSchema, json, where)
  try {
    return Vocab.of(tokens, kind)
  } catch (error) {
    throw new FormatError(`${where}: ${(error as Error).message}`)
  }
}

export const vocabToJson = ({ kind, tokens }: Vocab): string => `${JSON.stringify({ kind, tokens }, null, 1)}\n`

/** Names and shapes of a model's parameters, one by one: a forged number of layers is not walked to its end. */
function* expectedShapes(config: ModelConfig): Iterable<[name: string, shape: Shape]> {
  const { cell, vocabSize, hiddenSize, numLayers, bias, bidirectional, embeddingSize, tieWeights, layerNorm } = config
  const directions = bidirectional ? 2 : 1
  const rows = hiddenSize * gatesOf[cell === 'rnn' ? 'rnn_tanh' : cell]
  for (let layer = 0; layer < numLayers; layer++) {
    for (const suffix of [`l${layer}`, `l${layer}_reverse`].slice(0, directions)) {
      yield [`rnn.weight_hh_${suffix}`, [rows, hiddenSize]]
      yield [`rnn.weight_ih_${suffix}`, [rows, layer === 0 ? (embeddingSize ?? vocabSize) : directions * hiddenSize]]
      if (bias) yield [`rnn.bias_ih_${suffix}`, [rows]]
      if (bias) yield [`rnn.bias_hh_${suffix}`, [rows]]
      if (!layerNorm) continue
      yield [`rnn.gain_ih_${suffix}`, [rows]]
      yield [`rnn.gain_hh_${suffix}`, [rows]]
      if (cell === 'lstm') yield [`rnn.gain_c_${suffix}`, [hiddenSize]]
      if (cell === 'lstm' && bias) yield [`rnn.bias_c_${suffix}`, [hiddenSize]]
    }
  }
  if (embeddingSize) yield ['embedding.weight', [vocabSize, embeddingSize]]
  if (!tieWeights) yield ['linear.weight', [vocabSize, directions * hiddenSize]]
  yield ['linear.bias', [vocabSize]]
}

/**
 * What keeps these parameters from being those of a model of the configuration. Nothing of the model's sizes is made
 * for that, so a forged size takes no memory.
 */
function parametersProblem(config: ModelConfig, parameters: Readonly<Record<string, Tensor>>): string | undefined {
  const { numLayers } = config
  const layers = numLayers === 1 ? '1 layer' : `${numLayers} layers`
  const expected = new Set<string>()
  for (const [name, shape] of expectedShapes(config)) {
    const given = Object.hasOwn(parameters, name) ? parameters[name] : undefined
    if (!given || !sameShape(given.shape, shape)) {
      const found = given ? `has the shape ${formatShape(given.shape)}` : 'is missing'
      return `${name} ${found}, expected ${formatShape(shape)} by the configuration of ${layers}`
    }
    if (given.dtype !== 'float') return `${name} holds whole numbers, expected floats`
    expected.add(name)
  }
  const unknown = Object.keys(parameters).filter((name) => !expected.has(name))
  return unknown.length > 0 ? `${unknown.join(', ')} is unknown to the configuration of ${layers}` : undefined
}

/** What keeps saved tensors from being used: values that are not finite as 32-bit floats. */
export function valuesProblem(tensors: Readonly<Record<string, Tensor>>): string | undefined {
  const infinite = Object.entries(tensors).find(([, { data }]) => !data.every((x) => Number.isFinite(Math.fround(x))))
  return infinite && `${infinite[0]} has values that are not finite numbers`
}

/**
 * Checks what is about to be saved as it will be checked when it is loaded, so that no good model is replaced by one
 * that cannot be loaded.
 * @param where the function or file, for messages
 * @throws DataError where the configuration, the vocabulary and the parameters do not make a model
 */
export function checkSavable(
  where: string,
  config: ModelConfig,
  vocab: Vocab,
  parameters: Readonly<Record<string, Tensor>>,
): void {
  const refuse = (problem: string, advice: string): never => {
    throw new DataError(`${where}: ${problem}; nothing was saved: ${advice}`)
  }
  const infinite = valuesProblem(parameters)
  if (infinite) refuse(infinite, 'the model diverged, train it again with a smaller learning rate')
  try {
    parseConfig(JSON.stringify(config), 'the configuration')
    parseVocab(vocabToJson(vocab), 'the vocabulary')
  } catch (error) {
    refuse((error as Error).message, 'a model like this could not be loaded')
  }
  if (vocab.size !== config.vocabSize) {
    refuse(
      `the vocabulary has ${vocab.size} tokens, expected the model's ${config.vocabSize}`,
      'pass its own vocabulary',
    )
  }
  const other = parametersProblem(config, parameters)
  if (other) refuse(other, 'a model with other parameters than those of RNNModel is saved with saveStateDict')
}

/**
 * The model of a configuration with its parameters.
 * @throws FormatError where they do not fit, or a parameter is not finite
 */
export function buildModel(config: ModelConfig, parameters: Record<string, Tensor>, where: string): RNNModel {
  const problem = parametersProblem(config, parameters) ?? valuesProblem(parameters)
  if (problem) throw new FormatError(`${where}: ${problem}`)
  // A generator of its own: loading a model draws nothing from the one that everybody shares.
  try {
    const model = modelOf(config, new Generator())
    model.loadStateDict(parameters)
    return model
  } catch (error) {
    throw new FormatError(`${where}: ${(error as Error).message}`)
  }
}

/** A new model of a configuration, with initial values drawn from `generator`, which its dropout draws from, too. */
export function modelOf(config: Omit<ModelConfig, 'format' | 'version'>, generator: Generator): RNNModel {
  const { cell, nonlinearity, vocabSize, hiddenSize, numLayers, bias, bidirectional, embeddingSize } = config
  const { dropout, dropoutKind, weightDropout, inputDropout, outputDropout, tieWeights, layerNorm } = config
  const sizes = { inputSize: embeddingSize ?? vocabSize, hiddenSize, numLayers, bias, bidirectional }
  const options = { ...sizes, dropout, dropoutKind, weightDropout, layerNorm, generator }
  const layers: Record<ModelConfig['cell'], () => RecurrentLayer> = {
    rnn: () => new RNN({ ...options, nonlinearity }),
    gru: () => new GRU(options),
    lstm: () => new LSTM(options),
  }
  return new RNNModel(layers[cell](), vocabSize, { embeddingSize, tieWeights, inputDropout, outputDropout, generator })
}

function parse<T extends v.GenericSchema>(schema: T, json: string, where: string): v.InferOutput<T> {
  let value: unknown
  try {
    // Windows programs begin a file with a byte order mark.
    value = JSON.parse(json.replace(/^\uFEFF/, ''))
  } catch {
    throw new FormatError(`${where}: the file is not JSON`)
  }
  const { success, output, issues } = v.safeParse(schema, value)
  if (success) return output
  const [issue] = issues
  throw new FormatError(`${where}: ${v.getDotPath(issue) ?? 'the file'}: ${issue.message}`)
}
