import { checkArgument, checkNumber, checkWhole, checkWord, shown } from '../../core/check.js'
import { checkOptions, type OptionKinds } from '../../core/check-options.js'
import { DataError, OptionError } from '../../core/errors.js'
import { Generator } from '../../core/random.js'
import { PieceStream, splitPiece } from '../pieces.js'
import { type TextOptions, tokenKinds } from '../text.js'
import { Vocab, type VocabOptions } from '../vocab.js'
import { LabelledData, type LabelledDataOptions, type LabelledSequence } from './labelled-data.js'

/** A text with its label; or tokens, such as words, with a label for each. */
export interface LabelledText {
  text: string | readonly string[]
  label: string | readonly string[]
}

/** How texts and labels become numbers: what a saved model knows besides its vocabulary. */
export interface LabelSpec {
  /** The labels in the order of their numbers. */
  labels: readonly string[]
  clean: boolean
  lowercase: boolean
  /** Tokens of a text beyond these are not read. */
  maxTokens?: number
  /** How the table was read and cut into parts, so that another one is read alike. Absent for examples in memory. */
  read?: ReadSpec
}

/** The columns of a table of labelled texts, and the shares that were held out. */
export interface ReadSpec {
  textColumn: string
  labelColumn: string
  validation: number
  test: number
}

/** How labelled texts are read. */
export interface LabelledTextsOptions extends TextOptions, LabelledDataOptions, Pick<VocabOptions, 'minFreq'> {
  /** Only the first tokens of a text are read. Default Infinity. */
  maxTokens?: number
  /** The part of the texts kept for validation, 0 or more and below 1; of each label the same part. Default 0. */
  validation?: number
  /** The part kept for testing. Default 0. */
  test?: number
}

export const labelledTextsOptions: OptionKinds<LabelledTextsOptions> = {
  tokens: 'any',
  clean: 'boolean',
  lowercase: 'boolean',
  minFreq: 'any',
  maxTokens: 'any',
  validation: 'any',
  test: 'any',
  batchSize: 'any',
  generator: 'generator',
}

/** Labelled texts as numbers, in up to three parts. */
export interface LoadedLabels {
  train: LabelledData
  /** Absent if its share is 0; the same holds for `test`. */
  validation?: LabelledData
  test?: LabelledData
  /** Of the training part alone. */
  vocab: Vocab
  spec: LabelSpec
}

/**
 * Labelled texts as data for `labelling`. Labels are numbered in the order of numbers if all of them are numbers, otherwise
 * in that of their characters. What is held out is drawn at random, always the same from the same texts.
 * @throws DataError for an empty text or label, and for fewer than 2 different labels; OptionError for an option out of range
 */
export function labelledTexts(examples: readonly LabelledText[], options: LabelledTextsOptions = {}): LoadedLabels {
  return numbered('labelledTexts', examples, (i) => `labelledTexts: example ${i}`, options)
}

/** What a saved model knows of labels and tokens. */
export interface KnownLabels {
  vocab: Vocab
  spec: LabelSpec
}

/**
 * @param place where an example comes from, for messages
 * @param known what a saved model knows, which reads the texts by its own labels and tokens
 */
export function numbered(
  where: string,
  examples: readonly LabelledText[],
  place: (i: number) => string,
  options: LabelledTextsOptions,
  known?: KnownLabels,
): LoadedLabels {
  checkOptions(where, options, labelledTextsOptions)
  const how = { ...options, ...known?.spec, ...(known && { tokens: known.vocab.kind }) }
  const { tokens: kind = 'char', clean = false, lowercase = false, minFreq = 0, maxTokens = Infinity } = how
  checkWord(where, 'tokens', kind, tokenKinds)
  if (maxTokens !== Infinity) checkWhole(where, 'maxTokens', maxTokens)
  checkArgument(where, 'the examples', examples, Array.isArray(examples), 'an array of { text, label }')
  if (examples.length === 0) throw new DataError(`${where}: there are no texts, expected at least two`)
  for (const [i, example] of examples.entries()) checkExample(place(i), example, examples[0])
  if (known) for (const [i, { label }] of examples.entries()) checkKnown(place(i), label, known.spec.labels)
  const labels = known?.spec.labels ?? labelsOf(where, examples)
  const parts = partsOf(where, examples, options)
  const read = (i: number) => tokensIn(where, examples[i].text, kind, { clean, lowercase, maxTokens })
  const vocab = known?.vocab ?? vocabOf(parts.train.map(read), { kind, minFreq })
  const numberOf = new Map(labels.map((label, number) => [label, number]))
  const sequences = (numbers: readonly number[]) =>
    numbers.map((i): LabelledSequence => {
      const { label } = examples[i]
      const tokens = vocab.encode(read(i))
      if (tokens.length === 0) throw new DataError(`${place(i)}: nothing is left of the text, expected some tokens`)
      if (typeof label === 'string') return { tokens, label: numberOf.get(label)!, place: place(i) }
      const numbers = Int32Array.from(label.slice(0, tokens.length), (one) => numberOf.get(one)!)
      return { tokens, label: numbers, place: place(i) }
    })
  const data = (numbers: readonly number[]) => {
    const { batchSize, generator } = options
    return new LabelledData(sequences(numbers), labels.length, { batchSize, generator })
  }
  const spec = { labels, clean, lowercase, maxTokens: maxTokens === Infinity ? undefined : maxTokens }
  return {
    train: data(parts.train),
    ...(parts.validation.length > 0 ? { validation: data(parts.validation) } : {}),
    ...(parts.test.length > 0 ? { test: data(parts.test) } : {}),
    ...{ vocab, spec },
  }
}

