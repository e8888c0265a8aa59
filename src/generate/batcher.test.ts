import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { opaqueDevice } from '../../test/opaque-device.js'
import { DataError, OptionError } from '../core/errors.js'
import { Generator } from '../core/random.js'
import { Vocab } from '../data/vocab.js'
import { kernels, referenceKernels, useKernels, wasmKernels } from '../kernels/index.js'
import { GRU } from '../nn/gru.js'
import { LSTM } from '../nn/lstm.js'
import { RNNModel } from '../nn/model.js'
import type { RecurrentLayer } from '../nn/recurrent.js'
import { RNN } from '../nn/rnn.js'
import { Batcher } from './batcher.js'
import type { GenerateOptions } from './continuations.js'
import { generate, generateTokens, predictAll } from './generate.js'

const vocab = Vocab.of(['<unk>', ...'abcdefghij '])
const layers = {
  rnn: (options: object) => new RNN({ inputSize: vocab.size, hiddenSize: 10, ...options }),
  gru: (options: object) => new GRU({ inputSize: vocab.size, hiddenSize: 10, ...options }),
  lstm: (options: object) => new LSTM({ inputSize: vocab.size, hiddenSize: 10, ...options }),
}
/** A model with weights so large that texts depend on all that was read. */
function make(cell: keyof typeof layers = 'lstm', options: object = {}): RNNModel {
  const generator = new Generator(5)
  const model = new RNNModel(layers[cell]({ ...options, generator }) as RecurrentLayer, vocab.size, { generator })
  for (const { data } of model.parameters()) data.set(data.map((value) => 3 * value))
  return model as RNNModel
}

async function all<T>(pieces: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const piece of pieces) list.push(piece)
  return list
}

interface Wanted {
  options: Omit<GenerateOptions, 'generator' | 'signal'>
  seed: number
  /** Turns of the event loop before it begins. */
  after: number
}
const wanted: fc.Arbitrary<Wanted> = fc.record({
  seed: fc.nat(1000),
  after: fc.nat(6),
  options: fc.record(
    {
      prefix: fc.string({ unit: fc.constantFrom(...'abcdefghij '), minLength: 1, maxLength: 12 }),
      length: fc.nat(40),
      temperature: fc.constantFrom(0, 0.5, 1, 1.5),
      stop: fc.constantFrom('a', 'bc', ' d'),
      repetitionPenalty: fc.constantFrom(1, 1.3),
    },
    { requiredKeys: ['prefix', 'length', 'temperature'] },
  ),
})
const alone = ({ options, seed }: Wanted, model: RNNModel) =>
  all(generateTokens(model, vocab, { ...options, generator: new Generator(seed) }))

const turn = () => new Promise((resolve) => setTimeout(resolve, 0))

describe.each([
  ['wasm', () => wasmKernels({ threads: 2 })],
  ['reference', () => referenceKernels()],
])('with %s kernels', (_, kernelsOf) => {
  test.each([
    ['rnn', {}],
    ['gru', { numLayers: 2 }],
    ['lstm', {}],
    ['lstm', { layerNorm: true }],
  ] as const)('each request of a %s %j has the text that it has alone', async (cell, options) => {
    const before = kernels()
    useKernels(kernelsOf())
    try {
      const model = make(cell, options)
      await fc.assert(
        fc.asyncProperty(
          fc.array(wanted, { minLength: 1, maxLength: 14 }),
          fc.constantFrom(1, 3, 9),
          async (requests, maxBatch) => {
            const batcher = new Batcher(model, vocab, { maxBatch })
            const texts = await Promise.all(
              requests.map(async ({ options, seed, after }) => {
                for (let i = 0; i < after; i++) await turn()
                return all(batcher.generateTokens({ ...options, generator: new Generator(seed) }))
              }),
            )
            batcher.close()
            for (const [i, request] of requests.entries()) expect(texts[i]).toEqual(await alone(request, model))
          },
        ),
        { numRuns: 8 },
      )
    } finally {
      useKernels(before)
    }
  })
})

