import { runInNewContext } from 'node:vm'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { kernelSets } from '../../test/kernel-sets.js'
import { GradientError, OptionError, ShapeError } from '../core/errors.js'
import { referenceKernels, selectKernels, useKernels } from '../kernels/index.js'
import { Linear } from '../nn/linear.js'
import { LSTM } from '../nn/lstm.js'
import { RNNModel } from '../nn/model.js'
import { SGD } from '../optim/sgd.js'
import type { NestedValues, NumberArray } from './arrays.js'
import { fromData, full, ones, tensor } from './create.js'
import { Tensor } from './tensor.js'

afterAll(() => selectKernels('auto'))

const numbers = [1, 2, 3, 4]
const shifted = <A extends { subarray(from: number, to: number): A }>(array: A) => array.subarray(1, 5)
const arrays: [string, NumberArray][] = [
  ['an array', numbers],
  ['Float32Array', Float32Array.from(numbers)],
  ['Float64Array', Float64Array.from(numbers)],
  ['Int8Array', Int8Array.from(numbers)],
  ['Uint8Array', Uint8Array.from(numbers)],
  ['Uint8ClampedArray', Uint8ClampedArray.from(numbers)],
  ['Int16Array', Int16Array.from(numbers)],
  ['Uint16Array', Uint16Array.from(numbers)],
  ['Uint32Array', Uint32Array.from(numbers)],
  ['a Buffer', Buffer.from(numbers)],
  ['a part of a Float32Array', shifted(Float32Array.of(9, ...numbers, 9))],
  ['a part of a Float64Array', shifted(Float64Array.of(9, ...numbers, 9))],
  ['a part of a Uint8Array', shifted(Uint8Array.of(9, ...numbers, 9))],
  ['a view of shared memory', new Float32Array(new SharedArrayBuffer(16)).fill(1).map((_, i) => i + 1)],
  ['a part of a view of shared memory', shifted(new Float64Array(new SharedArrayBuffer(48)).map((_, i) => i))],
  ['a Float64Array of another realm', runInNewContext('Float64Array.of(1, 2, 3, 4)')],
  ['an array of another realm', runInNewContext('[1, 2, 3, 4]')],
]

// A BLAS would read the bytes of another kind of array as floats, and read beyond its end.
describe.each([...kernelSets, referenceKernels('float64')])('$name', (kernels) => {
  beforeEach(() => useKernels(kernels))

  test.each(arrays)('%s is converted to the floats of the kernels', async (_name, array) => {
    const doors = [
      fromData(array, [2, 2]),
      new Tensor(array, [2, 2]),
      tensor(array).reshape(2, 2),
      tensor([array, array]),
    ]
    for (const x of doors) {
      expect(x.dtype).toBe('float')
      expect(x.data).toBeInstanceOf(kernels.Float)
    }
    for (const x of doors.slice(0, 3)) {
      expect(await x.matmul(x).toArray()).toEqual([
        [7, 10],
        [15, 22],
      ])
      expect(await x.add(x).toArray()).toEqual([
        [2, 4],
        [6, 8],
      ])
    }
    expect(await doors[3].toArray()).toEqual([numbers, numbers])
  })

  test('floats of the right kind are used without a copy, but tensor() copies', () => {
    const data = new kernels.Float(2)
    expect(fromData(data, [2]).data).toBe(data)
    expect(tensor(data).data).not.toBe(data)
  })

  test('a tensor of another precision is refused, and the error says how to convert it', async () => {
    const other = kernels.Float === Float64Array ? 'float32' : 'float64'
    useKernels(referenceKernels(other))
    const made = tensor([numbers], { requiresGrad: true })
    const loss = made.square().sum()
    const layer = new Linear({ inFeatures: 4, outFeatures: 2 })
    const lstm = new LSTM({ inputSize: 4, hiddenSize: 2 })
    const state = lstm.beginState(1)
    const model = new RNNModel(new LSTM({ inputSize: 4, hiddenSize: 2 }), 4)
    useKernels(kernels)
    const own = ones([1, 4])
    const targets = tensor([0], { dtype: 'int32' })
    for (const wrong of [
      () => made.add(1),
      () => own.mul(made),
      () => own.matmul(made.T),
      () => made.reshape(4),
      () => made.slice(1, 0, 2),
      () => made.sum(),
      () => made.gatherRows(targets),
      () => loss.backward(),
      () => layer.forward(own),
      () => lstm.forward(own.reshape(1, 1, 4)),
      () => new LSTM({ inputSize: 4, hiddenSize: 2 }).forward(own.reshape(1, 1, 4), state),
      () => model.forward(targets.reshape(1, 1)),
      () => model.stepper(),
      () => {
        own.grad = made
      },
    ]) {
      expect(wrong).toThrow(ShapeError)
      expect(wrong).toThrow(
        /^(LSTM.forward|LSTM.stepper|RNNModel.forward|[a-zA-Z]+): .* holds a Float(32|64)Array, expected a Float(32|64)Array/,
      )
    }
    expect(made.clone().data).toBeInstanceOf(kernels.Float)
    expect(await made.clone().add(1).toArray()).toEqual([[2, 3, 4, 5]])
    const twin = new Linear({ inFeatures: 4, outFeatures: 2 })
    twin.loadStateDict(layer.stateDict())
    const sums = (await layer.weight.toArray()) as number[][]
    const expected = sums.map((row, i) => row.reduce((sum, value) => sum + value, layer.bias!.data[i]))
    expect([...twin.forward(own).data]).toEqual(expected.map((value) => expect.closeTo(value, 5)))
  })

  test('an optimizer loads a state of another precision', () => {
    const other = kernels.Float === Float64Array ? 'float32' : 'float64'
    const begun = () => {
      const p = tensor([1, 2], { requiresGrad: true })
      return { p, optimizer: new SGD([p], { lr: 1, momentum: 0.5 }) }
    }
    useKernels(referenceKernels(other))
    const old = begun()
    const target = begun()
    old.p.square().sum().backward()
    old.optimizer.step()
    useKernels(kernels)
    target.optimizer.loadStateDict(old.optimizer.stateDict())
    expect([...target.optimizer.stateDict().tensors['momentum_buffer.0'].data]).toEqual([2, 4])
  })
})

