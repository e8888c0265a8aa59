import { describe, expect, test } from 'vitest'
import { Generator } from '../../core/random.js'
import { LabelledData, NO_LABEL } from './labelled-data.js'
import { type LabelledText, labelledTexts } from './labelled-texts.js'
import { labelMetrics } from './metrics.js'
import { readLabels, readLabelsFor } from './read-labels.js'

describe('labelMetrics', () => {
  test('gives the values of the examples in scikit-learn’s documentation', () => {
    // f1_score, average='macro': 0.267; precision_score: 0.22; recall_score: 0.33
    const { macroF1, perLabel, accuracy } = labelMetrics([0, 1, 2, 0, 1, 2], [0, 2, 1, 0, 0, 1], 3)
    expect(macroF1).toBeCloseTo(0.8 / 3, 12)
    expect(accuracy).toBeCloseTo(1 / 3, 12)
    const mean = (key: 'precision' | 'recall') => perLabel.reduce((sum, scores) => sum + scores[key], 0) / 3
    expect(mean('precision')).toBeCloseTo(2 / 9, 12)
    expect(mean('recall')).toBeCloseTo(1 / 3, 12)
    // confusion_matrix
    expect(labelMetrics([2, 0, 2, 2, 0, 1], [0, 0, 2, 2, 0, 2], 3).confusion).toEqual([
      [2, 0, 0],
      [0, 0, 1],
      [1, 0, 2],
    ])
  })

  test('agrees with the definitions on random labels', () => {
    const generator = new Generator(1)
    const draw = () => Array.from({ length: 500 }, () => generator.integer(4))
    const [truth, given] = [draw(), draw()]
    const made = labelMetrics(truth, given, 6)
    const count = (fits: (t: number, g: number) => boolean) => truth.filter((t, i) => fits(t, given[i])).length
    expect(made.accuracy).toBe(count((t, g) => t === g) / 500)
    const scores = [0, 1, 2, 3].map((label) => {
      const right = count((t, g) => t === label && g === label)
      const precision = right / count((_, g) => g === label)
      const recall = right / count((t) => t === label)
      return {
        precision,
        recall,
        f1: (2 * precision * recall) / (precision + recall),
        support: count((t) => t === label),
      }
    })
    for (const [label, { precision, recall, f1, support }] of scores.entries()) {
      const own = made.perLabel[label]
      expect([own.precision, own.recall, own.support]).toEqual([precision, recall, support])
      expect(own.f1).toBeCloseTo(f1, 12)
    }
    // Labels 4 and 5 occur nowhere and do not count.
    expect(made.macroF1).toBeCloseTo(scores.reduce((sum, { f1 }) => sum + f1, 0) / 4, 12)
    expect(made.perLabel[5]).toEqual({ precision: 0, recall: 0, f1: 0, support: 0 })
    for (let t = 0; t < 4; t++)
      for (let g = 0; g < 4; g++) expect(made.confusion[t][g]).toBe(count((a, b) => a === t && b === g))
  })

  test('refuses what cannot be compared', () => {
    expect(() => labelMetrics([], [], 2)).toThrow(/^labelMetrics: there are 0 true and 0 predicted labels, expected/)
    expect(() => labelMetrics([0], [2], 2)).toThrow(
      /^labelMetrics: predicted\[0\] is 2, expected a whole number from 0 to 1$/,
    )
  })
})

