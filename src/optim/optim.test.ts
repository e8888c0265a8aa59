import { describe, expect, test } from 'vitest'
import { OptionError } from '../core/errors.js'
import { tensor } from '../tensor/create.js'
import type { Tensor } from '../tensor/tensor.js'
import { Adam, AdamW } from './adam.js'
import { clipGradNorm, clipGradValue } from './clip.js'
import { RMSprop } from './rmsprop.js'
import { SGD } from './sgd.js'

// The tests minimize f(p) = (p − 3)², whose gradient is 2 (p − 3), and compute the same steps in plain numbers.
const begin = () => tensor([10], { requiresGrad: true })
const gradient = (p: number) => 2 * (p - 3)

function follow(
  parameter: ReturnType<typeof begin>,
  step: () => void,
  expected: (p: number, t: number) => number,
): void {
  let p = 10
  for (let t = 1; t <= 50; t++) {
    parameter.grad = null
    parameter.sub(3).square().sum().backward()
    step()
    p = expected(p, t)
    expect(Math.abs(parameter.data[0] - p)).toBeLessThan(1e-4)
  }
}

describe('trajectories', () => {
  test('SGD', () => {
    const p = begin()
    const optimizer = new SGD([p], { lr: 0.1 })
    follow(
      p,
      () => optimizer.step(),
      (x) => x - 0.1 * gradient(x),
    )
  })

  test('SGD with momentum', () => {
    const p = begin()
    const optimizer = new SGD([p], { lr: 0.02, momentum: 0.9 })
    let v = 0
    follow(
      p,
      () => optimizer.step(),
      (x, t) => {
        v = t === 1 ? gradient(x) : 0.9 * v + gradient(x)
        return x - 0.02 * v
      },
    )
  })

  test('Adam', () => {
    const p = begin()
    const optimizer = new Adam([p], { lr: 0.3 })
    let [m, v] = [0, 0]
    follow(
      p,
      () => optimizer.step(),
      (x, t) => {
        m = 0.9 * m + 0.1 * gradient(x)
        v = 0.999 * v + 0.001 * gradient(x) ** 2
        return x - (0.3 * (m / (1 - 0.9 ** t))) / (Math.sqrt(v / (1 - 0.999 ** t)) + 1e-8)
      },
    )
  })
})

describe('clipGradNorm', () => {
  const withGrad = (values: number[]) => {
    const p = tensor(values, { requiresGrad: true })
    p.mul(tensor(values)).sum().backward()
    return p
  }

  test('scales all gradients together', async () => {
    const [a, b] = [withGrad([3]), withGrad([0, 4])]
    expect(await clipGradNorm([a, b], 1).item()).toBeCloseTo(5)
    expect(a.grad!.data[0]).toBeCloseTo(0.6)
    expect(b.grad!.data[1]).toBeCloseTo(0.8)
  })

  test.each([1.01, 1.5, 2, 3])('a norm of %s times the threshold becomes the threshold', async (times) => {
    const [a, b] = [withGrad([0.6 * times]), withGrad([0, -0.8 * times])]
    expect(await clipGradNorm([a, b], 1).item()).toBeCloseTo(times, 6)
    expect(a.grad!.data[0]).toBeCloseTo(0.6, 6)
    expect(b.grad!.data[1]).toBeCloseTo(-0.8, 6)
  })

  test('Infinity leaves gradients as they are, and parameters without a gradient do not count in the norm', async () => {
    const a = withGrad([3, 4])
    expect(await clipGradNorm([a, begin()], Infinity).item()).toBeCloseTo(5, 6)
    expect([...a.grad!.data]).toEqual([3, 4])
    expect(await clipGradNorm([begin()], 1).item()).toBe(0)
  })

  test('leaves smaller norms as they are', async () => {
    const a = withGrad([0.5])
    expect(await clipGradNorm([a], 1).item()).toBeCloseTo(0.5)
    expect(a.grad!.data[0]).toBe(0.5)
  })
})

describe('clipGradValue', () => {
  const clipped = (values: number[], value: number) => {
    const p = tensor(values.map(() => 10)).requiresGrad_()
    p.grad = tensor(values)
    clipGradValue([p, begin()], value)
    return [...p.grad.data]
  }

  test('puts each value within the bound', () => {
    expect(clipped([-3, -0.75, -0.5, 0, 0.25, 0.625, 7], 0.5)).toEqual([-0.5, -0.5, -0.5, 0, 0.25, 0.5, 0.5])
    expect(clipped([1, -2], 0)).toEqual([0, -0])
  })

  test('does not hide NaN; Infinity leaves everything as it is', () => {
    expect(clipped([Number.NaN, 9], 1)).toEqual([Number.NaN, 1])
    expect(clipped([Number.NaN, 1e30], Infinity)).toEqual([Number.NaN, Math.fround(1e30)])
    expect(() => clipped([1], -1)).toThrow('clipGradValue: value is -1, expected a number of 0 or more')
  })
})

