import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { int, text, texts } from '../../src/formats/onnx/graph-builder.js'
import type { AttributeProto } from '../../src/formats/onnx/proto.js'
import { transpose } from '../../src/formats/onnx/shapes.js'
import type { TensorValues } from '../../src/formats/safetensors.js'
import { decodeOnnx } from '../../src/formats.js'
import { oneNode, present } from './one-node.js'
import { Runtime } from './runtime.js'

const operators = {
  RNN: { gates: 1, functions: 1, outputs: ['Y', 'Y_h'] },
  GRU: { gates: 3, functions: 2, outputs: ['Y', 'Y_h'] },
  LSTM: { gates: 4, functions: 3, outputs: ['Y', 'Y_h', 'Y_c'] },
} as const

/** Functions that have a parameter alpha, and whether one must be given; the same for beta. */
const alphas = {
  Affine: true,
  LeakyRelu: false,
  ThresholdedRelu: true,
  ScaledTanh: true,
  HardSigmoid: false,
  Elu: false,
}
const betas = { Affine: true, ScaledTanh: true, HardSigmoid: false }
const functions = ['Relu', 'Tanh', 'Sigmoid', 'Softsign', 'Softplus', ...Object.keys(alphas)]

const number = fc.double({ min: -1, max: 1, noNaN: true })
const positive = fc.double({ min: 0.05, max: 1.5, noNaN: true })
const length = fc.integer({ min: 1, max: 5 })

const tensor = (...shape: number[]): fc.Arbitrary<TensorValues> => {
  const size = shape.reduce((product, one) => product * one, 1)
  return fc
    .array(number, { minLength: size, maxLength: size })
    .map((values) => ({ data: Float32Array.from(values), shape }))
}

/** A node of an operator with random attributes, sizes and inputs. */
const nodes = (op: keyof typeof operators) =>
  fc
    .record({
      direction: fc.constantFrom('forward', 'reverse', 'bidirectional'),
      ...{ steps: length, batch: fc.integer({ min: 1, max: 3 }), inputSize: length, hiddenSize: length },
    })
    .chain(({ direction, steps, batch, inputSize, hiddenSize }) => {
      const count = direction === 'bidirectional' ? 2 : 1
      const { gates, functions: each } = operators[op]
      const names = fc.array(fc.constantFrom(...functions), { minLength: each * count, maxLength: each * count })
      const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined })
      const state = maybe(tensor(count, batch, hiddenSize))
      return fc.record({
        attributes: fc
          .record({
            activations: maybe(names),
            parameters: fc.array(positive, { minLength: 12, maxLength: 12 }),
            given: fc.boolean(),
            clip: maybe(positive),
            flag: fc.boolean(),
          })
          .map((options) => attributesOf(op, direction, hiddenSize, options)),
        inputs: fc.record({
          X: tensor(steps, batch, inputSize),
          W: tensor(count, gates * hiddenSize, inputSize),
          R: tensor(count, gates * hiddenSize, hiddenSize),
          B: maybe(tensor(count, 2 * gates * hiddenSize)),
          sequence_lens: maybe(
            fc
              .array(fc.integer({ min: 0, max: steps }), { minLength: batch, maxLength: batch })
              .map((lengths) => ({ data: Int32Array.from(lengths), shape: [batch] })),
          ),
          initial_h: state,
          ...(op === 'LSTM' && { initial_c: state, P: maybe(tensor(count, 3 * hiddenSize)) }),
        }),
      })
    })

function attributesOf(
  op: keyof typeof operators,
  direction: string,
  hiddenSize: number,
  options: { activations?: string[]; parameters: number[]; given: boolean; clip?: number; flag: boolean },
): AttributeProto[] {
  const { activations = [], parameters, given, clip, flag } = options
  const attributes = [int('hidden_size', hiddenSize), text('direction', direction)]
  if (activations.length > 0) attributes.push(texts('activations', activations))
  for (const [name, having] of Object.entries({ activation_alpha: alphas, activation_beta: betas })) {
    const own = new Map(Object.entries(having))
    const taking = activations.filter((activation) => own.has(activation))
    // The standard has no default for some, and ONNX Runtime none for ThresholdedRelu.
    const needed = taking.some((activation) => own.get(activation))
    if (taking.length > 0 && (needed || given)) {
      attributes.push({ name, floats: parameters.slice(0, taking.length), type: 6 })
    }
  }
  if (clip !== undefined) attributes.push({ name: 'clip', f: clip, type: 1 })
  if (flag && op === 'GRU') attributes.push(int('linear_before_reset', 1))
  if (flag && op === 'LSTM') attributes.push(int('input_forget', 1))
  return attributes
}

