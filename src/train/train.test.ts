import { describe, expect, test, vi } from 'vitest'
import { opaqueDevice } from '../../test/opaque-device.js'
import { DivergenceError, OptionError } from '../core/errors.js'
import { Generator, manualSeed } from '../core/random.js'
import { type LoadOptions, sequencesFromText } from '../data/load.js'
import { SequenceData } from '../data/sequences.js'
import { referenceKernels } from '../kernels/index.js'
import { GRU } from '../nn/gru.js'
import { LSTM } from '../nn/lstm.js'
import { RNNModel } from '../nn/model.js'
import type { RecurrentState } from '../nn/recurrent-state.js'
import { RNN } from '../nn/rnn.js'
import { Adam } from '../optim/adam.js'
import { tensor } from '../tensor/create.js'
import type { Tensor } from '../tensor/tensor.js'
import { calibrate } from './calibrate.js'
import { evaluate, evaluateCorpus } from './evaluate.js'
import { trainSteps } from './steps.js'
import { train } from './train.js'

// A text in which the last two characters determine the next, but the last one alone does not.
const periodic = 'abcbdcad'.repeat(60)
const options = { batchSize: 4, numSteps: 6, maxTokens: Infinity }
const silent = { report: 'silent' } as const

function small(seed = 0) {
  const { data, vocab } = sequencesFromText(periodic, { ...options, generator: new Generator(seed) })
  const generator = new Generator(seed)
  const model = new RNNModel(new RNN({ inputSize: vocab.size, hiddenSize: 16, generator }), vocab.size, { generator })
  return { data, vocab, model }
}

/** A model that records the states it is given. */
class Spy extends RNNModel<Tensor> {
  readonly states: (Tensor | undefined)[] = []

  override forward(inputs: Tensor, state?: Tensor) {
    this.states.push(state)
    return super.forward(inputs, state)
  }
}

