import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import {
  Adam,
  AdamW,
  CosineLR,
  clipGradValue,
  fromData,
  type Optimizer,
  ReduceLROnPlateau,
  RMSprop,
  type Schedule,
  SGD,
  StepLR,
  setDefaultDevice,
  type Tensor,
  zeros,
} from '../src/index.js'
import { devices } from './kernel-sets.js'
import { readFixture, relativeError } from './read-fixture.js'

afterAll(() => setDefaultDevice())

// Optimizers are compared with PyTorch's trajectories, which test/fixtures/make_optim_fixtures.py made with the same
// options.

interface Case {
  /** Makes the optimizer of two parameters, each in its own group. */
  make: (a: Tensor[], b: Tensor[]) => Optimizer
  clip?: number
}

const cases: Record<string, Case> = {
  sgd: { make: (a, b) => new SGD([{ params: a }, { params: b, lr: 0.03 }], { lr: 0.1 }) },
  sgd_decay: {
    make: (a, b) => new SGD([{ params: a }, { params: b, weightDecay: 0.01 }], { lr: 0.1, weightDecay: 0.2 }),
  },
  sgd_momentum: {
    make: (a, b) => new SGD([{ params: a }, { params: b, lr: 0.02, weightDecay: 0.1 }], { lr: 0.1, momentum: 0.9 }),
  },
  sgd_dampening: {
    make: (a, b) =>
      new SGD([{ params: a }, { params: b, momentum: 0.5 }], {
        lr: 0.1,
        momentum: 0.8,
        dampening: 0.3,
        weightDecay: 0.05,
      }),
  },
  sgd_nesterov: {
    make: (a, b) =>
      new SGD([{ params: a }, { params: b, lr: 0.02 }], { lr: 0.05, momentum: 0.9, nesterov: true, weightDecay: 0.05 }),
  },
  sgd_clip_value: {
    make: (a, b) => new SGD([{ params: a }, { params: b, lr: 0.02 }], { lr: 0.1, momentum: 0.9 }),
    clip: 0.7,
  },
  adam: { make: (a, b) => new Adam([{ params: a }, { params: b, lr: 0.01, betas: [0.8, 0.99] }], { lr: 0.05 }) },
  adam_decay: {
    make: (a, b) => new Adam([{ params: a }, { params: b, weightDecay: 0 }], { lr: 0.05, weightDecay: 0.3, eps: 1e-3 }),
  },
  adamw: { make: (a, b) => new AdamW([{ params: a }, { params: b, lr: 0.02, weightDecay: 0.5 }], { lr: 0.05 }) },
  rmsprop: {
    make: (a, b) => new RMSprop([{ params: a }, { params: b, lr: 0.01, alpha: 0.9 }], { lr: 0.02, weightDecay: 0.1 }),
  },
  rmsprop_centered: {
    make: (a, b) =>
      new RMSprop([{ params: a }, { params: b, alpha: 0.9 }], {
        lr: 0.02,
        centered: true,
        eps: 1e-2,
        weightDecay: 0.1,
      }),
  },
  rmsprop_momentum: {
    make: (a, b) =>
      new RMSprop([{ params: a }, { params: b, centered: false, weightDecay: 0.2 }], {
        lr: 0.01,
        momentum: 0.8,
        centered: true,
      }),
  },
}

describe.each(devices)('on $name optimizers follow PyTorch’s, step by step', (device) => {
  beforeEach(() => setDefaultDevice(device))

  test.each(Object.entries(cases))('%s', async (name, { make, clip }) => {
    const fixture = readFixture(`optim_${name}`)
    const parameters = [0, 1].map((i) => fixture[`param.${i}`].select(0, 0).clone().requiresGrad_())
    const optimizer = make([parameters[0]], [parameters[1]])
    const given = [await fixture['given.0'].values(), await fixture['given.1'].values()]
    const steps = given[0].length
    expect(steps).toBeGreaterThanOrEqual(30)
    // Both sides round to float32, but at different points: 1.1e-6 is the largest difference with other seeds.
    for (let step = 0; step < steps; step++) {
      optimizer.zeroGrad()
      parameters.forEach((parameter, i) => {
        if (given[i][step] === 1) parameter.grad = fixture[`grad.${i}`].select(0, step).clone()
      })
      if (clip !== undefined) clipGradValue(parameters, clip)
      optimizer.step()
      for (const [i, parameter] of parameters.entries()) {
        const expected = await fixture[`param.${i}`].select(0, step + 1).values()
        const error = relativeError(await parameter.values(), expected)
        expect(error, `parameter ${i} after step ${step}`).toBeLessThan(2e-6)
      }
    }
    const { tensors } = optimizer.stateDict()
    const expected = Object.keys(fixture).filter((key) => key.startsWith('state.'))
    expect(Object.keys(tensors).sort()).toEqual(expected.map((key) => key.slice('state.'.length)).sort())
    for (const key of expected) {
      const error = relativeError(await tensors[key.slice('state.'.length)].values(), await fixture[key].values())
      expect(error, key).toBeLessThan(2e-6)
    }
  })
})

