import { describe, expect, test } from 'vitest'
import { inspected } from '../core/describe.js'
import { GradientError, ShapeError } from '../core/errors.js'
import { Generator } from '../core/random.js'
import { referenceKernels, useKernels, wasmKernels } from '../kernels/index.js'
import { LSTM } from '../nn/lstm.js'
import { Parameter } from '../nn/parameter.js'
import { isGradEnabled, noGrad } from './autograd.js'
import { arange, fromData, full, ones, randn, tensor, zeros } from './create.js'
import { concatenate, oneHot, split, stack } from './functions.js'
import { crossEntropy } from './losses.js'
import type { Tensor } from './tensor.js'

describe('values', () => {
  test('are made from nested arrays and read back', async () => {
    const x = tensor([
      [1, 2, 3],
      [4, 5, 6],
    ])
    expect(x.shape).toEqual([2, 3])
    expect(await x.toArray()).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ])
    expect(await tensor(7).item()).toBe(7)
    expect(await x.T.toArray()).toEqual([
      [1, 4],
      [2, 5],
      [3, 6],
    ])
    expect(await x.permute(1, 0).reshape(-1).toArray()).toEqual([1, 4, 2, 5, 3, 6])
  })

  test('clone() and values() are copies', async () => {
    const x = tensor([1, 2])
    const [copy, values] = [x.clone(), await x.values()]
    x.data[0] = 9
    expect([...copy.data]).toEqual([1, 2])
    expect([...values]).toEqual([1, 2])
  })

  test('data is not assigned but copied into, whatever the kernels and the kind of tensor', () => {
    try {
      for (const kernels of [wasmKernels(), referenceKernels()]) {
        useKernels(kernels)
        for (const x of [tensor([1, 2]), new Parameter(tensor([1, 2])), tensor([1, 2], { dtype: 'int32' })]) {
          for (const values of [kernels.from([3, 4]), Float64Array.of(1, 2, 3), [3, 4], null]) {
            expect(() => Object.assign(x, { data: values })).toThrow(
              'data: the values of the tensor [2] were assigned, expected them to be copied into it; use copy_(values)',
            )
          }
          expect([...x.copy_([3, 4]).data]).toEqual([3, 4])
          expect([...structuredClone(x).data]).toEqual([3, 4])
        }
      }
    } finally {
      useKernels(wasmKernels())
    }
  })

  test('as a string and in the console they are short, like PyTorch’s', () => {
    const x = tensor([[1, 2.5], [-1 / 3, 1e-9]], { requiresGrad: true }) // biome-ignore format: one line
    const text = 'Tensor([[1, 2.5],\n        [-0.33333, 1e-9]], shape [2, 2], requiresGrad)'
    expect(String(x)).toBe(text)
    expect(`${x}`).toBe(text)
    expect(x[inspected]()).toBe(text)
    expect(String(tensor(7))).toBe('Tensor(7, shape [])')
    expect(String(tensor([123456789, -1], { dtype: 'int32' }))).toBe('Tensor([123456789, -1], shape [2], int32)')
    expect(String(zeros([0]))).toBe('Tensor([], shape [0])')
    expect(String(tensor([Number.NaN, -Infinity]))).toBe('Tensor([NaN, -Infinity], shape [2])')
    expect(String(arange(1000))).toBe('Tensor([0, 1, 2, …, 997, 998, 999], shape [1000])')
    expect(String(zeros([100, 1, 100])).length).toBeLessThan(300)
    const parameter = new Parameter(tensor([1, 2]))
    const { storage } = parameter
    expect(String(parameter)).toBe('Tensor([1, 2], shape [2], requiresGrad)')
    expect(parameter.storage).toBe(storage)
  })

  test('JSON has them as an array with their shape', () => {
    expect(JSON.stringify({ x: tensor([[1, 2.5]]) })).toBe('{"x":{"dtype":"float","shape":[1,2],"data":[1,2.5]}}')
    expect(JSON.parse(JSON.stringify(new Parameter(tensor([3]))))).toEqual({ dtype: 'float', shape: [1], data: [3] })
  })

  test('creation', async () => {
    expect(await zeros([2]).toArray()).toEqual([0, 0])
    expect(await ones([1, 2]).toArray()).toEqual([[1, 1]])
    expect(await full([2], 3).toArray()).toEqual([3, 3])
    expect(await arange(3).toArray()).toEqual([0, 1, 2])
    expect(await arange(1, 8, 3).toArray()).toEqual([1, 4, 7])
  })

  test('broadcasting is NumPy’s', async () => {
    expect(
      await tensor([[1], [2]])
        .mul(tensor([10, 20, 30]))
        .toArray(),
    ).toEqual([
      [10, 20, 30],
      [20, 40, 60],
    ])
    expect(() => tensor([1, 2]).add(tensor([1, 2, 3]))).toThrow(ShapeError)
    expect(() => tensor([1, 2]).add(tensor([1, 2, 3]))).toThrow('[2] and [3]')
  })

  describe('pow has the values and gradients of C’s pow, as PyTorch has', () => {
    const bases = [0, 1, 2.5, -1, -2.5, 1e-3, 30, -30, Infinity, Number.NaN]
    test.each([0, 1, 2, 3, 10, -1, -3, 0.5, 1.5, -0.5, 2.3, 0.01, -1.7, 1000])('to the power of %d', (exponent) => {
      const x = tensor(bases, { requiresGrad: true })
      const y = x.pow(exponent)
      y.sum().backward()
      const near = (value: number) =>
        Number.isFinite(value) && value !== 0
          ? expect.toSatisfy((found: number) => Math.abs(found - Math.fround(value)) <= 3e-6 * Math.abs(value) + 1e-38)
          : value + 0
      expect([...y.data]).toEqual(bases.map((base) => near(Math.fround(base ** exponent))))
      // PyTorch's formula; the derivative of the power 0 is 0 everywhere.
      const slope = (base: number) => (exponent === 0 ? 0 : Math.fround(exponent * Math.fround(base ** (exponent - 1))))
      expect([...x.grad!.data]).toEqual(bases.map((base) => near(slope(base))))
    })

    test('of another tensor, or to a power that is no number, is refused', () => {
      for (const wrong of [Number.NaN, Infinity, '2', tensor([2]), undefined]) {
        expect(() => tensor([1]).pow(wrong as never)).toThrow(/^pow: the exponent is .*, expected a finite number$/)
      }
      expect(() => tensor([1], { dtype: 'int32' }).pow(2)).toThrow('pow: the tensor [1] holds whole numbers')
    })
  })

  test('reductions', async () => {
    const x = tensor([
      [1, 5, 3],
      [4, 2, 6],
    ])
    expect(await x.sum(0).toArray()).toEqual([5, 7, 9])
    expect(await x.mean(1).toArray()).toEqual([3, 4])
    expect(await x.max(1).toArray()).toEqual([5, 6])
    expect(await x.argmax().toArray()).toEqual([1, 2])
    expect(await x.argmax(0).toArray()).toEqual([1, 0, 1])
    expect((await x.softmax().sum(1).toArray()) as number[]).toEqual([expect.closeTo(1), expect.closeTo(1)])
  })

  test('of equal values the first counts as the largest, and gets the gradient', async () => {
    const x = tensor([[1, 3, 3]], { requiresGrad: true })
    expect(await x.argmax().toArray()).toEqual([1])
    x.max(1).mul(5).sum().backward()
    expect(await x.grad!.toArray()).toEqual([[0, 5, 0]])
  })

  test('keepDims keeps axes of length 1, over one axis and over all', async () => {
    const x = tensor([
      [1, 5, 3],
      [4, 2, 6],
    ])
    expect(await x.sum(0, { keepDims: true }).toArray()).toEqual([[5, 7, 9]])
    expect(await x.mean(1, { keepDims: true }).toArray()).toEqual([[3], [4]])
    expect(await x.max(-1, { keepDims: true }).toArray()).toEqual([[5], [6]])
    expect(await x.sum(undefined, { keepDims: true }).toArray()).toEqual([[21]])
    expect(await x.max(undefined, { keepDims: true }).toArray()).toEqual([[6]])
  })

  test('pieces', async () => {
    const x = tensor([
      [1, 2],
      [3, 4],
      [5, 6],
    ])
    expect(await x.slice(0, 1).toArray()).toEqual([
      [3, 4],
      [5, 6],
    ])
    expect(await x.select(1, 0).toArray()).toEqual([1, 3, 5])
    expect(await x.select(0, -1).toArray()).toEqual([5, 6])
    expect(await concatenate([x.slice(0, 0, 1), x.slice(0, 2)]).toArray()).toEqual([
      [1, 2],
      [5, 6],
    ])
    expect(await stack(split(x, 1), 0).reshape(3, 2).toArray()).toEqual(await x.toArray())
    expect((await stack([x, x], -1).select(1, 0).toArray()) as number[][]).toEqual([
      [1, 1],
      [3, 3],
      [5, 5],
    ])
    const ids = tensor([2, 0], { dtype: 'int32' })
    expect(await x.gatherRows(ids).toArray()).toEqual([
      [5, 6],
      [1, 2],
    ])
    expect(await oneHot(ids, 3).toArray()).toEqual([
      [0, 0, 1],
      [1, 0, 0],
    ])
    expect(
      await tensor(
        [
          [1, 2],
          [3, 4],
        ],
        { dtype: 'int32' },
      ).T.toArray(),
    ).toEqual([
      [1, 3],
      [2, 4],
    ])
  })

  test.each([
    ['another length', () => fromData(new Float32Array(3), [2])],
    ['ragged rows', () => tensor([[1, 2], [3]])],
    ['fractions as int32', () => tensor([1.5], { dtype: 'int32' })],
    ['inner sizes', () => tensor([[1, 2]]).matmul(tensor([[1, 2]]))],
    ['an axis out of range', () => tensor([1]).sum(1)],
    ['an impossible reshape', () => tensor([1, 2, 3]).reshape(2, -1)],
    ['an index out of range', () => tensor([[1], [2]]).gatherRows(tensor([2], { dtype: 'int32' }))],
    ['a slice out of range', () => tensor([1, 2]).slice(0, 1, 4)],
    ['arithmetic on whole numbers', () => tensor([1], { dtype: 'int32' }).add(1)],
    ['floats as indices', () => oneHot(tensor([1]), 2)],
    ['a shape below 0', () => fromData(new Float32Array(2), [-1, -2])],
    ['zeros of a shape below 0', () => zeros([-1])],
    ['an int32 of more than 32 bits', () => tensor([2 ** 40], { dtype: 'int32' })],
    ['an index of select out of range', () => tensor([1, 2]).select(0, 2)],
    ['a single piece of whole numbers', () => concatenate([tensor([1], { dtype: 'int32' })])],
    ['axes named twice', () => tensor([[1]]).permute(0, 0)],
    ['targets of another length', () => crossEntropy(tensor([[1, 2]]), tensor([0, 1], { dtype: 'int32' }))],
    ['two lengths of −1, even for one value', () => tensor([1]).reshape(-1, -1)],
    ['a slice from below 0', () => tensor([1, 2, 3]).slice(0, -1, 2)],
    ['a slice that ends before it begins', () => tensor([1, 2, 3]).slice(0, 2, 1)],
    ['an index below 0', () => tensor([[1], [2]]).gatherRows(tensor([-1], { dtype: 'int32' }))],
    ['a place beyond the row', () => tensor([[1, 2]]).pick(tensor([2], { dtype: 'int32' }))],
    ['a class beyond those of oneHot', () => oneHot(tensor([2], { dtype: 'int32' }), 2)],
  ])('%s: a ShapeError', (_name, wrong) => expect(wrong).toThrow(ShapeError))
})

