import { createHash } from 'node:crypto'
import { type Corpus, loadText, loadTimeMachine, type Vocab } from '../node.js'
import type { TrainingOptions } from './options.js'

/** A text as a training takes it. */
export interface TrainingText {
  train: Corpus
  validation?: Corpus
  vocab: Vocab
  /** One line that says where it comes from and how much there is. */
  source: string
  /** Tells it from another. */
  fingerprint: string
  close(): Promise<void>
}
export async function loadTrainingText(
  texts: string[],
  options: TrainingOptions,
  _signal: AbortSignal,
  _vocab?: Vocab,
): Promise<TrainingText> {
  const loaded =
    texts.length > 0
      ? { ...(await loadText(texts, options)), source: texts.join(', ') }
      : await loadTimeMachine(options)
  const { corpus } = loaded
  const v = Math.floor(corpus.length * options.validation)
  return {
    train: corpus.subarray(0, corpus.length - v),
    validation: v ? corpus.subarray(corpus.length - v) : undefined,
    vocab: loaded.vocab,
    source: loaded.source,
    fingerprint: createHash('sha256').update(corpus).digest('hex'),
    close: async () => {},
  }
}
