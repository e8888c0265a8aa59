import { describe, expect, test } from 'vitest'
import { UnrolledError } from '../core/errors.js'
import { Generator } from '../core/random.js'
import { LabelledData } from '../data/labels/labelled-data.js'
import { type LabelledText, labelledTexts } from '../data/labels/labelled-texts.js'
import { GRU } from '../nn/gru.js'
import { LSTM } from '../nn/lstm.js'
import { SequenceClassifier } from '../nn/sequence-classifier.js'
import { SequenceTagger } from '../nn/sequence-tagger.js'
import { fromData, tensor } from '../tensor/create.js'
import { crossEntropy } from '../tensor/losses.js'
import { classify, evaluateLabels, tag } from './labeller.js'
import { labelling } from './labelling.js'
import { labelTraining, trainLabels } from './train-labels.js'

/** Letters with one x among them; the label says whether more of them stand before it than after. */
function examples(count: number, perToken: boolean): LabelledText[] {
  const generator = new Generator(4)
  return Array.from({ length: count }, () => {
    const text = Array.from({ length: 3 + generator.integer(8) }, () => 'abc'[generator.integer(3)])
    const at = generator.integer(text.length)
    text[at] = 'x'
    if (!perToken) return { text: text.join(''), label: at > (text.length - 1) / 2 ? 'late' : 'early' }
    return { text, label: text.map((_, i) => (i < at ? 'before' : 'after')) }
  })
}

const classified = () =>
  labelledTexts(examples(300, false), { validation: 0.1, test: 0.2, generator: new Generator(1) })
const tagged = () => labelledTexts(examples(300, true), { validation: 0.1, test: 0.2, generator: new Generator(1) })

function classifier(seed = 0) {
  const generator = new Generator(seed)
  const rnn = new LSTM({ inputSize: 4, hiddenSize: 12, bidirectional: true, generator })
  return new SequenceClassifier(rnn, 5, 2, { embeddingSize: 4, inputDropout: 0.1, outputDropout: 0.1, generator })
}

function tagger(seed = 0) {
  const generator = new Generator(seed)
  return new SequenceTagger(new GRU({ inputSize: 5, hiddenSize: 8, bidirectional: true, generator }), 5, 2, {
    generator,
  })
}

/** One sequence of 20,000 tokens among 255 short ones, with labels that the lengths do not tell. */
const uneven = () =>
  new LabelledData(
    Array.from({ length: 256 }, (_, i) => {
      const tokens = Int32Array.from({ length: i === 100 ? 20_000 : 1 + (i % 7) }, (_, step) => (i + step * step) % 5)
      return { tokens, label: i % 2, place: `row ${i}` }
    }),
    2,
  )

describe('a long sequence among short ones', () => {
  test('is evaluated with no larger batches than it is trained in, and every result stays in its place', async () => {
    const data = uneven()
    const generator = new Generator(3)
    const model = new SequenceClassifier(new GRU({ inputSize: 4, hiddenSize: 12, generator }), 5, 2, {
      ...{ embeddingSize: 4, generator },
    })
    // Of each sequence by itself: the score of label 1 beside that of label 0.
    const alone: number[] = []
    for (const { tokens } of data.sequences) {
      const [[a, b]] = (await model
        .forward(tensor([[...(tokens as Int32Array)]], { dtype: 'int32' }))
        .toArray()) as number[][]
      alone.push(1 / (1 + Math.exp(a - b)))
    }
    const passes: number[] = []
    const forward = model.forward.bind(model)
    model.forward = (x, options) => {
      passes.push(x.size)
      return forward(x, options)
    }
    const vocab = labelledTexts(['abc', 'abd'].map((text) => ({ text, label: text }))).vocab
    const spec = { labels: ['no', 'yes'], clean: false, lowercase: false }
    const texts = data.sequences.map(({ tokens }) => vocab.decode(tokens as Int32Array))
    const given = await classify({ model, vocab, spec }, texts)
    const { loss, confusion } = await evaluateLabels(model, data)
    const longest = 20_000
    expect(Math.max(...passes)).toBeLessThanOrEqual(data.batchSize * longest)
    for (const [i, p] of alone.entries()) expect(given[i].probabilities[1]).toBeCloseTo(p, 5)
    const losses = alone.map((p, i) => -Math.log(i % 2 ? p : 1 - p))
    expect(loss).toBeCloseTo(losses.reduce((sum, one) => sum + one, 0) / 256, 5)
    const right = alone.filter((p, i) => Number(p > 0.5) === i % 2).length
    expect(confusion[0][0] + confusion[1][1]).toBe(right)
  })

  test('is named where the memory is too small for it', async () => {
    const model = classifier()
    const { forward } = model
    model.forward = (x, options) => {
      if (x.shape[1] < 20_000) return forward.call(model, x, options)
      throw new UnrolledError('kernels: 7169 MB of memory are needed', [], 'no-memory')
    }
    await expect(evaluateLabels(model, uneven())).rejects.toThrow(
      /^row 100 has 20000 tokens, for which the memory is too small \(kernels: 7169 MB .*\); shorten it, or train with a smaller maxTokens$/,
    )
  })
})

