import { afterAll, beforeAll, expect, test } from 'vitest'
import { Generator } from '../core/random.js'
import { referenceKernels, useKernels, wasmKernels } from '../kernels/index.js'
import { randn, tensor, zeros } from './create.js'
import { concatenate, layerNorm, linear, split, stack } from './functions.js'
import { crossEntropy, mseLoss } from './losses.js'
import { recurrentLayer } from './recurrent.js'
import type { Tensor } from './tensor.js'

// The gradients of each operation are compared with central differences, in double precision.
type Case = [name: string, shapes: number[][], f: (...inputs: Tensor[]) => Tensor]

const ids = tensor([2, 0, 2], { dtype: 'int32' })
const positive = (x: Tensor) => x.square().add(0.5)

const cases: Case[] = [
  [
    'add',
    [
      [3, 7],
      [3, 7],
    ],
    (a, b) => a.add(b),
  ],
  ['add, a row', [[3, 7], [7]], (a, b) => a.add(b)],
  [
    'add, a column and a row',
    [
      [3, 1],
      [1, 7],
    ],
    (a, b) => a.add(b),
  ],
  ['add, a scalar', [[2, 3], []], (a, b) => b.add(a)],
  ['add to itself', [[3]], (a) => a.add(a)],
  [
    'sub, broadcast in the middle',
    [
      [2, 1, 3],
      [2, 5, 1],
    ],
    (a, b) => a.sub(b),
  ],
  ['mul', [[5], [4, 5]], (a, b) => a.mul(b)],
  [
    'div',
    [
      [3, 7],
      [3, 1],
    ],
    (a, b) => a.div(positive(b)),
  ],
  ['numbers', [[7]], (a) => a.mul(3).add(2).div(4).sub(1).neg()],
  ['exp', [[3, 3]], (a) => a.exp()],
  ['log', [[7]], (a) => positive(a).log()],
  ['tanh', [[7, 1]], (a) => a.tanh()],
  ['sigmoid', [[3]], (a) => a.sigmoid()],
  ['relu', [[31]], (a) => a.relu()],
  ['abs', [[31]], (a) => a.abs()],
  ['sqrt', [[7]], (a) => positive(a).sqrt()],
  ['square', [[2, 2]], (a) => a.square()],
  ...[0, 1, 2, 3, 7, -1, -2].map((p): Case => [`pow ${p}`, [[2, 3]], (a) => a.pow(p)]),
  ...[0.5, 1.5, 2.3, -0.5, -1.7].map((p): Case => [`pow ${p}`, [[2, 3]], (a) => positive(a).pow(p)]),
  [
    'matmul',
    [
      [3, 7],
      [7, 5],
    ],
    (a, b) => a.matmul(b),
  ],
  [
    'matmul, one by one',
    [
      [1, 1],
      [1, 1],
    ],
    (a, b) => a.matmul(b),
  ],
  [
    'matmul, more axes',
    [
      [2, 3, 4],
      [4, 5],
    ],
    (a, b) => a.matmul(b),
  ],
  ['matmul with itself', [[3, 3]], (a) => a.matmul(a)],
  ['linear', [[3, 5], [2, 5], [2]], (x, w, b) => linear(x, w, b)],
  ['sum', [[3, 4]], (a) => a.sum()],
  ['sum, first axis', [[3, 4, 2]], (a) => a.sum(0)],
  ['sum, middle axis kept', [[3, 4, 2]], (a) => a.sum(1, { keepDims: true })],
  ['mean, last axis', [[3, 4]], (a) => a.mean(-1)],
  ['max', [[3, 4]], (a) => a.max()],
  ['max, axis', [[3, 4, 2]], (a) => a.max(1)],
  ['softmax', [[3, 7]], (a) => a.softmax()],
  ['logSoftmax', [[2, 3, 5]], (a) => a.logSoftmax()],
  ['sum, last axis', [[3, 4]], (a) => a.sum(-1)],
  [
    'matmul over nothing',
    [
      [2, 0],
      [0, 3],
      [2, 3],
    ],
    (a, b, c) => a.matmul(b).add(c),
  ],
  ['reshape', [[3, 4]], (a) => a.reshape(2, -1)],
  ['a reshape added to the tensor itself', [[4]], (a) => a.reshape(2, 2).sum(0).sum().add(a.sum())],
  ['transpose', [[3, 4]], (a) => a.T],
  ['permute', [[2, 3, 4]], (a) => a.permute(2, 0, 1)],
  ['slice', [[3, 5, 2]], (a) => a.slice(1, 1, 4)],
  ['select', [[3, 5, 2]], (a) => a.select(1, -1)],
  ['gatherRows, a row twice', [[3, 4]], (a) => a.gatherRows(ids)],
  ['pick', [[3, 4]], (a) => a.pick(ids)],
  [
    'concatenate',
    [
      [2, 3],
      [2, 1],
    ],
    (a, b) => concatenate([a, b, a], 1),
  ],
  [
    'stack',
    [
      [2, 3],
      [2, 3],
    ],
    (a, b) => stack([a, b], 1),
  ],
  [
    'stack, a new last axis',
    [
      [2, 3],
      [2, 3],
    ],
    (a, b) => stack([a, b], -1),
  ],
  ['permute, many axes', [[1, 2, 1, 1, 1, 1, 1, 1, 1, 1, 3]], (a) => a.T],
  [
    'split',
    [[5, 2]],
    (a) =>
      split(a, [2, 3])[1]
        .mul(2)
        .sum()
        .add(split(a, [2, 3])[0].sum()),
  ],
  ['layerNorm', [[2, 3, 7], [7], [7]], (x, weight, bias) => layerNorm(x, weight, bias)],
  ['layerNorm without a bias', [[3, 4], [4]], (x, weight) => layerNorm(x, weight, undefined, 0.1)],
  ['crossEntropy', [[3, 4]], (a) => crossEntropy(a, ids).mul(2)],
  ['crossEntropy that is the loss itself', [[3, 4]], (a) => crossEntropy(a, ids)],
  [
    'crossEntropy twice in a loss, whose gradients come one after the other',
    [[3, 4]],
    (a) => {
      const loss = crossEntropy(a, ids)
      return loss.sub(loss.mul(0.25))
    },
  ],
  [
    'mseLoss',
    [
      [3, 4],
      [3, 4],
    ],
    (a, b) => mseLoss(a, b),
  ],
  ...(['rnn_tanh', 'rnn_relu', 'gru', 'lstm'] as const).flatMap((cell): Case[] => {
    const gates = { rnn_tanh: 1, rnn_relu: 1, gru: 3, lstm: 4 }[cell] * 3
    const sizes = { cell, numSteps: 4, batchSize: 2, inputSize: 5, hiddenSize: 3 }
    const layer = [[4, 2, 5], [2, 3], [2, 3], [gates, 5], [gates, 3], [gates], [gates]]
    const head = [[7, 3], [7]]
    return [
      { name: cell, reverse: false, shapes: layer },
      { name: `${cell}, reverse`, reverse: true, shapes: layer },
      { name: `${cell}, reverse, with lengths`, reverse: true, lengths: Int32Array.of(2, 4), shapes: layer },
      { name: `${cell} with a linear output`, reverse: false, shapes: [...layer, ...head] },
    ].map(({ name, reverse, lengths, shapes }) => [
      name,
      shapes,
      (x, h0, c0, weightIh, weightHh, biasIh, biasHh, weight, bias) => {
        const c = cell === 'lstm' ? c0 : undefined
        const { output, hn, cn } = recurrentLayer(
          { ...sizes, reverse, lengths },
          { weightIh, weightHh, biasIh, biasHh, head: weight && { weight, bias } },
          x,
          h0,
          c,
        )
        const outputs = concatenate([output.reshape(-1), hn.reshape(-1)])
        // The other cells do not use c0; adding its sum lets all cells take the same inputs.
        return cn ? concatenate([outputs, cn.reshape(-1)]) : outputs.add(c0.sum())
      },
    ])
  }),
]

