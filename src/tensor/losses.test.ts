import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { devices, precisionOf } from '../../test/kernel-sets.js'
import { readFixture, relativeError } from '../../test/read-fixture.js'
import { setDefaultDevice } from '../kernels/devices.js'
import { referenceKernels, useKernels, wasmKernels } from '../kernels/index.js'
import { fromData, tensor } from './create.js'
import { crossEntropy, mseLoss, type Reduction } from './losses.js'
import type { Tensor } from './tensor.js'

const integers = (values: number[]) => tensor(values, { dtype: 'int32' })

describe.each(devices)('on $name', (device) => {
  beforeAll(() => setDefaultDevice(device))
  afterAll(() => setDefaultDevice(wasmKernels()))

  test('losses and gradients are PyTorch’s, with every option', async () => {
    const fixture = readFixture('loss_options')
    const cases = Object.keys(fixture).filter((key) => key.startsWith('loss.'))
    expect(cases).toHaveLength(24)
    for (const name of cases) {
      const [, ignored, reduction, weighted, ...smoothing] = name.split('.') as [string, string, Reduction, string]
      const logits = fromData(await fixture.logits.values(), [7, 5]).requiresGrad_()
      const loss = crossEntropy(logits, fixture[`targets.${ignored}`], {
        reduction,
        weight: weighted === '1' ? fixture.weight : undefined,
        labelSmoothing: Number(smoothing.join('.')),
        ...(ignored === '2' && { ignoreIndex: 2 }),
      })
      await expectSame(name, loss, logits, reduction === 'none' ? fixture.by : undefined, [
        fixture[name],
        fixture[name.replace('loss', 'grad')],
      ])
    }
    for (const reduction of ['mean', 'sum', 'none'] as const) {
      const x = fromData(await fixture['mse.x'].values(), [3, 4]).requiresGrad_()
      const loss = mseLoss(x, fixture['mse.y'], { reduction })
      const expected = [fixture[`mse.${reduction}`], fixture[`mse.${reduction}.grad`]] as const
      await expectSame(`mse.${reduction}`, loss, x, reduction === 'none' ? fixture['mse.by'] : undefined, expected)
    }
  })

  test('an ignored row counts for nothing, whatever its scores are', async () => {
    const nan = Number.NaN
    for (const reduction of ['mean', 'sum', 'none'] as const) {
      const scores = [
        [1, 2],
        [nan, Infinity],
        [0, -1],
      ]
      const logits = tensor(scores).requiresGrad_()
      const alone = tensor([scores[0], scores[2]]).requiresGrad_()
      const loss = crossEntropy(logits, integers([0, -100, 1]), { reduction })
      const expected = crossEntropy(alone, integers([0, 1]), { reduction })
      for (const value of [loss, expected]) value.sum().backward()
      const [a, b] = (await alone.grad!.toArray()) as number[][]
      expect(await logits.grad!.toArray()).toEqual([a, [0, 0], b])
      const [first, second] = await expected.values()
      expect([...(await loss.values())]).toEqual(reduction === 'none' ? [first, 0, second] : [first])
    }
  })

  test('if all rows are ignored the mean is NaN, the sum zero, and the gradients are zero, as in PyTorch', async () => {
    for (const [reduction, expected] of [
      ['mean', [Number.NaN]],
      ['sum', [0]],
      ['none', [0, 0]],
    ] as const) {
      const logits = tensor([
        [1, 2],
        [3, 4],
      ]).requiresGrad_()
      const loss = crossEntropy(logits, integers([1, 1]), { ignoreIndex: 1, reduction })
      loss.sum().backward()
      expect([...(await loss.values())]).toEqual(expected)
      expect([...(await logits.grad!.values())]).toEqual([0, 0, 0, 0])
    }
  })

  async function expectSame(
    name: string,
    loss: Tensor,
    x: Tensor,
    by: Tensor | undefined,
    [value, grad]: readonly [Tensor, Tensor],
  ) {
    ;(by ? loss.mul(by) : loss).sum().backward()
    expect(loss.shape, name).toEqual(value.shape)
    expect(relativeError(await loss.values(), await value.values()), name).toBeLessThan(precisionOf(device))
    expect(relativeError(await x.grad!.values(), await grad.values()), name).toBeLessThan(precisionOf(device))
  }
})

test('the gradients agree with finite differences in double precision', () => {
  useKernels(referenceKernels('float64'))
  const scores = [0.3, -1.2, 0.7, 2.1, 0.4, -0.6]
  const weight = tensor([0.2, 1.5, 0.8])
  const loss = (values: number[]) => {
    const logits = tensor([values.slice(0, 3), values.slice(3)]).requiresGrad_()
    const options = { weight, labelSmoothing: 0.3, reduction: 'none' } as const
    return {
      logits,
      loss: crossEntropy(logits, integers([2, 0]), options)
        .mul(tensor([1, -2]))
        .sum(),
    }
  }
  const { logits, loss: whole } = loss(scores)
  whole.backward()
  for (const i of scores.keys()) {
    const at = (h: number) => loss(scores.with(i, scores[i] + h)).loss.data[0]
    expect(logits.grad!.data[i]).toBeCloseTo((at(1e-5) - at(-1e-5)) / 2e-5, 8)
  }
  useKernels(wasmKernels())
})

test.each<[unknown, string]>([
  [{ reduction: 'average' }, "crossEntropy: reduction is 'average', expected one of 'mean', 'sum', 'none'"],
  [{ ignore_index: 1 }, 'crossEntropy: there is no option ignore_index, did you mean ignoreIndex?'],
  [{ ignoreIndex: 0.5 }, 'crossEntropy: ignoreIndex is 0.5, expected a whole number'],
  [{ labelSmoothing: 1.5 }, 'crossEntropy: labelSmoothing is 1.5, expected a number from 0 to 1'],
  [{ weight: [1, 2] }, 'crossEntropy: weight is an array, expected a tensor'],
  [{ weight: tensor([1]) }, 'crossEntropy: weight has the shape [1], expected [classes] = [2]'],
  [
    { weight: tensor([1, 2], { requiresGrad: true }) },
    'crossEntropy: weight requires a gradient, expected one that does not',
  ],
  [null, 'crossEntropy: the options argument is null, expected an object such as { ignoreIndex'],
  [{ ignoreIndex: 1 }, 'crossEntropy: target -100 is out of range, expected 0 to classes − 1 = 1'],
])('the options %o are refused', (options, message) => {
  expect(() => crossEntropy(tensor([[1, 2]]), integers([-100]), options as never)).toThrow(message)
})

test('options that mseLoss has not are refused', () => {
  const x = tensor([1])
  expect(() => mseLoss(x, x, { reduction: 'max' } as never)).toThrow("mseLoss: reduction is 'max', expected one of")
  expect(() => mseLoss(x, x, { weight: x } as never)).toThrow('mseLoss: there is no option weight')
})
