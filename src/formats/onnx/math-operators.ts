import { aroundAxis, broadcastShapes, sizeOf } from '../../core/shape.js'
import { noGrad } from '../../tensor/autograd.js'
import { inMemory } from '../../tensor/create.js'
import type { TensorValues } from '../safetensors.js'
import type { Call, Operator } from './operator.js'
import { arrayLike, axisFor, broadcastTo, transpose } from './shapes.js'

/** An operator on each value. */
const unary =
  (f: (x: number) => number): Operator =>
  () =>
  (call) => {
    const { data, shape } = call.input(0)
    call.room(shape)
    return [{ data: data.map((value) => f(value)), shape }]
  }

/** An operator on pairs of values; whole numbers stay whole, and the results of comparisons are 0 and 1. */
const binary =
  (f: (a: number, b: number) => number | boolean, compares = false): Operator =>
  () =>
  (call) => {
    const [a, b] = [call.input(0), call.input(1)]
    const whole = a.data instanceof Int32Array
    if (whole !== b.data instanceof Int32Array) call.fail('has floats and whole numbers, expected one kind')
    const shape = call.room(broadcastShapes('the inputs', a.shape, b.shape))
    const [x, y] = [a, b].map((value) => broadcastTo(value, shape).data)
    const data = whole || compares ? new Int32Array(x.length) : new Float32Array(x.length)
    for (let i = 0; i < data.length; i++) data[i] = Number(f(x[i], y[i]))
    return [{ data, shape }]
  }

/** a · b of matrices; `a` may have axes before its last two. */
function matrixProduct(call: Call, a: TensorValues, b: TensorValues): TensorValues {
  const [rows, depth, columns] = [sizeOf(a.shape.slice(0, -1)), a.shape.at(-1) ?? 0, b.shape[1]]
  if (a.shape.length < 2 || b.shape.length !== 2 || b.shape[0] !== depth) {
    call.fail(
      `multiplies [${a.shape.join(', ')}] by [${b.shape.join(', ')}], expected matrices, of which the first may be several`,
    )
  }
  if (a.data instanceof Int32Array || b.data instanceof Int32Array)
    call.fail('multiplies whole numbers, expected floats')
  const shape = call.room([...a.shape.slice(0, -1), columns])
  call.budget.work(rows * depth * columns, call.what)
  if (rows * depth * columns === 0) return { data: new Float32Array(rows * columns), shape }
  const product = noGrad(() => inMemory(a.data, [rows, depth]).matmul(inMemory(b.data, b.shape)))
  return { data: product.data, shape }
}

/** Softmax or its logarithm along an axis. */
const softmax =
  (finish: (x: number, sum: number) => number): Operator =>
  (attributes, opset) => {
    // Before version 13, all axes from this one on were one, and it was the second by default.
    const axis = attributes.int('axis') ?? (opset < 13 ? 1 : -1)
    return (call) => {
      const { data, shape } = call.input(0)
      const at = axisFor(axis, shape.length, call.what)
      const around = aroundAxis(shape, at)
      const [outer, length, inner] =
        opset < 13 ? [around.outer, around.length * around.inner, 1] : [around.outer, around.length, around.inner]
      call.room(shape)
      const result = new Float32Array(data.length)
      for (let row = 0; row < outer * inner; row++) {
        const start = Math.floor(row / inner) * length * inner + (row % inner)
        let most = -Infinity
        for (let i = 0; i < length; i++) most = Math.max(most, data[start + i * inner])
        let sum = 0
        for (let i = 0; i < length; i++) sum += Math.exp(data[start + i * inner] - most)
        for (let i = 0; i < length; i++) result[start + i * inner] = finish(data[start + i * inner] - most, sum)
      }
      return [{ data: result, shape }]
    }
  }

/** Operators that compute: https://onnx.ai/onnx/operators/. */
export const mathOperators: Readonly<Record<string, Operator>> = {
  Add: binary((a, b) => a + b),
  Sub: binary((a, b) => a - b),
  Mul: binary((a, b) => a * b),
  Div: binary((a, b) => a / b),
  Equal: binary((a, b) => a === b, true),
  Less: binary((a, b) => a < b, true),
  Greater: binary((a, b) => a > b, true),
  And: binary((a, b) => a && b, true),
  Not: unary((x) => Number(x === 0)),
  Tanh: unary(Math.tanh),
  Sigmoid: unary((x) => 1 / (1 + Math.exp(-x))),
  Relu: unary((x) => Math.max(0, x)),
  Softmax: softmax((x, sum) => Math.exp(x) / sum),
  LogSoftmax: softmax((x, sum) => x - Math.log(sum)),

  ReduceProd: (attributes) => {
    const [given, keep] = [attributes.ints('axes'), attributes.int('keepdims') ?? 1]
    attributes.int('noop_with_empty_axes')
    return (call) => {
      const value = call.input(0)
      call.room(value.shape)
      const all = value.shape.map((_, axis) => axis)
      const axes = (given ?? call.wholes(1))?.map((axis) => axisFor(axis, all.length, call.what)) ?? all
      const rest = all.filter((axis) => !axes.includes(axis))
      const { data } = transpose(value, [...rest, ...axes])
      const shape = rest.map((axis) => value.shape[axis])
      const length = data.length / sizeOf(shape) || 0
      const products = arrayLike(data, sizeOf(shape)).fill(1)
      for (let i = 0; i < products.length * length; i++) products[Math.floor(i / length)] *= data[i]
      return [
        { data: products, shape: keep ? all.map((axis) => (axes.includes(axis) ? 1 : value.shape[axis])) : shape },
      ]
    }
  },

  MatMul: () => (call) => [matrixProduct(call, call.input(0), call.input(1))],

  Gemm: (attributes) => {
    const [alpha, beta] = [attributes.float('alpha') ?? 1, attributes.float('beta') ?? 1]
    const [transA, transB] = [attributes.int('transA') ?? 0, attributes.int('transB') ?? 0]
    return (call) => {
      const [a, b] = [call.input(0), call.input(1)]
      if (a.shape.length !== 2 || b.shape.length !== 2) call.fail('multiplies what is not two matrices')
      call.room(a.shape)
      call.room(b.shape)
      const { data, shape } = matrixProduct(call, transA ? transpose(a, [1, 0]) : a, transB ? transpose(b, [1, 0]) : b)
      const c = call.inputs[2]
      if (c && sizeOf(broadcastShapes('the inputs', c.shape, shape)) !== data.length)
        call.fail('adds more values than it has')
      const added = c && broadcastTo(c, shape).data
      return [{ data: data.map((value, i) => alpha * value + (added ? beta * added[i] : 0)), shape }]
    }
  },
}
