import { describe, expect, test } from 'vitest'
import { OptionError } from '../core/errors.js'
import { tensor } from '../tensor/create.js'
import { Adam } from './adam.js'
import { clipGradNorm } from './clip.js'
import { SGD } from './sgd.js'

// f(p) = (p − 3)², whose gradient is 2 (p − 3), followed in plain numbers beside the optimizer.
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

  test('scales all gradients together', () => {
    const [a, b] = [withGrad([3]), withGrad([0, 4])]
    expect(clipGradNorm([a, b], 1)).toBeCloseTo(5)
    expect(a.grad!.data[0]).toBeCloseTo(0.6)
    expect(b.grad!.data[1]).toBeCloseTo(0.8)
  })

  test('leaves smaller ones as they are', () => {
    const a = withGrad([0.5])
    expect(clipGradNorm([a], 1)).toBeCloseTo(0.5)
    expect(a.grad!.data[0]).toBe(0.5)
  })
})

test.each([
  ['a negative rate', () => new SGD([begin()], { lr: -1 })],
  ['NaN', () => new SGD([begin()], { lr: Number.NaN })],
  ['no parameters', () => new Adam([])],
  ['beta above 1', () => new Adam([begin()], { betas: [2, 0.9] })],
])('%s is refused', (_name, wrong) => expect(wrong).toThrow(OptionError))
