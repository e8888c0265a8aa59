import { expect, test } from 'vitest'
import { decodeOnnx } from '../../src/formats.js'
import { noStandardTests, standardTest, standardTests } from './standard-tests.js'

const recurrent = standardTests(/^test_(simple_rnn|rnn|gru|lstm)_/)

/** Of other operators that this library has, but for kinds of values and forms that it refuses. */
const others = standardTests(
  /^test_(identity|constant(ofshape)?|cast|shape|gather|onehot|transpose|squeeze|unsqueeze|reshape|flatten|slice|split|concat|expand|add|sub|mul|div|equal|less|greater|and|tanh|sigmoid|relu|softmax|logsoftmax|reduce_prod|matmul|gemm)(_|$)/,
).filter(
  (name) =>
    !/expanded$|elements|or_equal|_equal|STRING|FLOAT16|_[34]d$|_opt$|_sequence$|_pad$|int8$|integer$/.test(name),
)

test.skipIf(noStandardTests)(
  `all twelve tests of the standard for RNN, GRU and LSTM are there${noStandardTests}`,
  () => {
    expect(recurrent).toHaveLength(12)
    expect(others.length).toBeGreaterThan(140)
  },
)

test.skipIf(noStandardTests).each([...recurrent, ...others])('the standard’s %s passes', async (name) => {
  const { model, inputs, outputs } = standardTest(name)
  const onnx = decodeOnnx(model, name)
  const results = await onnx.run(Object.fromEntries(onnx.inputs.map((input, i) => [input.name, inputs[i]])))
  for (const [i, output] of onnx.outputs.entries()) {
    const { data, shape } = results[output]
    expect(shape).toEqual(outputs[i].shape)
    for (let k = 0; k < data.length; k++) {
      const expected = outputs[i].data[k]
      expect(Math.abs(data[k] - expected)).toBeLessThanOrEqual(1e-5 * (1 + Math.abs(expected)))
    }
  }
})