test('Int32Array is the dtype int32, alone and as rows, and stays the same array in fromData', async () => {
  const whole = Int32Array.of(2, 0)
  expect(fromData(whole, [2]).data).toBe(whole)
  expect(tensor(whole).dtype).toBe('int32')
  expect(tensor([whole, whole]).dtype).toBe('int32')
  expect(await tensor([whole, whole]).toArray()).toEqual([
    [2, 0],
    [2, 0],
  ])
  expect(tensor([whole, [1, 1]]).dtype).toBe('float')
  expect(tensor(whole, { dtype: 'float' }).dtype).toBe('float')
  expect(tensor(Uint8Array.of(1), { dtype: 'int32' }).dtype).toBe('int32')
  expect(fromData(runInNewContext('Int32Array.of(1)'), [1]).dtype).toBe('int32')
})

test('rank and shape follow the nesting', () => {
  expect(tensor(7).shape).toEqual([])
  expect(tensor([]).shape).toEqual([0])
  expect(tensor([[], []]).shape).toEqual([2, 0])
  expect(tensor([[[1], [2]]]).shape).toEqual([1, 2, 1])
  expect(tensor([Float32Array.of(1, 2), [3, 4]]).shape).toEqual([2, 2])
  expect([...tensor([Number.NaN, Infinity]).data]).toEqual([Number.NaN, Infinity])
})

const endless: unknown[] = []
endless.push(endless)
const hole = new Array(2)
hole[1] = 1

