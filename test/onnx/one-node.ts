import { valueInfo } from '../../src/formats/onnx/graph-builder.js'
import { type AttributeProto, encodeMessage, modelMessage } from '../../src/formats/onnx/proto.js'
import { DataType } from '../../src/formats/onnx/tensor.js'
import type { TensorValues } from '../../src/formats/safetensors.js'

/**
 * The bytes of a model of one node, whose inputs are fed; those that are undefined are left out.
 * @param outputs their names; '' leaves one out
 */
export function oneNode(
  op: string,
  inputs: Readonly<Record<string, TensorValues | undefined>>,
  outputs: readonly string[],
  attribute: AttributeProto[] = [],
  opset = 14,
): Uint8Array {
  const given = Object.entries(inputs).filter((entry): entry is [string, TensorValues] => entry[1] !== undefined)
  const kind = ({ data }: TensorValues) => (data instanceof Int32Array ? DataType.INT32 : DataType.FLOAT)
  return encodeMessage(modelMessage, {
    irVersion: 7,
    opsetImport: [{ domain: '', version: opset }],
    graph: {
      name: 'test',
      node: [
        {
          input: Object.entries(inputs).map(([name, value]) => (value ? name : '')),
          output: outputs,
          opType: op,
          attribute,
        },
      ],
      input: given.map(([name, value]) => valueInfo(name, kind(value), value.shape)),
      output: outputs.filter((name) => name !== '').map((name) => ({ name, type: { tensorType: { elemType: 1 } } })),
    },
  })
}

/** The inputs that are there. */
export const present = (inputs: Readonly<Record<string, TensorValues | undefined>>): Record<string, TensorValues> =>
  Object.fromEntries(Object.entries(inputs).filter((entry): entry is [string, TensorValues] => entry[1] !== undefined))
