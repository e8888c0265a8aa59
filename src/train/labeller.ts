import { checkArgument, checkStrings } from '../core/check.js'
import { checkOptions } from '../core/check-options.js'
import { DataError } from '../core/errors.js'
import { Turns } from '../core/turn.js'
import { cuts, type LabelledBatch, type LabelledData, tokenBatch } from '../data/labels/labelled-data.js'
import { type LabelSpec, tokensIn } from '../data/labels/labelled-texts.js'
import { type LabelMetrics, labelMetrics } from '../data/labels/metrics.js'
import { checkVocab, type Vocab } from '../data/vocab.js'
import type { TrainingRecord } from '../formats/model-config.js'
import { LabelModel } from '../nn/label-model.js'
import { SequenceClassifier } from '../nn/sequence-classifier.js'
import { SequenceTagger } from '../nn/sequence-tagger.js'
import { noGrad } from '../tensor/autograd.js'
import { bestOf, checkLabelled, labelling, scoresOf, sideBySide } from './labelling.js'

/** A model with what it needs to label texts. */
export interface Labeller<M extends LabelModel = LabelModel> {
  model: M
  vocab: Vocab
  spec: LabelSpec
  /** How it was trained, for people to read; absent unless a run trained it. */
  training?: TrainingRecord
}

/** The label of a text. */
export interface Classified {
  label: string
  /** That of each label, in the order of the spec's labels. */
  probabilities: number[]
}

/** Options of `classify`. */
export interface ClassifyOptions {
  /** Names a text in messages by its place among the texts. Default: its number, from 0. */
  place?: (i: number) => string
  signal?: AbortSignal
}

/**
 * The likeliest label of each text, with the probabilities of all.
 * @throws DataError for a text without tokens; the signal's reason
 */
export async function classify(
  labeller: Labeller<SequenceClassifier>,
  texts: readonly (string | readonly string[])[],
  options: ClassifyOptions = {},
): Promise<Classified[]> {
  const { model } = Object(labeller) as typeof labeller
  checkArgument('classify', 'model', model, model instanceof SequenceClassifier, 'a SequenceClassifier')
  checkOptions('classify', options, { place: 'function', signal: 'signal' })
  const made: Classified[] = []
  const turns = new Turns()
  for (const batch of batches('classify', labeller, texts, options.place)) {
    await turns.take()
    options.signal?.throwIfAborted()
    const scores = model.inEval(() => noGrad(() => scoresOf(model, batch).softmax()))
    for (const probabilities of (await scores.toArray()) as number[][]) {
      const best = probabilities.indexOf(Math.max(...probabilities))
      made.push({ label: labeller.spec.labels[best], probabilities })
    }
  }
  return made
}

/**
 * The likeliest label of each token of texts; only the first tokens of a text have one if the spec has `maxTokens`.
 * @throws DataError for a text without tokens
 */
export async function tag(
  labeller: Labeller<SequenceTagger>,
  texts: readonly (string | readonly string[])[],
): Promise<string[][]> {
  const { model } = Object(labeller) as typeof labeller
  checkArgument('tag', 'model', model, model instanceof SequenceTagger, 'a SequenceTagger')
  const made: string[][] = []
  for (const batch of batches('tag', labeller, texts)) {
    const best = await bestOf(model, batch).values()
    const steps = batch.x.shape[1]
    for (const [row, length] of batch.lengths.entries()) {
      made.push(Array.from(best.subarray(row * steps, row * steps + length), (number) => labeller.spec.labels[number]))
    }
  }
  return made
}

/** Texts as batches of tokens. */
function* batches(
  where: string,
  { model, vocab, spec }: Labeller,
  texts: readonly (string | readonly string[])[],
  place = (i: number) => `${where}: text ${i}`,
): Generator<Omit<LabelledBatch, 'y'>> {
  checkVocab(where, vocab)
  checkArgument(where, 'the texts', texts, Array.isArray(texts), 'an array of texts')
  checkSizes(where, model, vocab, spec)
  const rows = texts.map((text, i) => {
    if (typeof text !== 'string') checkStrings(where, `text ${i}`, text)
    const tokens = vocab.encode(tokensIn(where, text, vocab.kind, spec))
    if (tokens.length > 0) return tokens
    throw new DataError(`${place(i)} has no tokens, expected at least one`)
  })
  const all = rows.map(({ length }) => length)
  for (const [from, to] of cuts(all, ...sideBySide(model))) {
    const { padded: x, lengths } = tokenBatch(rows.slice(from, to))
    yield { x, lengths, place: place(from + lengths.indexOf(x.shape[1])) }
  }
}

/** @throws DataError unless a model has the sizes of its vocabulary and its labels */
export function checkSizes(where: string, model: LabelModel, vocab: Vocab, spec: LabelSpec): void {
  const { labels } = Object(spec) as LabelSpec
  checkStrings(where, 'spec.labels', labels)
  if (model.vocabSize === vocab.size && model.numLabels === labels.length) return
  throw new DataError(
    `${where}: the model has ${model.vocabSize} tokens and ${model.numLabels} labels, expected ${vocab.size} and ${labels.length}, as many as its vocabulary and its spec`,
  )
}

/** How well a model labels data. */
export interface LabelEvaluation extends LabelMetrics {
  /** The mean cross entropy, in nats. */
  loss: number
}

/**
 * The loss of labelled sequences, and how many of their labels are predicted right.
 * @throws the signal's reason
 */
export async function evaluateLabels(
  model: LabelModel,
  data: LabelledData,
  options: { signal?: AbortSignal } = {},
): Promise<LabelEvaluation> {
  checkOptions('evaluateLabels', options, { signal: 'signal' })
  checkArgument(
    'evaluateLabels',
    'model',
    model,
    model instanceof LabelModel,
    'a SequenceClassifier or a SequenceTagger',
  )
  const { signal } = options
  checkLabelled('evaluateLabels', 'data', model, data)
  const [truth, predicted]: [number[], number[]] = [[], []]
  for (const batch of data.inOrder(...sideBySide(model))) {
    signal?.throwIfAborted()
    const best = await bestOf(model, batch).values()
    for (const [i, label] of batch.y.data.entries()) {
      if (label < 0) continue
      truth.push(label)
      predicted.push(best[i])
    }
  }
  const loss = await labelling.validate(model, data, data, signal)
  return { loss, ...labelMetrics(truth, predicted, data.numLabels) }
}
