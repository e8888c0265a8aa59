import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FormatError } from '../core/errors.js'
import { Generator } from '../core/random.js'
import { encodeSafetensors } from '../formats/safetensors.js'
import { decodeStateDict } from '../formats/state-dict.js'
import { randn, tensor, zeros } from '../tensor/create.js'
import type { Tensor } from '../tensor/tensor.js'
import { Adam, AdamW } from './adam.js'
import type { Optimizer, OptimizerState } from './optimizer.js'
import { RMSprop } from './rmsprop.js'
import { CosineLR, FixedLR, ReduceLROnPlateau, type Schedule, StepLR } from './schedules.js'
import { SGD } from './sgd.js'

const STEPS = 14

type Make = (a: Tensor, b: Tensor) => Optimizer
const optimizers: Record<string, Make> = {
  SGD: (a, b) => new SGD([{ params: [a] }, { params: [b], lr: 0.2, weightDecay: 0.1 }], { lr: 0.1 }),
  'SGD with momentum in one group': (a, b) =>
    new SGD([{ params: [a], momentum: 0 }, { params: [b] }], { lr: 0.1, momentum: 0.9, dampening: 0.2 }),
  Adam: (a, b) => new Adam([a, b]),
  AdamW: (a, b) => new AdamW([{ params: [a] }, { params: [b], lr: 0.2 }]),
  RMSprop: (a, b) => new RMSprop([{ params: [a], centered: true }, { params: [b] }], { momentum: 0.5 }),
}
const schedules: Record<string, (optimizer: Optimizer) => Schedule> = {
  fixed: (optimizer) => new FixedLR(optimizer),
  step: (optimizer) => new StepLR(optimizer, { stepSize: 4, gamma: 0.5 }),
  cosine: (optimizer) => new CosineLR(optimizer, { totalSteps: 10, warmupSteps: 3, minLr: 0.001 }),
  plateau: (optimizer) => new ReduceLROnPlateau(optimizer, { patience: 1, factor: 0.5 }),
}

const begin = (): [Tensor, Tensor] => {
  const generator = new Generator(1)
  return [randn([2, 3], generator).requiresGrad_(), randn([5], generator).requiresGrad_()]
}

/** Runs steps `from` to `to` with the gradients and losses of those steps; at some the second parameter has none. */
function run(parameters: Tensor[], optimizer: Optimizer, schedule: Schedule, from: number, to: number): void {
  for (let step = from; step < to; step++) {
    const generator = new Generator(100 + step)
    optimizer.zeroGrad()
    parameters.forEach((parameter, i) => {
      const grad = randn(parameter.shape, generator)
      if (i === 0 || step % 3 !== 0) parameter.grad = grad
    })
    optimizer.step()
    schedule.step(generator.uniform())
  }
}

/** Sends a state through a .safetensors file and JSON. */
function throughFiles({ tensors, values }: OptimizerState): OptimizerState {
  return {
    tensors: decodeStateDict(encodeSafetensors(tensors)),
    values: JSON.parse(JSON.stringify(values)),
  }
}

const bitsOf = (parameters: readonly Tensor[]) => parameters.map(({ data }) => [...data])

describe('a training that was saved and loaded continues with the same bits', () => {
  test.each(Object.entries(optimizers))('%s', (_name, make) => {
    fc.assert(
      fc.property(
        fc.constantFrom(...Object.values(schedules)),
        fc.integer({ min: 0, max: STEPS }),
        fc.boolean(),
        (makeSchedule, saved, scheduleFirst) => {
          const through = begin()
          const optimizer = make(...through)
          const schedule = makeSchedule(optimizer)
          run(through, optimizer, schedule, 0, saved)
          const copies = through.map((parameter) => parameter.clone().requiresGrad_()) as [Tensor, Tensor]
          const state = throughFiles(optimizer.stateDict())
          const rates: Record<string, number> = JSON.parse(JSON.stringify(schedule.stateDict()))
          run(through, optimizer, schedule, saved, STEPS)

          const again = make(...copies)
          const scheduleAgain = makeSchedule(again)
          if (scheduleFirst) scheduleAgain.loadStateDict(rates)
          again.loadStateDict(state)
          if (!scheduleFirst) scheduleAgain.loadStateDict(rates)
          run(copies, again, scheduleAgain, saved, STEPS)
          expect(bitsOf(copies)).toEqual(bitsOf(through))
          expect(again.groups.map(({ lr }) => lr)).toEqual(optimizer.groups.map(({ lr }) => lr))
          expect(scheduleAgain.stateDict()).toEqual(schedule.stateDict())
        },
      ),
      { numRuns: 60 },
    )
  })

  test('a schedule made after the optimizer’s state was loaded continues as well', () => {
    const optimizer = new SGD(begin(), { lr: 1 })
    const schedule = schedules.cosine(optimizer)
    for (let step = 0; step < 6; step++) schedule.step()
    const again = new SGD(begin(), { lr: 1 })
    again.loadStateDict(optimizer.stateDict())
    const scheduleAgain = schedules.cosine(again)
    scheduleAgain.loadStateDict(schedule.stateDict())
    expect(again.lr).toBe(optimizer.lr)
    schedule.step()
    scheduleAgain.step()
    expect(again.lr).toBe(optimizer.lr)
  })
})

