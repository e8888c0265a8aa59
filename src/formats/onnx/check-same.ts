import { FormatError } from '../../core/errors.js'
import { Generator } from '../../core/random.js'
import { formatShape, sizeOf } from '../../core/shape.js'
import { noGrad } from '../../tensor/autograd.js'
import { inMemory } from '../../tensor/create.js'
import type { Tensor } from '../../tensor/tensor.js'
import type { ForeignModel } from '../foreign.js'
import { VERSION } from '../model-config.js'
import { buildModel } from '../model-of.js'
import type { TensorValues } from '../safetensors.js'
import { inputShown, type OnnxInput } from './graph.js'
import type { OnnxModel } from './model.js'

/** How far logarithms of probabilities may be apart, as sums of 32-bit floats in another order are. */
const TOLERANCE = 1e-3

/** The most tokens that a graph is run on, if it takes a fixed number of them. */
const MOST_TOKENS = 2 ** 16

/**
 * Checks that a graph computes the scores of the model that was made of its weights, on some tokens and a state of zeros.
 * @param fail throws the error
 * @returns after which tokens it gives scores: each, or the last alone
 */
export async function checkSame(
  onnx: OnnxModel,
  found: ForeignModel,
  fail: (problem: string) => never,
): Promise<'each' | 'last'> {
  const { vocabSize, hiddenSize, numLayers, bidirectional } = found.config
  const tokens = onnx.inputs.filter(({ float }) => !float)
  if (tokens.length !== 1 || tokens[0].shape?.length !== 2) {
    fail(
      `its inputs are ${onnx.inputs.map(inputShown).join(', ')}, expected tokens [batch, steps] and states of floats`,
    )
  }
  const lengths = tokens[0].shape!.map((length, axis) => (typeof length === 'number' ? length : axis + 2))
  if (!(sizeOf(lengths) <= MOST_TOKENS)) {
    fail(`it takes tokens of the shape ${formatShape(lengths)}, expected any number of them, or at most ${MOST_TOKENS}`)
  }
  const generator = new Generator(1)
  const given: TensorValues = {
    data: Int32Array.from({ length: sizeOf(lengths) }, () => generator.bits() % vocabSize),
    shape: lengths,
  }
  const states = onnx.inputs.filter(({ float }) => float)
  const config = { format: 'unrolled', version: VERSION, ...found.config } as const
  const model = await buildModel(config, found.parameters, onnx.where, new Generator()).eval().cpu()

  const failures: FormatError[] = []
  for (const batchFirst of [true, false]) {
    const batch = lengths[batchFirst ? 0 : 1]
    const own = [numLayers * (bidirectional ? 2 : 1), batch, hiddenSize]
    const feeds = Object.fromEntries(states.map((input) => [input.name, zeroState(input, own, fail)]))
    const outputs = await onnx.run({ ...feeds, [tokens[0].name]: given }).catch((error: unknown) => {
      if (!(error instanceof FormatError)) throw error
      failures.push(error)
    })
    if (!outputs) continue
    const axes = inMemory(given.data, given.shape)
    const scores = noGrad(() => model.forward(batchFirst ? axes : axes.transpose(0, 1)).output)
    // Both by step and then by sequence, and the other way.
    const timeFirst = scores.logSoftmax()
    const sequenceFirst = timeFirst.reshape(-1, batch, vocabSize).transpose(0, 1).reshape(-1, vocabSize)
    const afterLast = timeFirst.reshape(-1, batch, vocabSize).select(0, -1)
    const gives = (ours: Tensor) =>
      Object.values(outputs).some(
        ({ data, shape }) =>
          data.length === ours.size &&
          shape.at(-1) === vocabSize &&
          !(data instanceof Int32Array) &&
          isSame(data, ours),
      )
    if (gives(timeFirst) || gives(sequenceFirst)) return 'each'
    if (gives(afterLast)) return 'last'
  }
  // With the axes of the tokens exchanged, even a right graph may fail.
  if (failures.length === 2) throw failures[0]
  fail('its graph does not compute what its weights do in a language model here, expected no other operators of effect')
}

/** Zeros for a state: axes that the file leaves open have the length that they have here, counted from the last one. */
function zeroState(
  { name, shape = [] }: OnnxInput,
  own: readonly number[],
  fail: (problem: string) => never,
): TensorValues {
  const lengths = shape.map((length, axis) =>
    typeof length === 'number' ? length : (own[axis + own.length - shape.length] ?? 1),
  )
  if (!(sizeOf(lengths) <= sizeOf(own))) {
    fail(`it takes a state ${name} of the shape ${formatShape(lengths)}, expected at most ${formatShape(own)}`)
  }
  return { data: new Float32Array(sizeOf(lengths)), shape: lengths }
}

/** Whether values are the scores, their probabilities or the logarithms of these, given those logarithms. */
function isSame(values: ArrayLike<number>, expected: Tensor): boolean {
  const { data, shape } = expected
  const floats = Float32Array.from(values)
  const near = (given: ArrayLike<number>) => data.every((value, i) => Math.abs(value - given[i]) <= TOLERANCE)
  return near(inMemory(floats, shape).logSoftmax().data) || near(floats.map(Math.log))
}
