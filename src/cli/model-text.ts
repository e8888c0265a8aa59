import { Option } from 'commander'
import { OptionError } from '../config.js'
import type { Corpus, EncodedText, LoadedModel, SavedText, SplitCorpus } from '../node.js'
import { number } from './command-line.js'
import { checkAgainst, type OwnTexts, ownTexts } from './own-texts.js'
import { encodingHelp } from './training-flags.js'

/** Which part of a text a saved model is to read. */
export interface PartOptions {
  split: 'all' | 'train' | 'validation' | 'test'
  validation?: number
  test?: number
  clean?: boolean
  encoding?: string
}

/** @param split the part where nobody says */
export const partOptions = (split: PartOptions['split']): Option[] => [
  new Option('--split <part>', 'of the text, as the training cut it')
    .choices(['all', 'train', 'validation', 'test'])
    .default(split),
  new Option('--validation <p>', 'held-out part of the text (default: as in the training)').argParser(number),
  new Option('--test <p>', 'part at the end of the text (default: as in the training)').argParser(number),
  new Option('--encoding <name>', encodingHelp),
  new Option('--clean', 'letters only, lower case (default: as in the training)'),
  new Option('--no-clean', 'take the text as it is'),
]

/** A text and which part of it, for people. */
export const partOf = (source: string, split: PartOptions['split']): string =>
  split === 'all' ? source : `${source}, its ${split} part`

type Text = Pick<EncodedText, 'corpus' | 'source' | 'changes'>

/** Texts in a saved model's tokens, as its training took them; open until they are closed together. */
export class ModelTexts {
  readonly #opened: { close?(): Promise<void> }[] = []

  constructor(
    readonly command: string,
    readonly folder: string,
    readonly saved: LoadedModel,
    /** What the model says of its text. */
    readonly text: SavedText,
    readonly options: PartOptions,
    readonly signal: AbortSignal,
  ) {
    checkAgainst(command, folder, text, options)
  }

  get clean(): boolean {
    return this.text.clean
  }

  /**
   * The part that was asked for, of texts, or where none is named of those that the model was trained on.
   * @returns with the number of tokens of the whole, and with all parts unless it is the whole
   * @throws DataError where its own texts are not as they were, OptionError for a part that the training did not hold
   *   out, and nobody gave the size of
   */
  async part(texts: readonly string[]): Promise<Text & { whole: number; parts?: SplitCorpus }> {
    const { split, validation = this.#recorded('validation'), test = this.#recorded('test') } = this.options
    const sizes = { validation, test }
    if ((split === 'validation' || split === 'test') && sizes[split] === 0) {
      throw new OptionError(
        `${this.command}: ${this.folder} was trained without a ${split} part, expected --${split} with a proportion, such as 0.1`,
      )
    }
    const { command, folder, saved, signal, options } = this
    const { texts: named, encoding }: OwnTexts =
      texts.length > 0
        ? { texts, encoding: options.encoding }
        : await ownTexts(command, folder, saved, signal, options.encoding)
    if (split === 'all') {
      const all = await this.whole(named, Infinity, encoding)
      return { ...all, whole: all.corpus.length }
    }
    const { maxTokensOf, splitCorpus } = await import('../node.js')
    // What the training took may have been the beginning of the text only.
    const { corpus, source, changes } = await this.whole(named, maxTokensOf(saved.config), encoding)
    const parts = splitCorpus(corpus, sizes)
    return { corpus: parts[split] as Corpus, source, changes, whole: corpus.length, parts }
  }

  async whole(texts: readonly string[], maxTokens = Infinity, encoding = this.options.encoding): Promise<Text> {
    const { commandTexts } = await import('./training-text.js')
    const source = commandTexts(texts)
    this.#opened.push(source)
    const loaded = await source.read({ ...this.text, encoding, maxTokens }, this.saved.vocab, this.signal)
    this.#opened.push(loaded)
    return loaded
  }

  async close(): Promise<void> {
    for (const one of this.#opened) await one.close?.()
  }

  #recorded(name: string): number {
    const value = this.saved.config.training?.[name]
    return typeof value === 'number' ? value : 0
  }
}