beforeAll(() => useKernels(referenceKernels('float64')))
afterAll(() => useKernels(wasmKernels()))

test.each(cases)('%s', (_name, shapes, f) => {
  const generator = new Generator(1)
  const inputs = shapes.map((shape) => randn(shape, generator).requiresGrad_())
  const weights = randn(f(...inputs).shape, generator)
  const loss = () =>
    f(...inputs)
      .mul(weights)
      .sum()
  loss().backward()
  const h = 1e-5
  for (const input of inputs) {
    expect(input.grad?.shape).toEqual(input.shape)
    for (let i = 0; i < input.size; i++) {
      const value = input.data[i]
      input.data[i] = value + h
      const above = loss().data[0]
      input.data[i] = value - h
      const below = loss().data[0]
      input.data[i] = value
      const numeric = (above - below) / (2 * h)
      expect(Math.abs(input.grad!.data[i] - numeric)).toBeLessThan(1e-7 * Math.max(1, Math.abs(numeric)))
    }
  }
})

test.each(cases)('%s: an input gets the same gradient when no other input requires one', (_name, shapes, f) => {
  const gradients = (wanted: (i: number) => boolean) => {
    const generator = new Generator(1)
    const inputs = shapes.map((shape, i) => randn(shape, generator).requiresGrad_(wanted(i)))
    const y = f(...inputs)
    y.mul(randn(y.shape, generator)).sum().backward()
    return inputs.map(({ grad }) => grad && [...grad.data])
  }
  const all = gradients(() => true)
  for (const [i, expected] of all.entries()) {
    const alone = gradients((j) => j === i)
    expect(alone).toEqual(all.map((_, j) => (j === i ? expected!.map((value) => expect.closeTo(value, 10)) : null)))
  }
})

test('what is repeated over no rows gets a gradient of zeros in its own shape', () => {
  const [weight, bias, column] = [[4, 3], [4], [1, 4]].map((shape) => randn(shape).requiresGrad_())
  linear(zeros([0, 3]), weight, bias)
    .mul(column)
    .sum()
    .backward()
  expect([...weight.grad!.data]).toEqual(Array(12).fill(0))
  for (const one of [bias, column]) expect([...one.grad!.data]).toEqual(Array(4).fill(0))
})
