import { Option } from 'commander'
import { OptionError } from '../config.js'
import type { Corpus, EncodedText, LoadedModel, SavedText, SplitCorpus } from '../node.js'
import { number } from './command-line.js'
import { checkAgainst, type OwnTexts, ownTexts } from './own-texts.js'
import { encodingHelp } from './training-flags.js'

/** Options for the part of a text that a saved model reads. */
export interface PartOptions {
  split: 'all' | 'train' | 'validation' | 'test'
  validation?: number
  test?: number
  clean?: boolean
  encoding?: string
}

/** @param split the default part */
export const partOptions = (split: PartOptions['split']): Option[] => [
  new Option('--split <part>', 'part of the text, as the training split it')
    .choices(['all', 'train', 'validation', 'test'])
    .default(split),
  new Option('--validation <p>', 'held-out part of the text (default: as in the training)').argParser(number),
  new Option('--test <p>', 'part at the end of the text (default: as in the training)').argParser(number),
  new Option('--encoding <name>', encodingHelp),
  new Option('--clean', 'letters only, lower case (default: as in the training)'),
  new Option('--no-clean', 'use the text as it is'),
]

/** Describes a text and the part of it that is used, for people. */
export const partOf = (source: string, split: PartOptions['split']): string =>
  split === 'all' ? source : `${source}, its ${split} part`

type CommandText = Pick<EncodedText, 'corpus' | 'source' | 'changes'>

/** Texts in a saved model's tokens, prepared as in its training; they stay open until they are closed together. */
export class ModelTexts {
  readonly #opened: { close?(): Promise<void> }[] = []

  constructor(
    readonly command: string,
    readonly folder: string,
    readonly saved: LoadedModel,
    /** How the model's text became tokens. */
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
   * The chosen part of the named texts or, if none is named, of those that the model was trained on.
   * @returns the part with the number of tokens of the whole, and with all parts unless it is the whole
   * @throws DataError if the model's own texts have changed; OptionError for a part that the training did not hold out and
   *   whose size is not given
   */
  async part(texts: readonly string[]): Promise<CommandText & { whole: number; parts?: SplitCorpus }> {
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
    // The training may have used only the beginning of the text.
    const { corpus, source, changes } = await this.whole(named, maxTokensOf(saved.config), encoding)
    const parts = splitCorpus(corpus, sizes)
    return { corpus: parts[split] as Corpus, source, changes, whole: corpus.length, parts }
  }

  async whole(texts: readonly string[], maxTokens = Infinity, encoding = this.options.encoding): Promise<CommandText> {
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