describe.each(devices)('on $name gradients of every size that 32-bit floats have', (device) => {
  beforeEach(() => setDefaultDevice(device))

  const ranges: Record<string, (parameters: Tensor[]) => Optimizer> = {
    sgd: (parameters) => new SGD(parameters, { lr: 0.1, weightDecay: 0.01 }),
    sgd_nesterov: (parameters) => new SGD(parameters, { lr: 0.05, momentum: 0.9, nesterov: true }),
    adam: (parameters) => new Adam(parameters, { lr: 0.1 }),
    adam_decay: (parameters) => new Adam(parameters, { lr: 0.1, weightDecay: 0.1 }),
    adamw: (parameters) => new AdamW(parameters, { lr: 0.1 }),
    rmsprop: (parameters) => new RMSprop(parameters, { lr: 0.01 }),
    rmsprop_centered: (parameters) => new RMSprop(parameters, { lr: 0.01, centered: true }),
    rmsprop_momentum: (parameters) => new RMSprop(parameters, { lr: 0.01, momentum: 0.8, weightDecay: 0.1 }),
  }

  /** The values that differ from PyTorch's by more than rounding, relative to the largest value that was added. */
  function wrongOf(found: Tensor['data'], expected: Tensor['data'], largest: Tensor['data']) {
    const pairs = Array.from(found, (value, i) => ({ i, value, expected: expected[i], largest: largest[i] }))
    // Floats below 1e-38 have fewer digits: each step may round by the smallest float. GPUs may take them for zeros, at
    // each of the 30 steps.
    const smallest = device.kind === 'webgpu' ? 30 * 1.2e-38 : 2e-44
    return pairs.filter(
      ({ value, expected, largest }) =>
        value !== expected && !(Math.abs(value - expected) <= 2e-6 * largest + smallest),
    )
  }

  test.each(Object.entries(ranges))('%s', async (name, make) => {
    const fixture = readFixture(`optim_range_${name}`)
    const [steps, size] = fixture.grad.shape
    expect(steps * size).toBeGreaterThan(1000)
    const largest = await fixture['largest.param'].values()
    const parameter = fixture.param.select(0, 0).clone().requiresGrad_()
    const optimizer = make([parameter])
    for (let step = 0; step < steps; step++) {
      parameter.grad = fixture.grad.select(0, step).clone()
      optimizer.step()
      const expected = await fixture.param.select(0, step + 1).values()
      expect(wrongOf(await parameter.values(), expected, largest), `after step ${step}`).toEqual([])
    }
    for (const [key, tensor] of Object.entries(optimizer.stateDict().tensors)) {
      const state = `state.${key.replace(/\.0$/, '')}`
      const [found, expected, limits] = [tensor, fixture[state], fixture[`largest.${state}`]].map((one) => one.values())
      expect(wrongOf(await found, await expected, await limits), state).toEqual([])
    }
  })

  test('centered RMSprop gives no NaN for a constant gradient', async () => {
    for (const alpha of [0.5, 0.9, 0.99]) {
      const grad = Float32Array.from({ length: 84 }, (_, i) => 10 ** (i - 45))
      const parameter = zeros([84]).requiresGrad_()
      const optimizer = new RMSprop([parameter], { lr: 1e-4, alpha, centered: true })
      for (let step = 0; step < 2000; step++) {
        parameter.grad = fromData(grad.slice(), [84])
        optimizer.step()
      }
      const values = await parameter.values()
      expect([...values].filter((value) => !Number.isFinite(value))).toEqual([])
      // The smallest gradient is far below eps, so the parameter hardly moves.
      expect(Math.abs(values[0])).toBeLessThan(1e-30)
    }
  })
})

describe('schedules give PyTorch’s learning rates', () => {
  const fixture = readFixture('optim_schedules')
  const steps = fixture.losses.size
  const schedules: Record<string, (optimizer: Optimizer) => Schedule> = {
    step: (optimizer) => new StepLR(optimizer, { stepSize: 5, gamma: 0.7 }),
    cosine: (optimizer) => new CosineLR(optimizer, { totalSteps: steps, minLr: 0.01 }),
    warm_cosine: (optimizer) => new CosineLR(optimizer, { totalSteps: steps, warmupSteps: 8, minLr: 0.001 }),
    plateau: (optimizer) => new ReduceLROnPlateau(optimizer, { factor: 0.5, patience: 2, threshold: 0.1, minLr: 0.02 }),
    plateau_eager: (optimizer) => new ReduceLROnPlateau(optimizer, { patience: 0, threshold: 0 }),
  }

  test.each(Object.entries(schedules))('%s', (name, make) => {
    const optimizer = new SGD([{ params: [zeros([1])] }, { params: [zeros([1])], lr: 0.1 }], { lr: 0.5 })
    const schedule = make(optimizer)
    const rates = optimizer.groups.map(({ lr }) => lr)
    for (const loss of fixture.losses.data) {
      schedule.step(loss)
      rates.push(...optimizer.groups.map(({ lr }) => lr))
    }
    const expected = fixture[name].data
    expect(rates.length).toBe(expected.length)
    rates.forEach((rate, i) => {
      expect(relativeError([rate], [expected[i]]), `place ${i}`).toBeLessThan(1e-6)
    })
    expect(schedule.lr).toBe(rates.at(-2))
    expect(new Set(expected).size, 'the fixture has learning rates that change').toBeGreaterThan(4)
  })
})
