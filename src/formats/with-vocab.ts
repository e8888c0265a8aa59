import { DataError } from '../core/errors.js'
import { Generator } from '../core/random.js'
import { Vocab } from '../data/vocab.js'
import type { ForeignModel } from './foreign.js'
import { VERSION } from './model-config.js'
import { buildModel } from './model-of.js'
import type { TensorValues } from './safetensors.js'
import type { LoadedModel } from './saved-model.js'
import type { TokenList } from './token-list.js'

/** A score that no softmax gives a probability above 0 to, in any precision. */
const NEVER = -1e4

/**
 * Joins a model of another framework with its vocabulary. Tokens without `<unk>` get it as number 0: a token that the
 * model never predicts, and whose input is zeros. All other tokens move up by one.
 * @param vocab the tokens in the order of their numbers in the other framework
 * @param where the place of the model, for messages
 * @throws DataError for a vocabulary of another size, or for a token that appears twice
 */
export function withVocab(
  { config, parameters }: ForeignModel,
  { tokens, kind = 'char', where: list }: TokenList,
  where = 'withVocab',
): LoadedModel {
  if (tokens.length !== config.vocabSize) {
    throw new DataError(
      `${list ?? where}: the vocabulary has ${tokens.length} tokens, expected ${config.vocabSize}, one for each score of ${list ? where : 'the model'}`,
    )
  }
  const known = tokens.indexOf('<unk>')
  if (known > 0) throw new DataError(`${list ?? where}: <unk> is token ${known}, expected token 0, or none`)
  const added = known === -1
  const vocab = Vocab.of(added ? ['<unk>', ...tokens] : tokens, kind)
  const whole = { format: 'unrolled', version: VERSION, ...config, vocabSize: vocab.size } as const
  const model = buildModel(
    whole,
    added ? withUnknown(parameters, config.embeddingSize === undefined) : parameters,
    where,
    new Generator(),
  )
  return { model, vocab, config: whole }
}

/** The parameters with a token 0 before the others. */
function withUnknown(
  parameters: Readonly<Record<string, TensorValues>>,
  oneHot: boolean,
): Record<string, TensorValues> {
  const result: Record<string, TensorValues> = {}
  for (const [name, values] of Object.entries(parameters)) {
    const row = name === 'embedding.weight' || name === 'linear.weight' || name === 'linear.bias'
    const column = oneHot && /^rnn\.weight_ih_l0(_reverse)?$/.test(name)
    result[name] = row ? withRow(values, name === 'linear.bias' ? NEVER : 0) : column ? withColumn(values) : values
  }
  return result
}

function withRow({ data, shape: [rows, ...rest] }: TensorValues, value: number): TensorValues {
  const length = data.length / rows
  const grown = new Float32Array(data.length + length).fill(value, 0, length)
  grown.set(data, length)
  return { data: grown, shape: [rows + 1, ...rest] }
}

function withColumn({ data, shape: [rows, columns] }: TensorValues): TensorValues {
  const grown = new Float32Array(rows * (columns + 1))
  for (let row = 0; row < rows; row++) {
    grown.set(data.subarray(row * columns, (row + 1) * columns), row * (columns + 1) + 1)
  }
  return { data: grown, shape: [rows, columns + 1] }
}