describe('LabelledData', () => {
  const sequences = Array.from({ length: 11 }, (_, i) => ({ tokens: [i, i, i].slice(0, 1 + (i % 3)), label: i % 2 }))

  test('a pass has whole batches, each sequence at most once with its label, and begins where it is asked to', () => {
    const data = new LabelledData(sequences, 2, { batchSize: 4, generator: new Generator(3) })
    const state = data.generator.state
    const batches = [...data.batches()]
    expect(batches.length).toBe(2)
    const seen = new Set<number>()
    for (const { x, y, lengths } of batches) {
      expect(x.shape).toEqual([4, Math.max(...lengths)])
      for (let row = 0; row < 4; row++) {
        const token = x.data[row * x.shape[1]]
        seen.add(token)
        expect([lengths[row], y.data[row]]).toEqual([1 + (token % 3), token % 2])
      }
    }
    expect(seen.size).toBe(8)
    data.generator.state = state
    expect([...data.batches(1)][0].x.data).toEqual(batches[1].x.data)
    expect([...data.inOrder(4)].flatMap(({ y }) => [...y.data])).toEqual(sequences.map(({ label }) => label))
  })

  test('labels of tokens are padded with what crossEntropy ignores', () => {
    const tagged = [
      { tokens: [1, 2, 3], label: [0, 1, 0] },
      { tokens: [4], label: [1] },
    ]
    const { y } = new LabelledData(tagged, 2).batch([0, 1])
    expect(Array.from(y.data)).toEqual([0, 1, 0, 1, NO_LABEL, NO_LABEL])
  })

  test('refuses sequences that are not labelled alike', () => {
    const refused = (sequence: object) => () => new LabelledData([{ tokens: [1], label: 0 }, sequence] as never, 2)
    expect(refused({ tokens: [], label: 0 })).toThrow(/^LabelledData: sequence 1 has no tokens, expected at least one$/)
    expect(refused({ tokens: [1], label: 2 })).toThrow(
      /sequence 1 has the label 2, expected a whole number from 0 to 1$/,
    )
    expect(refused({ tokens: [1], label: [1] })).toThrow(
      /has a label for each token, expected one label, like sequence 0$/,
    )
    expect(() => new LabelledData([{ tokens: [1, 2], label: [1] }], 2)).toThrow(
      /^LabelledData: sequence 0 has 2 tokens and 1 labels, expected as many of both$/,
    )
    expect(() => new LabelledData([], 2)).toThrow(/^LabelledData: there are no sequences, expected at least one$/)
  })
})

describe('labelledTexts', () => {
  const examples = Array.from(
    { length: 60 },
    (_, i): LabelledText => ({ text: `text ${i} !`, label: i < 50 ? 'a' : 'b' }),
  )

  test('holds out the same share of each label, and counts the vocabulary of the training part alone', () => {
    const { train, validation, test, vocab, spec } = labelledTexts(examples, {
      tokens: 'word',
      validation: 0.2,
      test: 0.1,
    })
    const counts = [train, validation!, test!].map(({ sequences }) =>
      [0, 1].map((label) => sequences.filter((one) => one.label === label).length),
    )
    expect(counts).toEqual([
      [35, 7],
      [10, 2],
      [5, 1],
    ])
    expect(spec.labels).toEqual(['a', 'b'])
    // Each text has a number of its own, which only the training part may bring into the vocabulary.
    expect(vocab.size).toBe(1 + 2 + 42)
    expect(validation!.sequences.every(({ tokens }) => tokens[1] === vocab.unk)).toBe(true)
    const again = labelledTexts(examples, { tokens: 'word', validation: 0.2, test: 0.1 })
    expect(again.validation!.sequences).toEqual(validation!.sequences)
  })

  test('cleans, cuts and numbers: labels that are numbers in their order', () => {
    const made = labelledTexts(
      [
        { text: 'A B', label: '10' },
        { text: 'b a a', label: '9' },
      ],
      { lowercase: true, maxTokens: 2 },
    )
    expect(made.spec.labels).toEqual(['9', '10'])
    expect(made.train.sequences.map(({ tokens }) => made.vocab.decode(tokens as Int32Array).join(''))).toEqual([
      'a ',
      'b ',
    ])
    const tagged = labelledTexts([{ text: ['New', 'York', 'is'], label: ['place', 'place', 'no'] }], { tokens: 'word' })
    expect(tagged.train.sequences[0].label).toEqual(Int32Array.of(1, 1, 0))
  })

  test('says in one sentence what does not fit', () => {
    const refused =
      (...given: object[]) =>
      () =>
        labelledTexts(given as never)
    expect(refused({ text: 'x', label: 'a' }, { text: 'y', label: 'a' })).toThrow(
      /^labelledTexts: all labels are "a", expected at least two different ones$/,
    )
    expect(refused({ text: ' ', label: 'a' })).toThrow(/^labelledTexts: example 0: the text is empty, expected/)
    expect(refused({ text: 'x', label: 'a' }, { text: 'y', label: '' })).toThrow(
      /example 1: the label is empty, expected one/,
    )
    expect(refused({ text: 'x', label: 1 })).toThrow(/example 0: label is 1, expected a string, or an array/)
    expect(refused({ text: 'x y', label: ['a', 'b'] })).toThrow(/there are 2 labels for a string, expected an array/)
    expect(refused()).toThrow(/^labelledTexts: there are no texts, expected at least two$/)
    expect(() => labelledTexts(examples, { clean: true, validation: 0.6, test: 0.4 })).toThrow(
      /^labelledTexts: validation and test are 0.6 and 0.4, expected less than 1 together/,
    )
    expect(() => labelledTexts(examples, { validation: 0.01 })).toThrow(/less than one text of any label/)
    const signs = [
      { text: '123', label: 'a' },
      { text: 'x', label: 'b' },
    ]
    expect(() => labelledTexts(signs, { clean: true })).toThrow(/example 0: nothing is left of the text/)
  })
})