describe('groups', () => {
  test('the learning rate can be read and set for all groups, or for each', () => {
    const optimizer = new SGD([{ params: [begin()] }, { params: [begin()], lr: 0.5 }], { lr: 1 })
    expect(optimizer.lr).toBe(1)
    expect(optimizer.groups.map(({ lr }) => lr)).toEqual([1, 0.5])
    optimizer.groups[1].lr = 0.25
    expect(optimizer.lr).toBe(1)
    optimizer.lr = 0.1
    expect(optimizer.groups.map(({ lr }) => lr)).toEqual([0.1, 0.1])
    expect(() => {
      optimizer.lr = Number.NaN
    }).toThrow(OptionError)
  })

  test('a learning rate of a group that is not a number is refused at the next step', () => {
    const [a] = [begin()]
    const optimizer = new SGD([a], { lr: 1 })
    a.grad = tensor([1])
    optimizer.groups[0].lr = '0.1' as never
    expect(() => optimizer.step()).toThrow("SGD.step: lr is the string '0.1', expected a number of 0 or more")
    optimizer.groups[0].lr = Number.NaN
    expect(() => optimizer.step()).toThrow('SGD.step: lr is NaN')
    expect(a.data[0]).toBe(10)
  })

  test('undefined means the default', () => {
    const [group] = new Adam([{ params: [begin()], eps: undefined }], { lr: undefined, eps: 0.5 }).groups
    expect(group).toMatchObject({ lr: 0.001, betas: [0.9, 0.999], eps: 0.5, weightDecay: 0 })
  })

  test('parameters are those of all groups, from any iterable, with shared ones listed once', () => {
    const [a, b, c] = [begin(), begin(), begin()]
    const groups = [{ params: new Set([a]) }, { params: [b, c, b] }]
    const optimizer = new SGD(groups.values(), { lr: 1 })
    expect(optimizer.parameters).toEqual([a, b, c])
    b.grad = tensor([1])
    optimizer.step()
    expect([a.data[0], b.data[0]]).toEqual([10, 9])
    optimizer.zeroGrad()
    expect(b.grad).toBe(null)
  })
})

test.each<[string, () => unknown, string]>([
  ['a negative rate', () => new SGD([begin()], { lr: -1 }), 'SGD: lr is -1, expected a number of 0 or more'],
  ['NaN', () => new SGD([begin()], { lr: Number.NaN }), 'SGD: lr is NaN'],
  ['a group’s rate', () => new SGD([{ params: [begin()], lr: -2 }], { lr: 1 }), 'SGD: lr is -2'],
  ['negative momentum', () => new SGD([begin()], { lr: 1, momentum: -1 }), 'SGD: momentum is -1'],
  [
    'dampening above 1',
    () => new SGD([begin()], { lr: 1, dampening: 2 }),
    'SGD: dampening is 2, expected a number from',
  ],
  ['negative decay', () => new SGD([begin()], { lr: 1, weightDecay: -1 }), 'SGD: weightDecay is -1'],
  [
    'Nesterov without momentum',
    () => new SGD([begin()], { lr: 1, nesterov: true }),
    'SGD: nesterov has momentum 0 and dampening 0, expected momentum above 0 and dampening 0',
  ],
  ['no parameters', () => new Adam([]), 'Adam: no parameters, expected at least one'],
  ['beta above 1', () => new Adam([begin()], { betas: [2, 0.9] }), 'Adam: betas[0] is 2'],
  ['beta of 1', () => new AdamW([begin()], { betas: [0.9, 1] }), 'AdamW: betas[1] is 1, expected a number below 1'],
  ['negative eps', () => new AdamW([begin()], { eps: -1 }), 'AdamW: eps is -1'],
  [
    'alpha above 1',
    () => new RMSprop([begin()], { alpha: 1.5 }),
    'RMSprop: alpha is 1.5, expected a number from 0 to 1',
  ],
  ['infinite momentum', () => new RMSprop([begin()], { momentum: Infinity }), 'RMSprop: momentum is Infinity'],
  [
    'an operation’s result',
    () => new Adam([begin(), begin().mul(2)]),
    'Adam: parameter 1 is the result of an operation, expected leaves of floats, each in one group',
  ],
  ['whole numbers', () => new Adam([tensor([1], { dtype: 'int32' })]), 'Adam: parameter 0 holds whole numbers'],
  [
    'a parameter in two groups',
    () => {
      const shared = begin()
      return new Adam([{ params: [shared] }, { params: [shared] }])
    },
    'Adam: parameter 1 is also in an earlier group',
  ],
  [
    'tensors among groups',
    () => new Adam([{ params: [begin()] }, begin()] as unknown as Iterable<Tensor>),
    'Adam: item 1 has no params, expected either tensors or groups { params, … }',
  ],
])('%s is refused', (_name, wrong, message) => {
  expect(wrong).toThrow(OptionError)
  expect(wrong).toThrow(message)
})