describe('train', () => {
  test('learns a periodic text: labels are in the order of the outputs', async () => {
    // If labels were not transposed like the inputs, only the frequencies could be learned: perplexity 4.
    const { data, vocab, model } = small()
    const result = await train(model, data, vocab, { ...silent, epochs: 60 })
    const { perplexity, epochs, steps, history } = result
    expect(perplexity).toBeLessThan(1.1)
    expect([epochs, history.length]).toEqual([60, 60])
    expect(steps).toBe(history.at(-1)!.step)
    expect(perplexity).toBe(history.at(-1)!.perplexity)
    expect(result.tokensPerSecond).toBe(history.at(-1)!.tokensPerSecond)
    expect(history[0].perplexity).toBeGreaterThan(1.3)
  })

  test.each([
    ['GRU', (size: number) => new RNNModel(new GRU({ inputSize: size, hiddenSize: 12 }), size)],
    ['LSTM', (size: number) => new RNNModel(new LSTM({ inputSize: size, hiddenSize: 12, numLayers: 2 }), size)],
  ] as const)('%s too, with another optimizer', async (_name, make) => {
    manualSeed(1)
    const { data, vocab } = small()
    const model = make(vocab.size) as RNNModel
    const optimizer = new Adam(model.parameters(), { lr: 0.03 })
    const { perplexity } = await train(model, data, vocab, { ...silent, epochs: 40, optimizer })
    expect(perplexity).toBeLessThan(1.2)
  })

  test('logs a line every tenth of the epochs, one for each validation, and a last one with continuations', async () => {
    const { data, vocab, model } = small()
    const log = vi.spyOn(console, 'log').mockImplementation(() => {})
    const validation = { corpus: data.corpus, every: 1000 }
    await train(model, data, vocab, { epochs: 20, validation, prefixes: ['ab', 'xy'] })
    const lines = log.mock.calls.map(([line]) => String(line))
    log.mockRestore()
    const epochs = lines.flatMap(
      (line) => line.match(/^epoch (\d+) of 20: perplexity [\d.]+, \d+ tokens\/sec$/)?.[1] ?? [],
    )
    expect(epochs).toEqual(['2', '4', '6', '8', '10', '12', '14', '16', '18', '20'])
    expect(lines[10]).toMatch(/^step \d+: perplexity of the held-out text [\d.]+, the lowest so far$/)
    expect(lines[11]).toMatch(/^perplexity [\d.]+, [\d.]+ tokens\/sec on /)
    // The text contains neither x nor y.
    expect(lines.slice(12).map((line) => line.slice(0, 2))).toEqual(['ab'])
  })

  test('continues the book’s prefixes if the text has them, and otherwise the beginning of the text', async () => {
    const texts: [string, string[], LoadOptions?][] = [
      ['so the time traveller said '.repeat(40), ['time traveller', 'traveller']],
      ['a traveller sat at the tavern, all alone '.repeat(40), ['traveller']],
      // The vocabulary could write the prefix, but the text does not have it.
      ['a travel letter, elm, timer '.repeat(40), ['a travel l']],
      ['abcbdcad'.repeat(100), ['abcbdcadab']],
      ['one two three four '.repeat(100), ['one two three four one two three four one two'], { tokens: 'word' }],
      // A part of a character cannot be a prefix: then it is the most frequent token that is a text by itself.
      ['é日本語a'.repeat(100), ['a'], { tokens: 'byte' }],
      ['日本語'.repeat(100), [], { tokens: 'byte' }],
    ]
    for (const [text, expected, more] of texts) {
      const { data, vocab } = sequencesFromText(text, { ...options, ...more })
      const model = new RNNModel(new RNN({ inputSize: vocab.size, hiddenSize: 4 }), vocab.size)
      const log = vi.spyOn(console, 'log').mockImplementation(() => {})
      await train(model, data, vocab, { epochs: 1 })
      const lines = log.mock.calls.map(([line]) => String(line))
      log.mockRestore()
      expect(lines.slice(2).map((line, i) => line.slice(0, expected[i]?.length))).toEqual(expected)
    }
  })

  test('the same seed gives the same bits', async () => {
    const run = async () => {
      const { data, vocab, model } = small(3)
      await train(model, data, vocab, { ...silent, epochs: 5 })
      return Object.values(model.stateDict()).map(({ data }) => [...data])
    }
    expect(await run()).toEqual(await run())
  })

  test('perplexity is e to the mean loss of the epoch’s tokens', async () => {
    const { data, model } = small()
    const losses: number[] = []
    for await (const event of trainSteps(model, data, { epochs: 1 })) {
      if (event.type === 'step') losses.push(event.loss)
      else if (event.type === 'epoch')
        expect(event.perplexity).toBeCloseTo(Math.exp(losses.reduce((sum, loss) => sum + loss) / losses.length), 6)
    }
    expect(losses.length).toBeGreaterThan(10)
  })

  test('sequential: the state is carried, detached, and zero at each epoch; random: zero at each batch', async () => {
    for (const sampling of ['sequential', 'random'] as const) {
      const { data, vocab } = sequencesFromText(periodic, { ...options, sampling })
      const model = new Spy(new RNN({ inputSize: vocab.size, hiddenSize: 4 }), vocab.size)
      await train(model, data, vocab, { ...silent, epochs: 2 })
      const perEpoch = model.states.length / 2
      model.states.forEach((state, i) => {
        const fresh = sampling === 'random' || i % perEpoch === 0
        expect(state === undefined).toBe(fresh)
        expect(state?.requiresGrad ?? false).toBe(false)
      })
    }
  })

  test('stops after the current step when aborted', async () => {
    const { data, vocab, model } = small()
    const abort = new AbortController()
    const report = (event: { step: number }) => {
      if (event.step === 7) abort.abort()
    }
    const result = await train(model, data, vocab, { report, epochs: 50, signal: abort.signal })
    expect(result).toMatchObject({ steps: 7, stopped: true, epochs: 0 })
  })

  test('lets timers run while it works', async () => {
    const { data, vocab, model } = small()
    let ticks = 0
    const timer = setInterval(() => ticks++, 5)
    await train(model, data, vocab, { ...silent, epochs: 30 })
    clearInterval(timer)
    expect(ticks).toBeGreaterThan(0)
  })

  test('a loss that is not finite stops it, and the last good epoch is kept', async () => {
    const { data, vocab, model } = small()
    await train(model, data, vocab, { ...silent, epochs: 2 })
    const good = Object.values(model.stateDict()).map(({ data }) => [...data])
    const exploding = new RNNModel(new RNN({ inputSize: vocab.size, hiddenSize: 16, nonlinearity: 'relu' }), vocab.size)
    exploding.loadStateDict(model.stateDict())
    const training = train(exploding, data, vocab, { ...silent, lr: 1e30, clip: Infinity, epochs: 3 })
    await expect(training).rejects.toThrow(DivergenceError)
    await expect(training).rejects.toThrow(
      /at step \d+ \(epoch 1\); the model keeps the parameters that it began with; try a smaller lr/,
    )
    expect(Object.values(exploding.stateDict()).map(({ data }) => [...data])).toEqual(good)
  })

  test('so does a loss of the held-out text that is not finite', async () => {
    const { data, vocab } = small()
    const rnn = new RNN({ inputSize: vocab.size, hiddenSize: 16, nonlinearity: 'relu' })
    const model = new RNNModel(rnn, vocab.size)
    // A token that training never sees gives scores beyond 32-bit floats.
    const [[name, weightIh]] = rnn.namedParameters()
    expect(name).toBe('weight_ih_l0')
    for (let unit = 0; unit < 16; unit++) weightIh.data[unit * vocab.size] = 1e38
    const corpus = new Uint8Array(40)
    const training = trainSteps(model, data, { epochs: 2, validation: { corpus } })
    const all = async () => {
      for await (const _ of training);
    }
    await expect(all()).rejects.toThrow(
      /trainSteps: the loss of the held-out text became (NaN|Infinity) at step \d+ \(epoch 1\)/,
    )
  })

  test.each([{ epochs: 0 }, { epochs: 1.5 }, { lr: Number.NaN }, { lr: -1 }, { clip: 0 }])(
    'refuses %o',
    async (wrong) => {
      const { data, vocab, model } = small()
      await expect(train(model, data, vocab, { ...silent, ...wrong })).rejects.toThrow(OptionError)
    },
  )
})

