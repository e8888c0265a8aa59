import type { Vocab } from '../data/vocab.js'
import type { TrainingRecord } from '../formats/model-config.js'
import { predict } from '../generate/generate.js'
import type { RNNModel } from '../nn/model.js'
import { samplePrefixes } from '../train/sample-prefixes.js'
import type { Training } from '../train/training.js'
import type { EpochEvent } from '../train/training-events.js'
import { BaseRun } from './base-run.js'
import { limitOf } from './explosion.js'
import type { Job } from './job.js'
import { languageKeeping } from './model-keeping.js'
import type { RunText } from './run-text.js'

/** What a run on a text begins with. */
export interface TextJob extends Omit<Job<RNNModel>, 'keeping' | 'limit' | 'origin' | 'close'> {
  text: RunText
  vocab: Vocab
  training: Training
}

/** A training on a text that is kept in a store and reported as events. `startRun` and `resumeRun` make one. */
export class Run extends BaseRun<RNNModel> {
  readonly #job: TextJob
  readonly #prefixes: string[]

  /** @internal */
  constructor(job: TextJob) {
    const { text, vocab, model, record } = job
    super({
      ...job,
      keeping: languageKeeping(model, vocab),
      limit: limitOf(vocab.size, 'token'),
      origin: { text: text.source, texts: record.texts, fingerprint: record.text },
      close: async () => text.close?.(),
    })
    this.#job = job
    this.#prefixes = samplePrefixes(text.train, vocab)
  }

  get text(): RunText {
    return this.#job.text
  }

  get vocab(): Vocab {
    return this.#job.vocab
  }

  override get training(): Training {
    return this.#job.training
  }

  protected override samplers(model: RNNModel): (() => Promise<string>)[] {
    return this.#prefixes.map((prefix) => () => predict(prefix, 50, model, this.vocab))
  }

  protected override reached({ perplexity }: EpochEvent): TrainingRecord {
    // JSON cannot hold an infinite perplexity.
    return Number.isFinite(perplexity) ? { perplexity } : {}
  }
}
