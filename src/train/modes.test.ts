import { describe, expect, test } from 'vitest'
import { SequenceData } from '../data/sequences.js'
import { LSTM } from '../nn/lstm.js'
import { RNNModel } from '../nn/model.js'
import { SGD } from '../optim/sgd.js'
import { calibrate } from './calibrate.js'
import { evaluate, evaluateCorpus } from './evaluate.js'
import { Training } from './training.js'

const corpus = Uint8Array.from({ length: 60 }, (_, i) => (i * 3) % 5)
const dataOf = () => new SequenceData(corpus, { batchSize: 2, numSteps: 5 })
const make = () => new RNNModel(new LSTM({ inputSize: 5, hiddenSize: 3, numLayers: 2, dropout: 0.5 }), 5)
const modes = (model: RNNModel<never>) => [model, model.rnn, model.linear].map(({ training }) => training)

const works: [string, (model: ReturnType<typeof make>) => Promise<unknown>][] = [
  ['evaluate', (model) => evaluate(model, dataOf())],
  ['evaluateCorpus', (model) => evaluateCorpus(model as never, corpus)],
  ['calibrate', (model) => calibrate(model as never, corpus)],
]

describe('each part of a model returns to its mode', () => {
  test.each(works)('after %s', async (_what, work) => {
    const model = make()
    model.rnn.eval()
    await work(model)
    expect(modes(model as never)).toEqual([true, false, true])
    model.eval().linear.train()
    await work(model)
    expect(modes(model as never)).toEqual([false, false, true])
  })

  test('during and after a Training with validation, which trains a model that is in eval()', async () => {
    const train = async (model: ReturnType<typeof make>) => {
      const seen = new Set<string>()
      const training = new Training(model, dataOf(), { epochs: 2, validation: { corpus, every: 2 } })
      for await (const _ of training.run()) seen.add(String(modes(model as never)))
      return [...seen]
    }
    const part = make()
    part.rnn.eval()
    expect(await train(part)).toEqual(['true,false,true'])
    expect(await train(make().eval())).toEqual(['true,true,true'])
  })
})

test('a Training does not change frozen parameters, and its snapshot has them', async () => {
  const model = make()
  model.rnn.requiresGrad_(false)
  const before = model.stateDict()
  const training = new Training(model, dataOf(), { epochs: 1, optimizer: new SGD(model.parameters(), { lr: 1, weightDecay: 0.5 }) }) // biome-ignore format: one line
  for await (const _ of training.run());
  for (const [name, { data }] of model.namedParameters()) {
    if (name.startsWith('rnn.')) expect(data, name).toEqual(before[name].data)
    else expect(data, name).not.toEqual(before[name].data)
    expect(training.snapshot().tensors[`model.${name}`].data).toEqual(data)
  }
})