test('on a device that is read asynchronously, a reader may leave while a step is in progress', async () => {
  const model = make()
  const expected = await alone({ options: { prefix: 'abc', length: 30, temperature: 1 }, seed: 2, after: 0 }, model)
  const remote = make().to(opaqueDevice(kernels(), 1))
  const batcher = new Batcher(remote, vocab)
  const leaver = (async () => {
    let seen = 0
    for await (const _ of batcher.generate({ prefix: 'd', length: 30 })) if (++seen === 5) break
  })()
  const short = all(batcher.generate({ prefix: 'e', length: 3 }))
  const text = await all(
    batcher.generateTokens({ prefix: 'abc', length: 30, temperature: 1, generator: new Generator(2) }),
  )
  await Promise.all([leaver, short])
  expect(text.map(({ token }) => token)).toEqual(expected.map(({ token }) => token))
  batcher.close()
})

describe('a batcher', () => {
  test('lets a slow reader wait without making everything ahead, and others go on', async () => {
    const model = make()
    const batcher = new Batcher(model, vocab, { maxBatch: 1 })
    const slow = batcher.generate({ prefix: 'a', length: 5000, temperature: 1, generator: new Generator(1) })
    const first = (await slow.next()).value
    // The only row is taken until the slow one is far enough ahead of its reader.
    expect((await all(batcher.generate({ prefix: 'b', length: 20 }))).length).toBe(20)
    const pieces = await all(slow)
    const expected = await all(
      generate(model, vocab, { prefix: 'a', length: 5000, temperature: 1, generator: new Generator(1) }),
    )
    expect([first, ...pieces]).toEqual(expected)
    batcher.close()
  })

  test.each([1, 3])('%i quick readers leave the event loop its turns', async (readers) => {
    const batcher = new Batcher(make(), vocab)
    let turns = 0
    const timer = setInterval(() => turns++, 1)
    await Promise.all(Array.from({ length: readers }, () => all(batcher.generate({ prefix: 'a', length: 40_000 }))))
    clearInterval(timer)
    expect(turns).toBeGreaterThan(0)
    batcher.close()
  })

  test.each([1, 5, 30, 66])('a text that is aborted after %i of 67 pieces ends there, with the reason', async (at) => {
    const batcher = new Batcher(make(), vocab)
    const abort = new AbortController()
    let seen = 0
    const reading = (async () => {
      for await (const _ of batcher.generate({ prefix: 'a', length: 67, signal: abort.signal })) {
        if (++seen === at) abort.abort(new Error('left'))
      }
    })()
    await expect(reading).rejects.toThrow('left')
    expect(seen).toBe(at)
    batcher.close()
  })

  test('an abort ends one request with its reason, and a break another; the rest go on', async () => {
    const model = make()
    const batcher = new Batcher(model, vocab)
    const abort = new AbortController()
    const aborted = (async () => {
      for await (const _ of batcher.generate({ prefix: 'a', length: 1e6, signal: abort.signal }))
        abort.abort(new Error('enough'))
    })()
    const broken = (async () => {
      for await (const _ of batcher.generate({ prefix: 'b', length: 1e6 })) break
    })()
    const rest = all(batcher.generate({ prefix: 'c', length: 100 }))
    await expect(aborted).rejects.toThrow('enough')
    await broken
    expect(await rest).toEqual(await all(generate(model, vocab, { prefix: 'c', length: 100 })))
    expect(batcher.size).toBe(0)
    await expect(all(batcher.generate({ prefix: 'c', signal: AbortSignal.abort(new Error('never')) }))).rejects.toThrow(
      'never',
    )
    batcher.close()
  })

  test('refuses a wrong request, and the others do not notice', async () => {
    const batcher = new Batcher(make(), vocab)
    const good = all(batcher.generate({ prefix: 'a', length: 30 }))
    await expect(all(batcher.generate({ prefix: 'xyz' }))).rejects.toThrow(DataError)
    await expect(all(batcher.generate({ prefix: 'a', length: -1 }))).rejects.toThrow(/^Batcher.generate: length is -1/)
    await expect(all(batcher.generate({ prefx: 'a' } as never))).rejects.toThrow(/did you mean prefix/)
    expect(await all(batcher.generate({ prefix: 'a', length: 0 }))).toEqual([])
    expect(await good).toHaveLength(30)
    batcher.close()
    expect(() => new Batcher(make(), vocab, { maxBatch: 0 })).toThrow(/^Batcher: maxBatch is 0/)
    expect(() => new Batcher(make(), Vocab.count('ab'))).toThrow(OptionError)
  })

  test('scores that are not finite end the texts that they are for, and no others', async () => {
    const model = make()
    const poisoned = vocab.encode('j')[0]
    // The first layer's gates are NaN where it reads a j.
    const { weight_ih_l0 } = model.rnn as LSTM
    for (let gate = 0; gate < 40; gate++) weight_ih_l0.data[gate * vocab.size + poisoned] = Number.NaN
    model.linear.bias!.data[poisoned] = -1000
    const batcher = new Batcher(model, vocab)
    const [bad, good] = [
      all(batcher.generate({ prefix: 'j', length: 5 })),
      all(batcher.generate({ prefix: 'a', length: 5 })),
    ]
    await expect(bad).rejects.toThrow(DataError)
    expect(await good).toHaveLength(5)
    // A row that had NaN is reset for the next text.
    const again = await all(batcher.generate({ prefix: 'b', length: 5 }))
    expect(again).toEqual(await all(generate(model, vocab, { prefix: 'b', length: 5 })))
    batcher.close()
  })

  test('closing it ends the waiting readers with an error, and it takes no more', async () => {
    const batcher = new Batcher(make(), vocab, { maxBatch: 1 })
    const reading = batcher.generate({ prefix: 'a', length: 1e6 })
    await reading.next()
    const waiting = all(batcher.generate({ prefix: 'b', length: 5 }))
    batcher.close()
    batcher.close()
    await expect(waiting).rejects.toThrow(/the batcher was closed/)
    await expect(all(reading)).rejects.toThrow(/the batcher was closed/)
    await expect(all(batcher.generate())).rejects.toThrow(/the batcher was closed/)
  })

  test('a step that fails ends the current texts, and later readers get theirs', async () => {
    const model = make()
    const expected = await all(generate(model, vocab, { prefix: 'c', length: 9 }))
    const stepper = model.stepper.bind(model)
    let fail = false
    model.stepper = (batchSize) => {
      const inner = stepper(batchSize)
      const step = inner.step.bind(inner)
      inner.step = (tokens, count) => {
        if (fail) throw new Error('device lost')
        return step(tokens, count)
      }
      return inner
    }
    const batcher = new Batcher(model, vocab, { maxBatch: 2 })
    fail = true
    const lost = await Promise.allSettled(['a', 'b', 'c'].map((prefix) => all(batcher.generate({ prefix, length: 9 }))))
    expect(lost.map((one) => one.status)).toEqual(['rejected', 'rejected', 'rejected'])
    fail = false
    const again = await Promise.all(['a', 'b', 'c'].map((prefix) => all(batcher.generate({ prefix, length: 9 }))))
    expect(again[2]).toEqual(expected)
    expect(batcher.size).toBe(0)
    batcher.close()
  })

  test('gives its memory back', async () => {
    const model = make('gru')
    const use = async () => {
      const batcher = new Batcher(model, vocab, { maxBatch: 8 })
      await Promise.all([...'abcdefghij'].map((prefix) => all(batcher.generate({ prefix, length: 20 }))))
      batcher.close()
    }
    await use()
    const bytes = kernels().memoryBytes()
    for (let i = 0; i < 50; i++) await use()
    expect(kernels().memoryBytes()).toBe(bytes)
  })
})

test('texts of unequal length side by side are those of each alone', async () => {
  const model = make('gru')
  const prefixes = ['a', 'abcdefghij', 'bb', 'the'.replace(/[^a-j]/g, ' ')]
  const together = await predictAll(prefixes, 25, model, vocab)
  for (const [i, prefix] of prefixes.entries()) {
    expect(together[i]).toBe(prefix + (await all(generate(model, vocab, { prefix, length: 25 }))).join(''))
  }
})
