import { describe, expect, test } from 'vitest'
import { FormatError, OptionError } from '../core/errors.js'
import { Generator } from '../core/random.js'
import { GRU } from '../nn/gru.js'
import { Linear } from '../nn/linear.js'
import { Module } from '../nn/module.js'
import { Adam } from '../optim/adam.js'
import { noGrad } from '../tensor/autograd.js'
import { fromData } from '../tensor/create.js'
import { mseLoss } from '../tensor/losses.js'
import type { Tensor } from '../tensor/tensor.js'
import type { Objective, TrainingData } from './objective.js'
import { Training } from './training.js'

// The model learns to predict the next value of a series of numbers, without any text.

const sine = (from: number, length: number) => Float32Array.from({ length }, (_, i) => Math.sin((from + i) / 5))

/** The series in windows of 10 values, in a fresh order at each pass. */
class Windows implements TrainingData<{ x: Tensor; y: Tensor }> {
  readonly generator = new Generator(4)
  readonly batchItems = 10
  constructor(readonly mostBatches: number) {}

  *batches(from = 0): IterableIterator<{ x: Tensor; y: Tensor }> {
    const order = Int32Array.from({ length: this.mostBatches }, (_, i) => i)
    this.generator.shuffle(order)
    for (const window of order.subarray(from)) {
      yield { x: fromData(sine(10 * window, 10), [10, 1, 1]), y: fromData(sine(10 * window + 1, 10), [10, 1, 1]) }
    }
  }
}

class Forecaster extends Module {
  readonly rnn
  readonly linear = new Linear({ inFeatures: 6, outFeatures: 1, generator: new Generator(2) })
  constructor(seed: number) {
    super()
    this.rnn = new GRU({ inputSize: 1, hiddenSize: 6, generator: new Generator(seed) })
  }

  forward(x: Tensor, h?: Tensor): { output: Tensor; state: Tensor } {
    const { output, state } = this.rnn.forward(x, h)
    return { output: this.linear.forward(output), state }
  }
}

/** The state is carried through the windows, in whatever order they come. */
const forecasting: Objective<Forecaster, { x: Tensor; y: Tensor }, Windows, Windows, Tensor> = {
  check(where, model) {
    if (!(model instanceof Forecaster)) throw new OptionError(`${where}: this is no Forecaster`)
  },
  loss(model, { x, y }, carried) {
    const { output, state } = model.forward(x, carried?.detach())
    return { loss: mseLoss(output, y), items: y.size, carried: state }
  },
  async validate(model, heldOut) {
    let sum = 0
    for (const { x, y } of heldOut.batches()) {
      sum += await noGrad(() => mseLoss(model.forward(x).output, y)).item()
    }
    return sum / heldOut.mostBatches
  },
  carrying: {
    tensorsOf: (h) => ({ h }),
    from(where, _model, _data, batch, { h }) {
      if (batch === 0) return undefined
      if (!h) throw new FormatError(`${where}: h is missing`)
      return h
    },
  },
}

const make = (seed: number) => {
  const model = new Forecaster(seed)
  const optimizer = new Adam(model.parameters(), { lr: 0.01 })
  const validation = { corpus: new Windows(3), every: 4 }
  return new Training(model, new Windows(7), { objective: forecasting, optimizer, validation, epochs: 3, clip: 0.5 })
}
const values = (model: Module) => Object.values(model.stateDict()).map(({ data }) => [...data])

describe('a custom objective', () => {
  test('trains like a loop that is written by hand', async () => {
    const training = make(1)
    const told: number[] = []
    const held: number[] = []
    for await (const event of training.run()) {
      if (event.type === 'step') told.push(event.loss)
      if (event.type === 'validation') held.push(event.loss)
    }
    const model = new Forecaster(1)
    const optimizer = new Adam(model.parameters(), { lr: 0.01 })
    const [data, heldOut] = [new Windows(7), new Windows(3)]
    const [losses, checks]: number[][] = [[], []]
    for (let epoch = 0; epoch < 3; epoch++) {
      let h: Tensor | undefined
      for (const { x, y } of data.batches()) {
        optimizer.zeroGrad()
        const { output, state } = model.forward(x, h?.detach())
        const loss = mseLoss(output, y)
        loss.backward()
        const grads = model.parameters().map(({ grad }) => grad!.data as Float32Array)
        const norm = Math.hypot(...grads.flatMap((grad) => [...grad]))
        if (norm > 0.5) for (const grad of grads) grad.set(grad.map((g) => (g * 0.5) / norm))
        optimizer.step()
        h = state
        losses.push(await loss.item())
        if (losses.length % 4 === 0 || losses.length === 21)
          checks.push(await forecasting.validate(model, heldOut, data, undefined))
      }
    }
    expect(told).toHaveLength(21)
    for (const [i, loss] of told.entries()) expect(loss).toBeCloseTo(losses[i], 5)
    for (const [i, loss] of held.entries()) expect(loss).toBeCloseTo(checks[i], 5)
    expect(held).toHaveLength(checks.length)
    expect(held.at(-1)).toBeLessThan(held[0])
  })

  test('continues from a snapshot to the same bits, with what it carries', async () => {
    const whole = make(1)
    for await (const _ of whole.run());
    const half = make(1)
    for await (const event of half.run()) if (event.step === 10) break
    const saved = half.snapshot()
    expect(Object.keys(saved.tensors)).toContain('state.h')
    const again = make(9)
    again.restore(saved)
    for await (const _ of again.run());
    expect(values(again.model)).toEqual(values(whole.model))
    const { 'state.h': _, ...without } = saved.tensors
    expect(() => make(1).restore({ ...saved, tensors: without })).toThrow(/^Training.restore: h is missing/)
  })

  test('checks its arguments, and needs no text', () => {
    const options = { objective: forecasting, validation: { corpus: new Windows(3) } }
    const linear = new Linear({ inFeatures: 1, outFeatures: 1 })
    expect(() => new Training(linear as never, new Windows(7), options)).toThrow('Training: this is no Forecaster')
    expect(() => new Training({} as never, new Windows(7), options)).toThrow(
      'Training: model is an object, expected a Module',
    )
    expect(() => new Training(new Forecaster(1), {} as never, options)).toThrow('Training: data is an object, expected')
    expect(() => new Training(new Forecaster(1) as never, new Windows(7) as never)).toThrow(/expected an RNNModel/)
    expect(() => new Training(new Forecaster(1), new Windows(7), { objective: {} as never })).toThrow(
      /an Objective such as/,
    )
  })
})