describe('labelling', () => {
  test('the held-out loss is the mean over all labels, each sequence by itself', async () => {
    // Batches of 256 differ in their lengths and in their losses.
    const sequences = Array.from({ length: 270 }, (_, i) => {
      const tokens = Int32Array.from({ length: i < 256 ? 1 : 9 }, (_, step) => (i + step) % 5)
      return { tokens, label: tokens.map(() => (i < 256 ? 0 : 1)) }
    })
    const train = new LabelledData(sequences, 2)
    const model = tagger()
    await model.linear.bias!.copy_([0.5, -0.5])
    const loss = await labelling.validate(model, train, train, undefined)
    let [sum, count] = [0, 0]
    for (const { tokens, label } of train.sequences) {
      const scores = model.forward(tensor([[...(tokens as Int32Array)]], { dtype: 'int32' }))
      const targets = fromData(Int32Array.from(label as Int32Array), [tokens.length])
      sum += await crossEntropy(scores.reshape(-1, 2), targets, { reduction: 'sum' }).item()
      count += tokens.length
    }
    expect(loss).toBeCloseTo(sum / count, 5)
  })

  test('an evaluation compares the likeliest label of each text, or of each token', async () => {
    const { train } = labelledTexts(examples(270, true))
    const model = tagger()
    let right = 0
    for (const { tokens, label } of train.sequences) {
      const best = model.predict(tensor([[...(tokens as Int32Array)]], { dtype: 'int32' })).data
      right += best.filter((one, i) => one === (label as Int32Array)[i]).length
    }
    const { accuracy, count, loss } = await evaluateLabels(model, train)
    expect(count).toBe(train.sequences.reduce((sum, { tokens }) => sum + tokens.length, 0))
    expect(accuracy).toBeCloseTo(right / count, 10)
    expect(loss).toBeCloseTo(await labelling.validate(model, train, train, undefined), 6)
  })

  test('a classifier and a tagger learn what n-grams cannot tell, and label new texts', async () => {
    const one = await trainLabels(classifier(), classified(), { epochs: 30 })
    expect((await evaluateLabels(one.model, classified().test!)).accuracy).toBeGreaterThan(0.9)
    const texts = ['xabcabcab', 'abcabcabx']
    const made = await classify(one, texts)
    expect(made.map(({ label }) => label)).toEqual(['early', 'late'])
    for (const { probabilities } of made) expect(probabilities[0] + probabilities[1]).toBeCloseTo(1, 5)
    // A text has the same label whatever stands beside it.
    expect((await classify(one, [texts[1]]))[0].probabilities[1]).toBeCloseTo(made[1].probabilities[1], 5)

    const each = await trainLabels(tagger(), tagged(), { epochs: 20 })
    expect((await evaluateLabels(each.model, tagged().test!)).accuracy).toBeGreaterThan(0.95)
    expect(await tag(each, ['abxc', 'xa'])).toEqual([
      ['before', 'before', 'after', 'after'],
      ['after', 'after'],
    ])
  })

  test.each([
    ['classifier', classifier, classified],
    ['tagger', tagger, tagged],
  ] as const)('a %s goes on from a snapshot to the same bits', async (_, make, read) => {
    const training = (seed: number) => {
      const { train, validation } = read()
      const data = new LabelledData(train.sequences, 2, { generator: new Generator(seed) })
      return labelTraining(make(seed), { train: data, validation }, { epochs: 3 })
    }
    const whole = training(1)
    for await (const _ of whole.run());
    const half = training(1)
    for await (const event of half.run()) if (event.step === 9) break
    const again = training(7)
    again.restore(half.snapshot())
    for await (const _ of again.run());
    const values = ({ model }: typeof whole) => Object.values(model.stateDict()).map(({ data }) => [...data])
    expect(values(again)).toEqual(values(whole))
  })

  test('says in one sentence what does not fit together', async () => {
    const refused = (...given: unknown[]) => expect(trainLabels(given[0] as never, given[1] as never)).rejects
    await refused(tagger(), classified()).toThrow(
      /^trainLabels: data has one label for each sequence, expected a label for each token, for a SequenceTagger$/,
    )
    const generator = new Generator(0)
    const three = new SequenceClassifier(new GRU({ inputSize: 5, hiddenSize: 3, generator }), 5, 3, { generator })
    await refused(three, classified()).toThrow(/^trainLabels: data has 2 labels, expected 3, as many as the model$/)
    const four = new SequenceClassifier(new GRU({ inputSize: 4, hiddenSize: 3, generator }), 4, 2, { generator })
    await refused(four, classified()).toThrow(
      /^trainLabels: data: sequence \d+ has the token 4, expected 0 to 3, as many/,
    )
    await refused(new GRU({ inputSize: 4, hiddenSize: 3 }), classified()).toThrow(
      /^trainLabels: model is .*, expected a SequenceClassifier or a SequenceTagger$/,
    )
    const { vocab, spec } = classified()
    await expect(classify({ model: classifier(), vocab, spec }, ['a', ''])).rejects.toThrow(
      /^classify: text 1 has no tokens, expected at least one$/,
    )
    await expect(classify({ model: four, vocab, spec }, ['a'])).rejects.toThrow(
      /^classify: the model has 4 tokens and 2 labels, expected 5 and 2, as many as its vocabulary and its spec$/,
    )
  })
})