test.each([-1, 2])('a target of %d among 2 classes is refused', (target) => {
  const loss = () => crossEntropy(tensor([[1, 2]]), tensor([target], { dtype: 'int32' }))
  expect(loss).toThrow(`crossEntropy: target ${target} is out of range, expected 0 to classes − 1 = 1`)
})

describe('the graph', () => {
  const leaf = () => tensor([1, 2, 3], { requiresGrad: true })

  test('at 0 the gradients of abs and relu are 0, as in PyTorch', async () => {
    for (const f of [(x: Tensor) => x.abs(), (x: Tensor) => x.relu()]) {
      const x = tensor([-2, 0, 3], { requiresGrad: true })
      f(x).sum().backward()
      expect(((await x.grad!.toArray()) as number[])[1]).toBe(0)
    }
  })

  test('gradients add up over calls, and over uses', async () => {
    const x = leaf()
    x.mul(x).sum().backward()
    x.sum().backward()
    expect(await x.grad!.toArray()).toEqual([3, 5, 7])
  })

  test('two leaves never share a gradient', async () => {
    const [x, y] = [leaf(), leaf()]
    x.add(y).sum().backward()
    x.grad!.data[0] = 100
    expect(await y.grad!.toArray()).toEqual([1, 1, 1])
  })

  // The backward pass of a sum hands one array to both operands; adding to one gradient must not change the other.
  test.each<[string, (a: Tensor, b: Tensor) => Tensor]>([
    ['a sum', (a, b) => a.add(b)],
    ['a sum and its mirror', (a, b) => b.add(a)],
    ['a reshaped sum', (a, b) => a.reshape(3, 1).add(b.reshape(3, 1)).reshape(3)],
    ['a sum of sums', (a, b) => a.add(b.add(zeros([3])))],
  ])('a gradient that %s shares is not changed in place', async (_name, sum) => {
    const [p, q] = [leaf(), leaf()]
    const [a, b] = [p.mul(1), q.mul(1)]
    const twice = a.mul(2)
    // The sum comes after `twice`, so its gradient arrives first, and that of `twice` is added to it.
    sum(a, b).sum().add(twice.sum()).backward()
    expect(await p.grad!.toArray()).toEqual([3, 3, 3])
    expect(await q.grad!.toArray()).toEqual([1, 1, 1])
  })

  test('a leaf that shared the gradient of a sum adds only to its own', async () => {
    const [p, q] = [leaf(), leaf()]
    p.add(q).sum().backward()
    p.mul(2).sum().backward()
    expect(await p.grad!.toArray()).toEqual([3, 3, 3])
    expect(await q.grad!.toArray()).toEqual([1, 1, 1])
  })

  test('a second backward is refused', () => {
    const loss = leaf().square().sum()
    loss.backward()
    expect(() => loss.backward()).toThrow(GradientError)
    expect(() => loss.backward()).toThrow('earlier backward()')
  })

  test('a backward through a part of the graph that was used is refused, too', () => {
    const shared = leaf().exp()
    shared.sum().backward()
    expect(() => shared.mean().backward()).toThrow(GradientError)
  })

  test('a refused backward leaves every gradient as it was', async () => {
    const x = leaf()
    const used = x.mul(3)
    used.sum().backward()
    expect(() => x.square().sum().add(used.sum()).backward()).toThrow(GradientError)
    expect(await x.grad!.toArray()).toEqual([3, 3, 3])
  })

  test('keeping a loss does not keep its graph', () => {
    const loss = leaf().exp().sum()
    const { node } = loss.origin!
    expect(node.inputs.length).toBe(1)
    loss.backward()
    expect(node.inputs).toEqual([])
  })

  test('no gradient is computed for an input that needs none', () => {
    const w = tensor([[1, 2]], { requiresGrad: true })
    const constant = tensor([[3], [4]])
    for (const y of [constant.matmul(w), constant.mul(w), constant.sub(w), constant.div(w), constant.add(w)]) {
      const [left, right] = y.origin!.node.backward!([new Float32Array(y.size)])
      expect(left).toBeUndefined()
      expect(right?.length).toBe(2)
    }
  })

  test('requiresGrad_(false) takes a leaf out of the graph', () => {
    const x = leaf().requiresGrad_(false)
    expect(x.mul(2).requiresGrad).toBe(false)
    expect(x.requiresGrad_().mul(2).requiresGrad).toBe(true)
  })

  test('whole numbers have no gradients', () => {
    expect(() => tensor([1], { dtype: 'int32', requiresGrad: true })).toThrow(GradientError)
  })

  test('backward is refused for anything but a scalar with a graph', () => {
    expect(() => leaf().mul(2).backward()).toThrow('expected a scalar')
    expect(() => tensor(1).backward()).toThrow('no graph')
    expect(() => noGrad(() => leaf().sum()).backward()).toThrow('no graph')
  })

  test('noGrad and detach cut the graph', async () => {
    const x = leaf()
    expect(noGrad(() => x.mul(2)).requiresGrad).toBe(false)
    expect(isGradEnabled()).toBe(true)
    x.detach().mul(x).sum().backward()
    expect(await x.grad!.toArray()).toEqual([1, 2, 3])
    expect(() => noGrad(async () => 1)).toThrow('asynchronous')
    expect(() =>
      noGrad(() => {
        throw new Error('inside')
      }),
    ).toThrow('inside')
    expect(isGradEnabled()).toBe(true)
  })

  test('under noGrad a recurrent layer keeps nothing, either', () => {
    const lstm = new LSTM({ inputSize: 2, hiddenSize: 3 })
    const { output, state } = noGrad(() => lstm.forward(zeros([4, 1, 2])))
    expect([output, state.h, state.c].map(({ requiresGrad, origin }) => [requiresGrad, origin])).toEqual(
      Array(3).fill([false, undefined]),
    )
  })

  test('a deep graph needs no deep stack', async () => {
    const x = tensor([1], { requiresGrad: true })
    let y = x.mul(1)
    for (let i = 0; i < 20_000; i++) y = y.add(x)
    y.sum().backward()
    expect(await x.grad!.item()).toBe(20_001)
  })
})

test('a product with an inner length of 0 is zeros, and the kernels still work afterwards', async () => {
  useKernels(wasmKernels())
  expect(
    await zeros([2, 0])
      .matmul(zeros([0, 3]))
      .sum()
      .item(),
  ).toBe(0)
  const x = tensor([
    [1, 2],
    [3, 4],
  ])
  expect(await x.matmul(x).toArray()).toEqual([
    [7, 10],
    [15, 22],
  ])
})

test('the same seed gives the same values, and another seed gives others', async () => {
  const values = (seed: number) => randn([5], new Generator(seed)).toArray()
  expect(await values(3)).toEqual(await values(3))
  expect(await values(3)).not.toEqual(await values(4))
})
