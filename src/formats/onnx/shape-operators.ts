import { aroundAxis, broadcastShapes, rowMajor, type Shape, sizeOf } from '../../core/shape.js'
import type { TensorValues } from '../safetensors.js'
import type { Call, Operator } from './operator.js'
import { arrayLike, axisFor, broadcastTo, concatenate, strided, transpose } from './shapes.js'
import { DataType, isFloat } from './tensor.js'

const wholeNumbers = (values: readonly number[], shape: Shape = [values.length]): TensorValues => ({
  data: Int32Array.from(values),
  shape,
})

/** Axes from an attribute, or since version 13 from the second input, counted from the start. */
function axesFrom(call: Call, attribute: readonly number[] | undefined, rank: number): number[] | undefined {
  return (attribute ?? call.wholes(1))?.map((axis) => axisFor(axis, rank, call.what))
}

/** Operators that arrange values, without computing with them: https://onnx.ai/onnx/operators/. */
export const shapeOperators: Readonly<Record<string, Operator>> = {
  Identity: () => (call) => [call.input(0)],

  Constant: (attributes) => {
    const numbers = attributes.ints('value_ints') ?? attributes.int('value_int')
    const floats = attributes.floats('value_floats') ?? attributes.float('value_float')
    const listed = (values: number[] | number) => [values].flat()
    const shape = (values: number[] | number) => (typeof values === 'number' ? [] : [values.length])
    const value =
      attributes.tensor('value') ??
      (numbers !== undefined ? wholeNumbers(listed(numbers), shape(numbers)) : undefined) ??
      (floats !== undefined ? { data: Float32Array.from(listed(floats)), shape: shape(floats) } : undefined)
    return (call) => [value ?? call.fail('has no value, expected one')]
  },

  ConstantOfShape: (attributes) => {
    const value = attributes.tensor('value') ?? { data: new Float32Array(1), shape: [1] }
    return (call) => {
      const shape = call.room(call.wholes(0) ?? call.fail('has no shape'))
      return [{ data: arrayLike(value.data, sizeOf(shape)).fill(value.data[0]), shape }]
    }
  },

  Cast: (attributes) => {
    const to = attributes.int('to') ?? 0
    attributes.int('saturate')
    const float = isFloat(to)
    return (call) => {
      const { data, shape } = call.input(0)
      if (float === undefined) call.fail(`casts to ONNX's kind ${to}, expected numbers of up to 64 bits`)
      call.room(shape)
      if (float) return [{ data: Float32Array.from(data), shape }]
      return [{ data: Int32Array.from(data, to === DataType.BOOL ? (x) => Number(x !== 0) : Math.trunc), shape }]
    }
  },

  Shape: (attributes) => {
    const [start, end] = [attributes.int('start') ?? 0, attributes.int('end')]
    return (call) => [wholeNumbers(call.input(0).shape.slice(start, end))]
  },

  Gather: (attributes) => {
    const axis = attributes.int('axis') ?? 0
    return (call) => {
      const value = call.input(0)
      const { shape: places } = call.input(1)
      const at = axisFor(axis, value.shape.length, call.what)
      const { outer, length, inner } = aroundAxis(value.shape, at)
      const indices = call.wholes(1)!.map((index) => (index < 0 ? index + length : index))
      const wrong = indices.find((index) => !(index >= 0 && index < length))
      if (wrong !== undefined) call.fail(`takes ${wrong}, expected 0 to ${length - 1}`)
      const shape = call.room([...value.shape.slice(0, at), ...places, ...value.shape.slice(at + 1)])
      const data = arrayLike(value.data, sizeOf(shape))
      for (let i = 0; i < outer; i++) {
        for (const [k, index] of indices.entries()) {
          const from = (i * length + index) * inner
          data.set(value.data.subarray(from, from + inner), (i * indices.length + k) * inner)
        }
      }
      return [{ data, shape }]
    }
  },

  OneHot: (attributes) => {
    const axis = attributes.int('axis') ?? -1
    return (call) => {
      const { data: places, shape: outside } = call.input(0)
      const depth = call.input(1).data[0]
      const { data: values } = call.input(2)
      const at = axisFor(axis, outside.length + 1, call.what)
      const shape = call.room([...outside.slice(0, at), depth, ...outside.slice(at)])
      const data = arrayLike(values, sizeOf(shape)).fill(values[0])
      const inner = sizeOf(outside.slice(at))
      for (const [i, place] of places.entries()) {
        const index = place < 0 ? place + depth : place
        // A place out of range has no one.
        if (index >= 0 && index < depth) data[(Math.floor(i / inner) * depth + index) * inner + (i % inner)] = values[1]
      }
      return [{ data, shape }]
    }
  },

  Transpose: (attributes) => {
    const perm = attributes.ints('perm')
    return (call) => {
      const value = call.input(0)
      const order = perm ?? value.shape.map((_, i) => value.shape.length - 1 - i)
      const sorted = [...order].sort((a, b) => a - b)
      if (sorted.length !== value.shape.length || sorted.some((axis, i) => axis !== i)) {
        call.fail(`has the order of axes [${order.join(', ')}] for ${value.shape.length} axes`)
      }
      call.room(value.shape)
      return [transpose(value, order)]
    }
  },

  Squeeze: (attributes) => {
    const given = attributes.ints('axes')
    return (call) => {
      const { data, shape } = call.input(0)
      const axes = axesFrom(call, given, shape.length)
      const gone = (axis: number) => (axes ? axes.includes(axis) : shape[axis] === 1)
      if (shape.some((length, axis) => gone(axis) && length !== 1)) call.fail('removes an axis whose length is not 1')
      return [{ data, shape: shape.filter((_, axis) => !gone(axis)) }]
    }
  },

  Unsqueeze: (attributes) => {
    const given = attributes.ints('axes')
    return (call) => {
      const { data, shape } = call.input(0)
      const rank = shape.length + (given ?? call.wholes(1) ?? []).length
      const axes = axesFrom(call, given, rank) ?? []
      const rest = [...shape]
      return [
        { data, shape: Array.from({ length: rank }, (_, axis) => (axes.includes(axis) ? 1 : (rest.shift() ?? 1))) },
      ]
    }
  },

  Reshape: (attributes) => {
    const allowZero = (attributes.int('allowzero') ?? 0) !== 0
    return (call) => {
      const { data, shape } = call.input(0)
      const asked = (call.wholes(1) ?? []).map((length, axis) => (length === 0 && !allowZero ? shape[axis] : length))
      const known = sizeOf(asked.filter((length) => length !== -1))
      const result = asked.map((length) => (length === -1 ? data.length / known : length))
      if (sizeOf(result) !== data.length || !result.every(Number.isSafeInteger)) {
        call.fail(`gives ${data.length} values the shape [${asked.join(', ')}]`)
      }
      return [{ data, shape: result }]
    }
  },

  Flatten: (attributes) => {
    const axis = attributes.int('axis') ?? 1
    return (call) => {
      const { data, shape } = call.input(0)
      const at = axisFor(axis < 0 ? axis + shape.length : axis, shape.length + 1, call.what)
      return [{ data, shape: [sizeOf(shape.slice(0, at)), sizeOf(shape.slice(at))] }]
    }
  },

  Slice: (attributes) => {
    const given = (['starts', 'ends', 'axes'] as const).map((name) => attributes.ints(name))
    return (call) => {
      const value = call.input(0)
      const [starts, ends, some] = given.map((list, i): number[] | undefined => list ?? call.wholes(i + 1))
      if (!starts || starts.length !== ends?.length) return call.fail('has not as many starts as ends')
      const axes: number[] = some ?? starts.map((_, i) => i)
      const steps = call.wholes(4) ?? starts.map(() => 1)
      const shape = [...value.shape]
      const strides = rowMajor(value.shape)
      let offset = 0
      for (const [i, counted] of axes.entries()) {
        const axis = axisFor(counted, shape.length, call.what)
        const [length, step] = [value.shape[axis], steps[i]]
        if (!step) call.fail('has steps of 0, expected others')
        const place = (at: number) =>
          Math.min(Math.max(at < 0 ? at + length : at, step < 0 ? -1 : 0), step < 0 ? length - 1 : length)
        const [start, end] = [Math.max(place(starts[i]), 0), place(ends[i])]
        shape[axis] = Math.max(0, Math.ceil((end - start) / step))
        offset += start * strides[axis]
        strides[axis] *= step
      }
      return [strided(value, call.room(shape), strides, offset)]
    }
  },

  Split: (attributes, _opset, outputs) => {
    const axis = attributes.int('axis') ?? 0
    const given = attributes.ints('split')
    attributes.int('num_outputs')
    return (call) => {
      const value = call.input(0)
      const at = axisFor(axis, value.shape.length, call.what)
      const length = value.shape[at]
      const even = Math.ceil(length / outputs)
      const sizes =
        given ?? call.wholes(1) ?? Array.from({ length: outputs }, (_, i) => Math.min(even, length - i * even))
      if (sizes.reduce((sum, size) => sum + size, 0) !== length)
        call.fail(`splits ${length} into [${sizes.join(', ')}]`)
      const strides = rowMajor(value.shape)
      let start = 0
      return sizes.map((size) => {
        start += size
        return strided(value, call.room(value.shape.with(at, size)), strides, (start - size) * strides[at])
      })
    }
  },

  Concat: (attributes) => {
    const axis = attributes.int('axis') ?? 0
    return (call) => {
      const values = call.inputs.map((_, i) => call.input(i))
      const [first] = values
      if (!first) call.fail('joins nothing')
      const at = axisFor(axis, first.shape.length, call.what)
      const alike = ({ data, shape }: TensorValues) =>
        data instanceof Int32Array === first.data instanceof Int32Array &&
        shape.length === first.shape.length &&
        shape.every((length, i) => i === at || length === first.shape[i])
      if (!values.every(alike)) call.fail('joins values of shapes or kinds that do not belong together')
      for (const { shape } of values) call.room(shape)
      return [concatenate(values, at)]
    }
  },

  Expand: () => (call) => {
    const value = call.input(0)
    return [broadcastTo(value, call.room(broadcastShapes('the inputs', value.shape, call.wholes(1) ?? [])))]
  },
}
