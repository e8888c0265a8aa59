import { describe, expect, test } from 'vitest'
import { OptionError } from '../core/errors.js'
import { SequenceData } from '../data/sequences.js'
import { encodeStateDict } from '../formats/state-dict.js'
import { Linear } from '../nn/linear.js'
import { LSTM } from '../nn/lstm.js'
import { RNNModel } from '../nn/model.js'
import { Module } from '../nn/module.js'
import { randn } from '../tensor/create.js'
import type { Tensor } from '../tensor/tensor.js'
import { Training } from '../train/training.js'
import { Adam } from './adam.js'
import { SGD } from './sgd.js'

const layer = () => new Linear({ inFeatures: 2, outFeatures: 2 })
const x = randn([3, 2])

class Hiding extends Module {
  readonly first = layer()
  readonly #second = layer()

  forward(input: Tensor): Tensor {
    return this.#second.forward(this.first.forward(input))
  }

  freezeHidden(): this {
    this.#second.requiresGrad_(false)
    return this
  }
}

describe('layers in private fields, which no code outside the class can see', () => {
  const step = (model: Hiding) => {
    const optimizer = new Adam(model.parameters())
    model.forward(x).sum().backward()
    optimizer.step()
  }

  test('are noticed when the model is saved after a backward pass, even without an optimizer', async () => {
    const model = new Hiding()
    model.parameters()
    model.forward(x).sum().backward()
    await expect(encodeStateDict(model)).rejects.toThrow(OptionError)
    await expect(encodeStateDict(model)).rejects.toThrow('encodeStateDict: the model has a parameter of the shape [2')
  })

  test('are noticed at the first step, before anything is changed', () => {
    const model = new Hiding()
    const optimizer = new SGD(model.parameters(), { lr: 1 })
    optimizer.step()
    model.forward(x).sum().backward()
    expect(() => optimizer.step()).toThrow('SGD.step: the model has a parameter of the shape [2')
    const before = model.stateDict()
    expect(() => step(model)).toThrow(OptionError)
    expect(() => step(model)).toThrow('Adam.step: the model has a parameter of the shape [2')
    expect(model.stateDict()).toEqual(before)
  })

  test('are noticed even if the module itself has a parameter', () => {
    class Scaled extends Module {
      readonly scale = randn([1]).requiresGrad_()
      readonly #layer = layer()
      forward(input: Tensor): Tensor {
        return this.#layer.forward(input).mul(this.scale)
      }
    }
    const model = new Scaled()
    const optimizer = new SGD(model.parameters(), { lr: 1 })
    model.forward(x).sum().backward()
    expect(() => optimizer.step()).toThrow('SGD.step: the model has a parameter of the shape [2')
  })

  test('are allowed if they are frozen', () => {
    expect(() => step(new Hiding().freezeHidden())).not.toThrow()
  })

  test.each(['layer', 'tensor'])('a %s of a subclass of RNNModel is noticed by its training', async (what) => {
    class Model extends RNNModel<ReturnType<LSTM['beginState']>> {
      readonly #layer = new Linear({ inFeatures: 5, outFeatures: 5 })
      readonly #scale = randn([1]).requiresGrad_()
      override forward(...input: Parameters<RNNModel<ReturnType<LSTM['beginState']>>['forward']>) {
        const { output, state } = super.forward(...input)
        return { output: what === 'layer' ? this.#layer.forward(output) : output.mul(this.#scale), state }
      }
    }
    const model = new Model(new LSTM({ inputSize: 5, hiddenSize: 2 }), 5)
    const data = new SequenceData(Uint8Array.from({ length: 40 }, (_, i) => i % 5), { batchSize: 2, numSteps: 4 }) // biome-ignore format: one line
    const training = new Training(model, data, { optimizer: new SGD(model.parameters(), { lr: 1 }) })
    const before = model.stateDict()
    await expect(training.run().next()).rejects.toThrow('Training: the model has a parameter of the shape [')
    expect(model.stateDict()).toEqual(before)
  })
})

describe('models that are trained in part on purpose are accepted', () => {
  class Pair extends Module {
    readonly first = layer()
    readonly second = layer()
    forward(input: Tensor): Tensor {
      return this.second.forward(this.first.forward(input))
    }
  }

  test.each<[string, () => { parameters: Tensor[]; loss: Tensor }]>([
    ['layers without a model', () => {
      const [a, b] = [layer(), layer()]
      return { parameters: a.parameters(), loss: b.forward(a.forward(x)).sum() }
    }], // biome-ignore format: one line
    ['a layer of a model', () => {
      const model = new Pair()
      return { parameters: model.second.parameters(), loss: model.forward(x).sum() }
    }], // biome-ignore format: one line
    ['a layer of a model that was listed', () => {
      const model = new Pair()
      model.parameters()
      return { parameters: model.second.parameters(), loss: model.forward(x).sum() }
    }], // biome-ignore format: one line
    ['a model on top of another that was loaded', () => {
      const [below, above] = [new Pair(), new Pair()]
      below.loadStateDict(new Pair().stateDict())
      return { parameters: above.parameters(), loss: above.forward(below.forward(x)).sum() }
    }], // biome-ignore format: one line
    ['an input whose gradient is wanted', () => {
      const model = new Pair()
      return { parameters: model.parameters(), loss: model.forward(randn([3, 2]).requiresGrad_()).sum() }
    }], // biome-ignore format: one line
    ['an optimizer with the tensors of a model and of another layer', () => {
      const model = new Pair()
      const extra = layer()
      const parameters = [...model.parameters(), extra.weight, extra.bias!]
      return { parameters, loss: extra.forward(model.forward(x)).sum() }
    }], // biome-ignore format: one line
  ])('%s', (_what, make) => {
    const { parameters, loss } = make()
    const optimizer = new SGD(parameters, { lr: 0.1 })
    const before = parameters.map(({ data }) => data.slice())
    loss.backward()
    optimizer.step()
    for (const [i, { data }] of parameters.entries()) expect(data).not.toEqual(before[i])
  })
})
