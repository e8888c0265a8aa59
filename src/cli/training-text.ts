import { createHash } from 'node:crypto'
import { OptionError } from '../core/errors.js'
import { encodeString } from '../data/load.js'
import { type CorpusOptions, loadOpened, loadSources } from '../node/load-corpus.js'
import type { Sources } from '../node/sources.js'
import { type Corpus, findTimeMachine, type LoadedCorpus, loadBytePairs, splitCorpus, type Vocab } from '../node.js'
import { withProgress } from './bar.js'
import { changesOf } from './changes.js'
import type { TrainingOptions } from './options.js'
import { movesCursor } from './output.js'
import { grouped } from './table.js'

/** A text as a training takes it. */
export interface TrainingText {
  train: Corpus
  validation?: Corpus
  vocab: Vocab
  /** Where it comes from, and how much there is. */
  source: string
  tokens: string
  /** What was changed of it, where anything was. */
  changes?: string
  /** Tells it from another. */
  fingerprint: string
  close(): Promise<void>
}

/**
 * The texts that a training was told, or The Time Machine, cut as it was told.
 * @param vocab instead of one of the text's own tokens
 */
export async function loadTrainingText(
  texts: Texts,
  options: TrainingOptions,
  signal: AbortSignal,
  vocab?: Vocab,
): Promise<TrainingText> {
  const { validation, test } = options
  const loaded = await loadTexts(texts, { ...howOf(options), vocab }, signal, 'train')
  const { corpus, source } = loaded
  const parts = splitCorpus(corpus, { validation, test })
  const counts = Object.entries(parts).map(([name, part]) => `${grouped(part.length)} to ${words[name]}`)
  return {
    train: parts.train,
    validation: parts.validation,
    vocab: loaded.vocab,
    source,
    tokens: `${grouped(corpus.length)} tokens${counts.length > 1 ? `: ${counts.join(', ')}` : ''}`,
    changes: changesOf(loaded.changes, corpus.length),
    fingerprint: fingerprintOf(corpus),
    close: loaded.close,
  }
}

const words: Record<string, string> = { train: 'train on', validation: 'validate on', test: 'be left for a test' }

type Encoding = Pick<TrainingOptions, 'tokens' | 'clean' | 'lowercase' | 'maxTokens' | 'encoding'> & { vocab?: Vocab }

/** How a training's text becomes tokens. */
export const howOf = ({ tokens, clean, lowercase, maxTokens, encoding }: TrainingOptions): Encoding => ({
  ...{ tokens, clean, lowercase, maxTokens, encoding },
})

/** The names that a command was told, none for The Time Machine; or what was found under them. */
export type Texts = readonly string[] | Sources

/**
 * The texts that a command was told, or The Time Machine, as token numbers.
 * @param command its name
 */
export async function loadTexts(
  texts: Texts,
  how: Encoding,
  signal: AbortSignal,
  command: string,
): Promise<Pick<LoadedCorpus, 'corpus' | 'vocab' | 'source' | 'changes' | 'close'>> {
  const found = 'files' in texts
  if (!found && texts.length === 0) return loadBook(how, command)
  return withProgress('reading', (update) => {
    const options: CorpusOptions = { ...how, signal, onProgress: ({ done, total }) => update(done / total) }
    return found ? loadOpened(texts, options, command) : loadSources(texts, options, command)
  })
}

async function loadBook(how: Encoding, command: string) {
  if (how.encoding !== undefined) {
    throw new OptionError(`${command}: encoding goes with a text, expected one to be named`, ['encoding'])
  }
  const live = movesCursor(process.stderr)
  let shown = false
  const { text, source } = await findTimeMachine({
    onProgress: ({ received, total }) => {
      shown = live
      if (live) process.stderr.write(`\rdownloading: ${received}${total ? ` of ${total}` : ''} bytes\x1b[K`)
    },
  })
  if (shown) process.stderr.write('\r\x1b[K')
  if (how.tokens === 'bpe') await loadBytePairs()
  return { ...encodeString(text, how, command), source, close: async () => {} }
}

/** Tokens of each of the places that a fingerprint looks at: all of a text of up to 16 million. */
const WINDOW = 2 ** 18
const WINDOWS = 64

/** A checksum of a corpus: of its length, and of pieces spread over it evenly. */
export function fingerprintOf(corpus: Corpus): string {
  const hash = createHash('sha256').update(String(corpus.length))
  const windows = Math.min(WINDOWS, Math.ceil(corpus.length / WINDOW))
  for (let i = 0; i < windows; i++) {
    const last = Math.max(corpus.length - WINDOW, 0)
    const from = windows === 1 ? 0 : Math.floor((i * last) / (windows - 1))
    const { buffer, byteOffset, byteLength } = corpus.subarray(from, Math.min(from + WINDOW, corpus.length))
    hash.update(new Uint8Array(buffer, byteOffset, byteLength))
  }
  return hash.digest('hex')
}