test.each<[string, unknown, string]>([
  ['nothing', undefined, 'tensor: the values are undefined, expected an array or a typed array of numbers'],
  ['null', null, 'tensor: the values are null'],
  ['an object', {}, 'tensor: the values are an object'],
  ['a text', 'abc', "tensor: the values are the string 'abc'"],
  ['a BigInt', 3n, 'tensor: the values are the BigInt 3'],
  ['a boolean', true, 'tensor: the values are true'],
  ['an ArrayBuffer', new ArrayBuffer(8), 'tensor: the values are an ArrayBuffer'],
  ['a DataView', new DataView(new ArrayBuffer(8)), 'tensor: the values are a DataView'],
  ['a tensor', tensor([1]), 'tensor: the values are a Tensor'],
  ['a promise', Promise.resolve([1]), 'tensor: the values are a Promise'],
  [
    'BigInts',
    BigInt64Array.of(1n),
    'tensor: the values are a BigInt64Array, expected an array or a typed array of numbers; Int32Array.from(values, Number) converts BigInts',
  ],
  ['a row of BigInts', [BigUint64Array.of(1n)], 'tensor: the value at [0] is a BigUint64Array, expected a number'],
  ['texts', ['a'], "tensor: the value at [0] is the string 'a', expected a number"],
  ['null among numbers', [1, null], 'tensor: the value at [1] is null, expected a number'],
  ['undefined in a row', [[1], [undefined]], 'tensor: the value at [1][0] is undefined, expected a number'],
  ['a hole', [[1, 2], hole], 'tensor: the value at [1][0] is undefined, expected a number'],
  ['a boolean among numbers', [1, true], 'tensor: the value at [1] is true, expected a number'],
  ['a BigInt among numbers', [1, 2n], 'tensor: the value at [1] is the BigInt 2, expected a number'],
  ['a number object', [new Number(3)], 'tensor: the value at [0] is a Number, expected a number'],
  ['rows of several lengths', [[1, 2], [3]], 'tensor: the array at [1] has 1 values, expected 2, like the first array'],
  ['typed rows of several lengths', [[1], new Float32Array(2)], 'tensor: the array at [1] has 2 values, expected 1'],
  ['a row deeper than the first', [1, [2]], 'tensor: the value at [1] is an array, expected a number'],
  ['a row flatter than the first', [[1], 2], 'tensor: the value at [1] is the number 2, expected an array of 1 values'],
  [
    'a typed row among nested ones',
    [[[1]], Float32Array.of(1)],
    'tensor: the value at [1] is a Float32Array, expected an array of 1 values',
  ],
  ['a missing row', [[1], undefined, [1]], 'tensor: the value at [1] is undefined, expected an array of 1 values'],
  ['an array that contains itself', endless, 'tensor: the arrays are nested more than 64 deep'],
])('tensor() of %s is refused with a full sentence', (_name, values, message) => {
  const make = () => tensor(values as NestedValues)
  expect(make).toThrow(ShapeError)
  expect(make).toThrow(message)
})

test.each<[string, unknown, unknown, string]>([
  ['nothing', undefined, [1], 'fromData: the values are undefined'],
  ['BigInts', BigInt64Array.of(1n), [1], 'fromData: the values are a BigInt64Array'],
  ['an object like an array', { length: 1, 0: 1 }, [1], 'fromData: the values are an object'],
  ['a number', 1, [], 'fromData: the values are the number 1'],
  ['nested arrays', [[1]], [1, 1], 'fromData: the value at [0] is an array, expected a number'],
  ['a hole', hole, [2], 'fromData: the value at [0] is undefined, expected a number'],
  ['no shape', [1], undefined, 'fromData: the shape is undefined, expected an array of whole numbers'],
  ['a shape that is a number', [1], 1, 'fromData: the shape is the number 1'],
  ['another length', [1, 2], [3], 'fromData: 2 values cannot have the shape [3] of 3 values'],
])('fromData of %s is refused with a full sentence', (_name, data, shape, message) => {
  const make = () => fromData(data as number[], shape as number[])
  expect(make).toThrow(ShapeError)
  expect(make).toThrow(message)
})

test('an unknown dtype, gradients of whole numbers, and an unknown precision are refused', () => {
  expect(() => tensor([1], { dtype: 'float64' as 'float' })).toThrow(OptionError)
  expect(() => new Tensor(Int32Array.of(1), [1], true)).toThrow(GradientError)
  expect(() => referenceKernels('double' as 'float64')).toThrow(
    "referenceKernels: precision is 'double', expected one of 'float32', 'float64'",
  )
})

test('an array that was transferred away is detected', () => {
  const x = full([4], 1)
  structuredClone(x.data.buffer, { transfer: [x.data.buffer as ArrayBuffer] })
  expect(() => x.add(1)).toThrow('add: the tensor [4] has 0 values, expected 4; its array was transferred')
})

test('a gradient is null, or floats of the tensor’s shape', () => {
  const x = tensor([1, 2], { requiresGrad: true })
  for (const [wrong, message] of [
    [[1, 2], 'grad: the gradient is an array, expected a tensor'],
    [Float32Array.of(1, 2), 'grad: the gradient is a Float32Array, expected a tensor'],
    [undefined, 'grad: the gradient is undefined, expected a tensor'],
    [tensor([1, 2], { dtype: 'int32' }), 'grad: the gradient [2] holds whole numbers'],
    [tensor([1]), 'grad: the gradient has the shape [1], expected that of the tensor, [2]'],
  ] as const) {
    const assign = () => {
      x.grad = wrong as Tensor
    }
    expect(assign).toThrow(ShapeError)
    expect(assign).toThrow(message)
  }
  expect(x.grad).toBeNull()
  x.grad = fromData(Float64Array.of(1, 2), [2])
  x.sum().backward()
  expect([...x.grad.data]).toEqual([2, 3])
  x.grad = null
  expect(x.grad).toBeNull()
})
