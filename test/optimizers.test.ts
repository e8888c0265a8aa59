import { describe, expect, test } from 'vitest'
import {
  Adam,
  AdamW,
  CosineLR,
  clipGradValue,
  type Optimizer,
  ReduceLROnPlateau,
  RMSprop,
  type Schedule,
  SGD,
  StepLR,
  type Tensor,
  zeros,
} from '../src/index.js'
import { readFixture, relativeError } from './read-fixture.js'

// PyTorch's trajectories: test/fixtures/make_optim_fixtures.py made them, with the same options as here.

interface Case {
  /** The optimizer of two parameters, each in a group of its own. */
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

describe('optimizers go PyTorch’s way, step by step', () => {
  test.each(Object.entries(cases))('%s', (name, { make, clip }) => {
    const fixture = readFixture(`optim_${name}`)
    const parameters = [0, 1].map((i) => fixture[`param.${i}`].select(0, 0).clone().requiresGrad_())
    const optimizer = make([parameters[0]], [parameters[1]])
    const steps = fixture['given.0'].size
    expect(steps).toBeGreaterThanOrEqual(30)
    // Both sides round to float32, each in its own places: 1.1e-6 is the most that other seeds gave.
    for (let step = 0; step < steps; step++) {
      optimizer.zeroGrad()
      parameters.forEach((parameter, i) => {
        if (fixture[`given.${i}`].data[step] === 1) parameter.grad = fixture[`grad.${i}`].select(0, step).clone()
      })
      if (clip !== undefined) clipGradValue(parameters, clip)
      optimizer.step()
      for (const [i, { data }] of parameters.entries()) {
        const error = relativeError(data, fixture[`param.${i}`].select(0, step + 1).data)
        expect(error, `parameter ${i} after step ${step}`).toBeLessThan(2e-6)
      }
    }
    const { tensors } = optimizer.stateDict()
    const expected = Object.keys(fixture).filter((key) => key.startsWith('state.'))
    expect(Object.keys(tensors).sort()).toEqual(expected.map((key) => key.slice('state.'.length)).sort())
    for (const key of expected) {
      expect(relativeError(tensors[key.slice('state.'.length)].data, fixture[key].data), key).toBeLessThan(2e-6)
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