describe('a state', () => {
  test('has flat names, PyTorch’s where PyTorch has them', () => {
    const [a, b] = begin()
    const optimizer = new Adam([{ params: [a] }, { params: [b], lr: 0.5 }])
    a.grad = zeros(a.shape)
    optimizer.step()
    const { tensors, values } = optimizer.stateDict()
    expect(Object.keys(tensors)).toEqual(['exp_avg.0', 'exp_avg_sq.0', 'exp_avg.1', 'exp_avg_sq.1'])
    expect(tensors['exp_avg_sq.0'].shape).toEqual([2, 3])
    expect(tensors['exp_avg.0'].data).toBeInstanceOf(Float32Array)
    expect(values).toEqual({ 'lr.0': 0.001, 'lr.1': 0.5, 'step.0': 1, 'step.1': 0 })
  })

  test('is a copy', () => {
    const parameters = begin()
    const optimizer = new Adam(parameters)
    const { tensors } = optimizer.stateDict()
    run(parameters, optimizer, new FixedLR(optimizer), 0, 1)
    expect(tensors['exp_avg.0'].data.every((value) => value === 0)).toBe(true)
  })

  const good = () => new Adam(begin()).stateDict()
  test.each<[string, (state: OptimizerState) => void, RegExp]>([
    ['a tensor missing', ({ tensors }) => delete tensors['exp_avg.1'], /^Adam\.loadStateDict: exp_avg\.1 is missing$/],
    [
      'a tensor unknown',
      ({ tensors }) => Object.assign(tensors, { 'square_avg.0': zeros([1]) }),
      /square_avg\.0 is unknown/,
    ],
    [
      'another shape',
      ({ tensors }) => Object.assign(tensors, { 'exp_avg.0': zeros([3, 2]) }),
      /exp_avg\.0 has the shape \[3, 2\], expected \[2, 3\]/,
    ],
    [
      'whole numbers',
      ({ tensors }) => Object.assign(tensors, { 'exp_avg.1': tensor([1, 2, 3, 4, 5], { dtype: 'int32' }) }),
      /exp_avg\.1 holds whole numbers, expected floats/,
    ],
    ['a number missing', ({ values }) => delete values['lr.0'], /lr\.0 is missing/],
    ['a number unknown', ({ values }) => Object.assign(values, { 'lr.1': 1 }), /lr\.1 is unknown/],
    [
      'a negative count',
      ({ values }) => Object.assign(values, { 'step.1': -1 }),
      /step\.1 is -1, expected a number of 0/,
    ],
    ['null', ({ values }) => Object.assign(values, { 'lr.0': null }), /lr\.0 is null, expected a number of 0 or more/],
  ])('with %s is refused, and nothing is changed', (_name, spoil, message) => {
    const parameters = begin()
    const optimizer = new Adam(parameters)
    run(parameters, optimizer, new FixedLR(optimizer), 0, 3)
    const before = optimizer.stateDict()
    const state = good()
    spoil(state)
    expect(() => optimizer.loadStateDict(state)).toThrow(FormatError)
    expect(() => optimizer.loadStateDict(state)).toThrow(message)
    expect(optimizer.stateDict()).toEqual(before)
  })

  test('of another schedule is refused, and nothing is changed', () => {
    const optimizer = new SGD(begin(), { lr: 1 })
    const schedule = schedules.step(optimizer)
    const plateau = new ReduceLROnPlateau(optimizer).stateDict()
    expect(() => schedule.loadStateDict(plateau)).toThrow(FormatError)
    expect(() => schedule.loadStateDict(plateau)).toThrow(
      'StepLR.loadStateDict: step is missing; base_lr.0 is missing; best is unknown',
    )
    expect(() => schedule.loadStateDict({ step: Number.NaN, 'base_lr.0': 1 })).toThrow(/step is NaN/)
    expect(() => new FixedLR(optimizer).loadStateDict(plateau)).toThrow(FormatError)
    expect(schedule.stateDict()).toEqual({ step: 0, 'base_lr.0': 1 })
  })
})