/** Expects values within 10⁻⁵; those that are not finite, as functions without a bound may make them, in both. */
function expectClose(actual: TensorValues, expected: TensorValues): void {
  expect(actual.shape).toEqual(expected.shape)
  for (let i = 0; i < expected.data.length; i++) {
    const [a, b] = [actual.data[i], expected.data[i]]
    if (Math.abs(b) < 1e6) expect(Math.abs(a - b)).toBeLessThanOrEqual(1e-5 * (1 + Math.abs(b)))
    else expect(Math.abs(a) < 1e5).toBe(false)
  }
}

describe.each(Object.keys(operators) as (keyof typeof operators)[])('%s nodes with random attributes', (op) => {
  const outputs = [...operators[op].outputs]

  test('compute what they do in ONNX Runtime', async () => {
    await fc.assert(
      fc.asyncProperty(nodes(op), async ({ attributes, inputs }) => {
        const bytes = oneNode(op, inputs, outputs, attributes)
        const runtime = await Runtime.load(bytes)
        const expected = await runtime.run(present(inputs))
        await runtime.release()
        const actual = await decodeOnnx(bytes).run(present(inputs))
        for (const name of outputs) expectClose(actual[name], expected[name])
      }),
      { numRuns: 60, seed: 1 },
    )
  })

  test('compute the same with the batch first (layout 1), which ONNX Runtime does not have', async () => {
    await fc.assert(
      fc.asyncProperty(nodes(op), async ({ attributes, inputs }) => {
        const expected = await decodeOnnx(oneNode(op, inputs, outputs, attributes)).run(present(inputs))
        const swapped = { ...inputs }
        for (const name of ['X', 'initial_h', 'initial_c'] as const) {
          const value = inputs[name]
          if (value) swapped[name] = transpose(value, [1, 0, 2])
        }
        const bytes = oneNode(op, swapped, outputs, [...attributes, int('layout', 1)])
        const actual = await decodeOnnx(bytes).run(present(swapped))
        for (const name of outputs) {
          const order = name === 'Y' ? [1, 2, 0, 3] : [1, 0, 2]
          expectClose(transpose(actual[name], order), expected[name])
        }
      }),
      { numRuns: 20, seed: 1 },
    )
  })
})

const x = { data: new Float32Array(6), shape: [1, 2, 3] }
const w = { data: new Float32Array(12), shape: [1, 4, 3] }
const r = { data: new Float32Array(16), shape: [1, 4, 4] }

test.each<[string, AttributeProto[], Record<string, TensorValues>, string]>([
  ['an unknown attribute', [int('future', 1)], {}, 'has the attribute future, which this version does not know'],
  ['an unknown direction', [text('direction', 'both')], {}, 'has the direction "both"'],
  ['an unknown layout', [int('layout', 2)], {}, 'has the layout 2, expected 0 or 1'],
  ['an unknown activation', [texts('activations', ['Gelu'])], {}, 'has the activation "Gelu"'],
  [
    'too few activations',
    [text('direction', 'bidirectional'), texts('activations', ['Tanh'])],
    {},
    'has 1 activations',
  ],
  [
    'a function without its parameter',
    [texts('activations', ['Affine'])],
    {},
    'has the activation Affine without alpha',
  ],
  ['a clip of 0', [{ name: 'clip', f: 0, type: 1 }], {}, 'has the clip 0'],
  ['an attribute of another kind', [text('hidden_size', '4')], {}, 'the attribute hidden_size is of another kind'],
  ['weights of another shape', [], { W: r }, 'W has the shape [1, 4, 4], expected floats [1, 4, 3]'],
  ['another hidden size', [int('hidden_size', 5)], {}, 'expected floats [1, 5, 3]'],
  [
    'lengths of sequences that are too long',
    [],
    { B: { data: new Float32Array(8), shape: [1, 8] }, sequence_lens: { data: Int32Array.of(1, 2), shape: [2] } },
    'sequence_lens are not 2 whole numbers from 0 to 1',
  ],
])('a node with %s is refused', async (_, attributes, others, message) => {
  const inputs = { X: x, W: w, R: r, ...others }
  const run = async () => decodeOnnx(oneNode('RNN', inputs, ['Y'], attributes), 'm.onnx').run(inputs)
  await expect(run()).rejects.toThrow(message)
  await expect(run()).rejects.toThrow(/^m\.onnx: RNN \(node 1\)/)
})
