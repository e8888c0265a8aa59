import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { decodeMessage, type TensorProto, tensorMessage } from '../../src/formats/onnx/proto.js'
import { tensorValues } from '../../src/formats/onnx/tensor.js'
import type { TensorValues } from '../../src/formats/safetensors.js'

/** The standard's own tests of its operators, as Debian's libonnx-testdata installs them. */
const folder = '/usr/share/libonnx-testdata/data/node'

/** Why the tests are skipped, for their names; '' if they are not. */
export const noStandardTests = existsSync(folder) ? '' : ' (skipped without libonnx-testdata)'

/** The names of the tests that a pattern fits. */
export const standardTests = (pattern: RegExp): string[] =>
  noStandardTests ? [] : readdirSync(folder).filter((name) => pattern.test(name))

/** The bytes of a test's model, and its inputs and outputs in their order. */
export function standardTest(name: string): { model: Uint8Array; inputs: TensorValues[]; outputs: TensorValues[] } {
  const set = path.join(folder, name, 'test_data_set_0')
  const tensors = (kind: string) =>
    readdirSync(set)
      .filter((file) => file.startsWith(kind))
      .sort((a, b) => Number(/\d+/.exec(a)) - Number(/\d+/.exec(b)))
      .map((file) => {
        const bytes = new Uint8Array(readFileSync(path.join(set, file)))
        return tensorValues(decodeMessage<TensorProto>(tensorMessage, bytes, file), file)
      })
  return {
    model: new Uint8Array(readFileSync(path.join(folder, name, 'model.onnx'))),
    inputs: tensors('input'),
    outputs: tensors('output'),
  }
}
