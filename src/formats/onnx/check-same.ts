import { Generator } from '../../core/random.js'
import { sizeOf } from '../../core/shape.js'
import { noGrad } from '../../tensor/autograd.js'
import { inMemory } from '../../tensor/create.js'
import type { Tensor } from '../../tensor/tensor.js'
import type { ForeignModel } from '../foreign.js'
import { VERSION } from '../model-config.js'
import { buildModel } from '../model-of.js'
import type { TensorValues } from '../safetensors.js'
import type { OnnxInput } from './graph.js'
import type { OnnxModel } from './model.js'

/** How far logarithms of probabilities may be apart, as sums of 32-bit floats in another order are. */
const TOLERANCE = 1e-3

/**
 * Checks that a graph computes the scores of the model that was made of its weights, on some tokens and a state of zeros.
 * @param fail throws the error
 */
export async function checkSame(onnx: OnnxModel, found: ForeignModel, fail: (problem: string) => never): Promise<void> {
  const { vocabSize, hiddenSize, numLayers, bidirectional } = found.config
  const tokens = onnx.inputs.filter(({ float, shape }) => !float && shape?.length === 2)
  if (tokens.length !== 1) {
    fail(`it has ${tokens.length} inputs of whole numbers with two axes, expected one: the tokens [batch, steps]`)
  }
  const lengths = tokens[0].shape!.map((length, axis) => (typeof length === 'number' ? length : axis + 2))
  const generator = new Generator(1)
  const given: TensorValues = {
    data: Int32Array.from({ length: sizeOf(lengths) }, () => generator.bits() % vocabSize),
    shape: lengths,
  }
  const states = onnx.inputs.filter(({ float }) => float)
  const config = { format: 'unrolled', version: VERSION, ...found.config } as const
  const model = buildModel(config, found.parameters, onnx.where, new Generator())
  model.eval()

  for (const batchFirst of [true, false]) {
    const batch = lengths[batchFirst ? 0 : 1]
    const zeros = (input: OnnxInput) => zeroState(input, [numLayers * (bidirectional ? 2 : 1), batch, hiddenSize])
    const feeds = Object.fromEntries(states.map((input) => [input.name, zeros(input)]))
    const outputs = await onnx.run({ ...feeds, [tokens[0].name]: given })
    const axes = inMemory(given.data, given.shape)
    const scores = noGrad(() => model.forward(batchFirst ? axes : axes.transpose(0, 1)).output)
    // Both by step and then by sequence, and the other way.
    const timeFirst = scores.logSoftmax()
    const sequenceFirst = timeFirst.reshape(-1, batch, vocabSize).transpose(0, 1).reshape(-1, vocabSize)
    const made = Object.values(outputs).filter(
      ({ data, shape }) => data.length === scores.size && shape.at(-1) === vocabSize && !(data instanceof Int32Array),
    )
    if (made.some(({ data }) => [timeFirst, sequenceFirst].some((ours) => isSame(data, ours)))) return
  }
  fail('its graph does not compute what its weights do in a language model here, expected no other operators of effect')
}

/** Zeros for a state: axes that the file leaves open have the length that they have here, counted from the last one. */
function zeroState({ shape = [] }: OnnxInput, own: readonly number[]): TensorValues {
  const lengths = shape.map((length, axis) =>
    typeof length === 'number' ? length : (own[axis + own.length - shape.length] ?? 1),
  )
  return { data: new Float32Array(sizeOf(lengths)), shape: lengths }
}

/** Whether values are the scores, their probabilities or the logarithms of these, given those logarithms. */
function isSame(values: ArrayLike<number>, expected: Tensor): boolean {
  const { data, shape } = expected
  const floats = Float32Array.from(values)
  const near = (given: ArrayLike<number>) => data.every((value, i) => Math.abs(value - given[i]) <= TOLERANCE)
  return near(inMemory(floats, shape).logSoftmax().data) || near(floats.map(Math.log))
}