describe('readLabels', () => {
  const csv = 'stars,review\n5,"Good, very good"\n1,bad\n'
  const columns = { textColumn: 'review', labelColumn: 'stars' }

  test('reads two columns', async () => {
    const { train, vocab, spec } = await readLabels(csv, 'x.csv', { ...columns, tokens: 'word' })
    expect(spec.labels).toEqual(['1', '5'])
    expect(train.sequences.map(({ label }) => label)).toEqual([1, 0])
    expect(vocab.join(vocab.decode(train.sequences[0].tokens as Int32Array))).toBe('Good, very good')
  })

  test('says in one sentence what does not fit, with the row', async () => {
    const refused = (text: string, options = columns) => expect(readLabels(text, 'x.csv', options)).rejects
    await refused(csv, { ...columns, textColumn: 'text' }).toThrow(
      /^x\.csv: there is no column text for textColumn, expected one of stars, review$/,
    )
    await refused(csv, { textColumn: 'stars', labelColumn: 'stars' }).toThrow(/are both stars, expected two columns$/)
    await refused('stars,review\n5,a\n5,b').toThrow(/^x\.csv: all labels are "5", expected at least two/)
    await refused('stars,review\n5,a\n1,').toThrow(/^x\.csv: row 3: the text is empty, expected some tokens/)
    await refused('stars,review\n5,a\n,b').toThrow(/^x\.csv: row 3: the label is empty/)
    await refused('stars,review\n5,a,b\n').toThrow(/^x\.csv: row 2 has 3 cells, expected 2/)
    await refused('').toThrow(/^x\.csv: the file is empty/)
    const rare = 'stars,review\n5,a\n5,b\n1,c\n1,d\n3,e'
    expect((await readLabels(rare, 'x.csv', columns)).spec.labels).toEqual(['1', '3', '5'])
    await refused(rare, { ...columns, test: 0.5 } as typeof columns).toThrow(
      /^x\.csv: row 6: no other row has the label "3", expected two or more, so that one can be held out/,
    )
  })
})

describe('readLabelsFor', () => {
  const rows = Array.from({ length: 20 }, (_, i) => `${['a b', 'b c', 'c d'][i % 3]} ${i},${['x', 'z', 'y'][i % 3]}`)
  const csv = ['text,label', ...rows].join('\n')
  const shares = { validation: 0.2, test: 0.3 }
  const read = () => readLabels(csv, 'x.csv', { textColumn: 'text', labelColumn: 'label', tokens: 'word', ...shares })

  test('reads the same table to the same parts', async () => {
    const { train, validation, test, ...known } = await read()
    const again = await readLabelsFor(known, csv, 'x.csv')
    const parts = [train, validation, test].map((part) => part!.sequences)
    expect([again.train, again.validation, again.test].map((part) => part!.sequences)).toEqual(parts)
    expect(known.spec.read).toEqual({ textColumn: 'text', labelColumn: 'label', ...shares })
    expect(again.spec).toEqual(known.spec)
  })

  test('numbers labels and tokens as the model does, also in a table of one label', async () => {
    const known = await read()
    const none = { validation: 0, test: 0 }
    const { train } = await readLabelsFor(known, 'kind,said\nz,c unheard\nz,a', 'new.csv', {
      ...{ textColumn: 'said', labelColumn: 'kind', ...none },
    })
    const { vocab } = known
    expect(train.sequences.map(({ label }) => label)).toEqual([2, 2])
    expect(train.sequences.map(({ tokens }) => [...(tokens as Int32Array)])).toEqual(
      [[...vocab.encode(['c']), vocab.unk], vocab.encode(['a'])].map((tokens) => [...tokens]),
    )
    await expect(readLabelsFor(known, 'text,label\na,x\nb,w', 'new.csv', none)).rejects.toThrow(
      /^new\.csv: row 3: the label is "w", which the model was not trained on, expected one of x, y, z$/,
    )
  })

  test('needs the columns, which a model of examples in memory does not have', async () => {
    const { vocab, spec } = labelledTexts([
      { text: 'a', label: 'x' },
      { text: 'b', label: 'y' },
    ])
    await expect(readLabelsFor({ vocab, spec }, csv, 'x.csv')).rejects.toThrow(/expected textColumn and labelColumn$/)
  })
})