describe('evaluate', () => {
  test('is the loss without training; dropout is off, and the mode is restored', async () => {
    const { data, vocab } = small()
    const rnn = new GRU({ inputSize: vocab.size, hiddenSize: 8, numLayers: 2, dropout: 0.5 })
    const model = new RNNModel(rnn, vocab.size)
    const before = model.stateDict()
    const whole = new SequenceData(data.corpus, { batchSize: 4, numSteps: 6, generator: new Generator(1) })
    const again = new SequenceData(data.corpus, { batchSize: 4, numSteps: 6, generator: new Generator(1) })
    const [a, b] = [await evaluate(model, whole), await evaluate(model, again)]
    expect(a).toEqual(b)
    expect(a.perplexity).toBeCloseTo(Math.exp(a.loss))
    expect(model.training).toBe(true)
    expect(model.stateDict()).toEqual(before)
  })

  test('gives the loss of a model that guesses uniformly', async () => {
    const { data, vocab, model } = small()
    for (const parameter of model.parameters()) parameter.data.fill(0)
    expect((await evaluate(model, data)).perplexity).toBeCloseTo(vocab.size, 4)
  })
})

describe('evaluateCorpus', () => {
  const corpus = Uint8Array.from({ length: 53 }, (_, i) => (i * i) % 5)

  /** Token by token, each row from a state of zeros, in plain numbers. */
  async function oneByOne<S extends RecurrentState>(model: RNNModel<S>, rows: [from: number, to: number][]) {
    let sum = 0
    for (const [from, to] of rows) {
      let state: S | undefined
      for (let i = from; i < to; i++) {
        const { output, state: next } = model.forward(tensor([[corpus[i]]], { dtype: 'int32' }), state)
        state = next
        sum -= Number((output.logSoftmax().data as Float32Array)[corpus[i + 1]])
      }
    }
    return sum / (corpus.length - 1)
  }

  test('predicts each token once, with the state carried through the whole text', async () => {
    const model = new RNNModel(new LSTM({ inputSize: 5, hiddenSize: 7, numLayers: 2, dropout: 0.5 }), 5)
    model.eval()
    const expected = await oneByOne(model, [[0, 52]])
    model.train()
    const whole = await evaluateCorpus(model, corpus)
    for (const numSteps of [1, 7, 13, 52, 100]) {
      const { loss, tokens, perplexity, bitsPerToken } = await evaluateCorpus(model, corpus, { numSteps })
      expect(tokens).toBe(52)
      expect(Math.abs(loss - whole.loss)).toBeLessThan(1e-6)
      expect(bitsPerToken).toBeCloseTo(expected / Math.log(2), 4)
      expect(loss).toBeCloseTo(expected, 5)
      expect(perplexity).toBeCloseTo(Math.exp(expected), 4)
    }
    expect(model.training).toBe(true)
  })

  test('in rows: each from zeros, with the tokens left over after the last', async () => {
    const model = new RNNModel(new GRU({ inputSize: 5, hiddenSize: 6 }), 5)
    const expected = await oneByOne(model, [
      [0, 17],
      [17, 34],
      [34, 52],
    ])
    const { loss, tokens } = await evaluateCorpus(model, corpus, { batchSize: 3, numSteps: 5 })
    expect(tokens).toBe(52)
    expect(loss).toBeCloseTo(expected, 5)
    expect((await evaluateCorpus(model, corpus, { batchSize: 1000 })).tokens).toBe(52)
  })

  test('reports its progress, ends when aborted, and refuses what it cannot read', async () => {
    const model = new RNNModel(new RNN({ inputSize: 5, hiddenSize: 3 }), 5)
    const done: number[] = []
    const abort = new AbortController()
    const onProgress = (part: number) => {
      done.push(part)
      if (part > 0.5) abort.abort('enough')
    }
    const options = { numSteps: 10, signal: abort.signal, onProgress }
    await expect(evaluateCorpus(model, corpus, options)).rejects.toBe('enough')
    expect(done).toEqual([10 / 52, 20 / 52, 30 / 52])
    await expect(evaluateCorpus(model, corpus, options)).rejects.toBe('enough')
    await expect(calibrate(model, corpus, options)).rejects.toBe('enough')
    const data = new SequenceData(corpus, { batchSize: 2, numSteps: 5 })
    await expect(evaluate(model, data, { signal: abort.signal })).rejects.toBe('enough')
    expect(done.length).toBe(3)
    await expect(evaluateCorpus(model, corpus.subarray(0, 1))).rejects.toThrow('has 1 tokens, expected at least 2')
    await expect(evaluateCorpus(model, corpus, { numSteps: 0 })).rejects.toThrow(OptionError)
    await expect(evaluateCorpus(model, Uint8Array.of(1, 5, 2))).rejects.toThrow('5')
    const both = new RNNModel(new RNN({ inputSize: 5, hiddenSize: 3, bidirectional: true }), 5)
    await expect(evaluateCorpus(both, corpus)).rejects.toThrow('sees the tokens that it has to predict')
    expect(model.training).toBe(true)
  })
})

test('the report names the device that the model is on', async () => {
  const log = vi.spyOn(console, 'log').mockImplementation(() => {})
  const device = opaqueDevice(referenceKernels(), 3)
  const { data, vocab } = sequencesFromText('a text for a few steps. '.repeat(10), { batchSize: 2, numSteps: 5 })
  const model = new RNNModel(new GRU({ inputSize: vocab.size, hiddenSize: 4 }), vocab.size).to(device)
  await train(model, data, vocab, { epochs: 1, lr: 0.1 })
  const lines = log.mock.calls.flat()
  log.mockRestore()
  expect(lines).toContainEqual(expect.stringContaining(`tokens/sec on ${device.name}`))
})
