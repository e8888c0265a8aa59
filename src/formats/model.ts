import * as v from 'valibot'
import { FormatError } from '../core/errors.js'
import { sameShape } from '../core/shape.js'
import { Vocab } from '../data/vocab.js'
import { gatesOf } from '../kernels/kernels.js'
import { GRU } from '../nn/gru.js'
import { LSTM } from '../nn/lstm.js'
import { RNNModel } from '../nn/model.js'
import type { RecurrentLayer } from '../nn/recurrent.js'
import { RNN } from '../nn/rnn.js'
import type { Tensor } from '../tensor/tensor.js'

const size = v.pipe(v.number(), v.safeInteger(), v.minValue(1))

/** What config.json of a saved model says. */
const configSchema = v.object({
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
  dropout: v.pipe(v.number(), v.minValue(0), v.maxValue(1)),
  /** How the model was trained, for people to read. */
  training: v.optional(v.record(v.string(), v.unknown())),
})

const vocabSchema = v.object({ kind: v.picklist(['char', 'word']), tokens: v.array(v.string()) })

export type ModelConfig = v.InferOutput<typeof configSchema>
export type TrainingRecord = NonNullable<ModelConfig['training']>

/** The configuration of a model, as saved beside its parameters. */
export function configOf(model: RNNModel, training?: TrainingRecord): ModelConfig {
  const { rnn, vocabSize } = model
  const { hiddenSize, numLayers, bias, bidirectional, dropout } = rnn
  const cell = rnn instanceof RNN ? 'rnn' : rnn.kind === 'gru' ? 'gru' : 'lstm'
  const nonlinearity = rnn instanceof RNN ? rnn.nonlinearity : undefined
  const sizes = { vocabSize, hiddenSize, numLayers, bias, bidirectional, dropout }
  return { format: 'unrolled', version: 1, cell, nonlinearity, ...sizes, training }
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

/**
 * The model of a configuration with its parameters. The sizes are compared with the parameters before a
 * model of these sizes is made.
 * @throws FormatError where they do not fit, or a parameter is not finite
 */
export function buildModel(config: ModelConfig, parameters: Record<string, Tensor>, where: string): RNNModel {
  const { cell, nonlinearity, vocabSize, hiddenSize, numLayers, bias, bidirectional, dropout } = config
  const directions = bidirectional ? 2 : 1
  const expected = {
    'rnn.weight_hh_l0': [gatesOf[cell === 'rnn' ? 'rnn_tanh' : cell] * hiddenSize, hiddenSize],
    'linear.weight': [vocabSize, hiddenSize * directions],
  }
  for (const [name, shape] of Object.entries(expected)) {
    const given = Object.hasOwn(parameters, name) ? parameters[name].shape : undefined
    if (!given || !sameShape(given, shape)) {
      const found = given ? `has the shape [${given.join(', ')}]` : 'is missing'
      throw new FormatError(`${where}: ${name} ${found}, expected [${shape.join(', ')}] by the configuration`)
    }
  }
  if (numLayers > Object.keys(parameters).length) {
    throw new FormatError(`${where}: the configuration has ${numLayers} layers, more than there are parameters`)
  }
  for (const [name, { data }] of Object.entries(parameters)) {
    if (!data.every(Number.isFinite)) throw new FormatError(`${where}: ${name} has values that are not finite numbers`)
  }
  const options = { inputSize: vocabSize, hiddenSize, numLayers, bias, bidirectional, dropout }
  const layers: Record<ModelConfig['cell'], () => RecurrentLayer> = {
    rnn: () => new RNN({ ...options, nonlinearity }),
    gru: () => new GRU(options),
    lstm: () => new LSTM(options),
  }
  const model = new RNNModel(layers[cell](), vocabSize)
  try {
    model.loadStateDict(parameters)
  } catch (error) {
    throw new FormatError(`${where}: ${(error as Error).message}`)
  }
  return model
}

function parse<T extends v.GenericSchema>(schema: T, json: string, where: string): v.InferOutput<T> {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch {
    throw new FormatError(`${where}: the file is not JSON`)
  }
  const { success, output, issues } = v.safeParse(schema, value)
  if (success) return output
  const [issue] = issues
  throw new FormatError(`${where}: ${v.getDotPath(issue) ?? 'the file'}: ${issue.message}`)
}
