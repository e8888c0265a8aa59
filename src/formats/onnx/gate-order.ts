import type { Cell } from '../../device/cells.js'
import type { TensorData } from '../../tensor/arrays.js'

/**
 * The gates of each cell in the order of ONNX, as places in PyTorch's: z, r, h of PyTorch's r, z, n; and i, o, f, c of its
 * i, f, g, o.
 */
const onnxOrder: Readonly<Record<Cell['name'], readonly number[]>> = { rnn: [0], gru: [1, 0, 2], lstm: [0, 3, 1, 2] }

/** The gates of weights or a bias of PyTorch, in the order of ONNX. */
export const toOnnxOrder = (cell: Cell['name'], values: TensorData): Float32Array => reordered(values, onnxOrder[cell])

/** The gates of weights or a bias of ONNX, in the order of PyTorch. */
export const toTorchOrder = (cell: Cell['name'], values: TensorData): Float32Array => {
  const order = onnxOrder[cell]
  return reordered(
    values,
    order.map((_, gate) => order.indexOf(gate)),
  )
}

/** Peepholes of i, f, o in the order of ONNX, which is i, o, f; and back, which is the same exchange. */
export const peepholesToOnnx = (values: TensorData): Float32Array => reordered(values, [0, 2, 1])
export const peepholesFromOnnx = peepholesToOnnx

function reordered(values: TensorData, order: readonly number[]): Float32Array {
  const result = new Float32Array(values.length)
  const length = values.length / order.length
  for (const [to, from] of order.entries()) result.set(values.subarray(from * length, (from + 1) * length), to * length)
  return result
}