function vocabOf(texts: readonly (readonly string[])[], options: VocabOptions): Vocab {
  const counts = new Map<string, number>()
  for (const tokens of texts) for (const token of tokens) counts.set(token, (counts.get(token) ?? 0) + 1)
  return Vocab.ofCounts(counts, options)
}

/** @throws DataError for a label that a model does not know */
function checkKnown(where: string, label: LabelledText['label'], labels: readonly string[]): void {
  const other = [label].flat().find((one) => !labels.includes(one))
  if (other === undefined) return
  const known = `${labels.slice(0, 10).join(', ')}${labels.length > 10 ? ', …' : ''}`
  throw new DataError(
    `${where}: the label is ${JSON.stringify(other)}, which the model was not trained on, expected one of ${known}`,
  )
}

/** The tokens of a text as a model reads them. */
export function tokensIn(
  where: string,
  text: string | readonly string[],
  kind: Vocab['kind'],
  { clean, lowercase, maxTokens = Infinity }: Pick<LabelSpec, 'clean' | 'lowercase' | 'maxTokens'>,
): string[] {
  if (typeof text !== 'string')
    return text.slice(0, maxTokens).map((token) => (lowercase ? token.toLowerCase() : token))
  const pieces = new PieceStream({ tokens: kind, clean, lowercase }, where).pieces(text)
  const split = (piece: string) => (kind === 'char' || kind === 'byte' ? [...piece] : splitPiece(piece, kind))
  return Array.from(pieces, split).flat().slice(0, maxTokens)
}

function checkExample(where: string, example: LabelledText, first: LabelledText): void {
  const { text, label } = Object(example) as Partial<LabelledText>
  const isText = (value: unknown) => typeof value === 'string'
  const areTexts = (value: unknown) => Array.isArray(value) && value.every(isText)
  if (!isText(text) && !areTexts(text)) {
    throw new OptionError(`${where}: text is ${shown(text)}, expected a string, or an array of tokens`)
  }
  if (!isText(label) && !areTexts(label)) {
    throw new OptionError(
      `${where}: label is ${shown(label)}, expected a string, or an array with a label for each token`,
    )
  }
  if (isText(label) !== isText(first.label)) {
    const [one, each] = ['one label', 'a label for each token']
    throw new DataError(
      `${where}: there is ${isText(label) ? one : each}, expected ${isText(label) ? each : one}, as in the first example`,
    )
  }
  if (!isText(label) && (isText(text) || text!.length !== label!.length)) {
    const found = isText(text) ? 'a string' : `${text!.length} tokens`
    throw new DataError(`${where}: there are ${label!.length} labels for ${found}, expected an array of as many tokens`)
  }
  if (isText(text) ? (text as string).trim() === '' : text!.length === 0) {
    throw new DataError(`${where}: the text is empty, expected some tokens; leave it out`)
  }
  if ([label!].flat().some((one) => one.trim() === '')) {
    throw new DataError(`${where}: the label is empty, expected one; leave the text out if it has none`)
  }
}

/** The different labels in order. @throws DataError for fewer than 2 */
function labelsOf(where: string, examples: readonly LabelledText[]): string[] {
  const labels = [...new Set(examples.flatMap(({ label }) => label))]
  if (labels.length < 2) {
    throw new DataError(`${where}: all labels are ${JSON.stringify(labels[0])}, expected at least two different ones`)
  }
  const numeric = labels.every((label) => Number.isFinite(Number(label)))
  return numeric ? labels.sort((a, b) => Number(a) - Number(b)) : labels.sort()
}

/** The numbers of the examples of each part. Each part has the same share of each label, so that none misses a rare one. */
function partsOf(
  where: string,
  examples: readonly LabelledText[],
  { validation = 0, test = 0 }: LabelledTextsOptions,
): Record<'train' | 'validation' | 'test', number[]> {
  checkNumber(where, 'validation', validation, 0)
  checkNumber(where, 'test', test, 0)
  if (validation + test >= 1) {
    throw new OptionError(
      `${where}: validation and test are ${validation} and ${test}, expected less than 1 together, so that some texts are left to train on`,
      ['validation', 'test'],
    )
  }
  const groups = new Map<string, number[]>()
  for (const [i, { label }] of examples.entries()) {
    const name = typeof label === 'string' ? label : ''
    const group = groups.get(name)
    if (group) group.push(i)
    else groups.set(name, [i])
  }
  const generator = new Generator(0)
  const parts = { train: [] as number[], validation: [] as number[], test: [] as number[] }
  for (const group of groups.values()) {
    generator.shuffle(group)
    const [forTest, forValidation] = [test, validation].map((part) => Math.floor(part * group.length))
    for (const [at, i] of group.entries()) {
      parts[at < forTest ? 'test' : at < forTest + forValidation ? 'validation' : 'train'].push(i)
    }
  }
  for (const [name, part] of Object.entries({ validation, test } as const)) {
    if (part === 0 || parts[name as 'test'].length > 0) continue
    throw new OptionError(
      `${where}: ${name} is ${part}, which is less than one text of any label; use a larger part, or more texts`,
      [name],
    )
  }
  const inOrder = (a: number, b: number) => a - b
  return {
    train: parts.train.sort(inOrder),
    validation: parts.validation.sort(inOrder),
    test: parts.test.sort(inOrder),
  }
}
