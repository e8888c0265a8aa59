import { DivergenceError, UnrolledError } from '../core/errors.js'
import type { TrainingRecord } from '../formats/model.js'
import { defaultPrefix } from '../generate/prefix.js'
import { HISTORY, type ResumeEvent } from '../node/history.js'
import {
  type EpochEvent,
  kernels,
  predict,
  type RNNModel,
  type TrainEvent,
  type ValidationEvent,
  type Vocab,
} from '../node.js'
import { begin, goOn, type Job } from './begin.js'
import { colorsOf } from './colors.js'
import { ExplodedError, isExploded } from './exploded.js'
import { openHistory } from './history.js'
import { interruptible } from './interrupt.js'
import { Keeper } from './keeper.js'
import { computedOn, modelSummary } from './model-summary.js'
import type { TrainingOptions } from './options.js'
import { printJson, visible } from './output.js'
import { showCurve } from './plot.js'
import { isRefusal } from './refusal.js'
import { recordOf } from './resume.js'
import { adviceAfter } from './smaller-rate.js'
import { outliveOutput } from './streams.js'
import { duration, type TrainView, trainView } from './view.js'

/** What `train` and `book` do: load a text, train on it, save the model, and show what came of it. */
export function runTraining(texts: string[], options: TrainingOptions, said: readonly string[]): Promise<void> {
  outliveOutput()
  return interruptible(async (signal) => {
    const job = await (options.resume === undefined ? begin : goOn)(texts, options, said, signal)
    try {
      await new Run(job, signal).run()
    } finally {
      await job.text.close()
      await job.folder.leave()
    }
  })
}

/** What a training's events are written to. */
interface Reporter {
  write(event: TrainEvent | ResumeEvent): Promise<void>
}

/** A training on its way, and what is shown of it. What only shows or reports never ends it. */
class Run {
  readonly #job: Job
  readonly #signal: AbortSignal
  readonly #view: TrainView
  readonly #keeper: Keeper
  readonly #say: (text: string) => void
  /** Epochs and validations, those of an earlier process included. */
  readonly #told: (EpochEvent | ValidationEvent)[] = []
  readonly #prefixes: string[]
  /** Warnings that were given: one of a disk that stays full is enough. */
  readonly #warnings = new Set<string>()
  #sampled = performance.now()
  /** Mean over the tokens of the last step or epoch. */
  #loss = 0
  /** Whether the last checkpoint's parameters are broken already: the first step after it told so. */
  #broken = false
  #over = false

  constructor(job: Job, signal: AbortSignal) {
    const { options, text, training, vocab } = job
    this.#job = job
    this.#signal = signal
    this.#say = (text) => (options.json ? console.error(text) : console.log(text))
    this.#say(`text: ${visible(text.source)} (${text.tokens})`)
    if (text.changes) this.#say(text.changes)
    this.#say(`model: ${modelSummary(job)}, ${computedOn()}`)
    for (const note of job.notes) this.#say(note)
    const done = { epoch: training.epoch - 1, batch: training.batch }
    this.#view = trainView(training.data, options.epochs, process.stderr, done)
    this.#prefixes = samplePrefixes(vocab, job.record.texts.length === 0)
    this.#keeper = new Keeper(
      job,
      () => this.#trained(),
      (text) => this.#warn(text),
      () => this.#canGoBack() && isExploded(this.#loss, vocab.size),
    )
  }

  get #epochs(): EpochEvent[] {
    return this.#told.filter((event) => event.type === 'epoch')
  }

  async run(): Promise<void> {
    const { folder, training, record, options, changed } = this.#job
    if (training.step === 0) await this.#keeper.first()
    const history = await this.#report(() =>
      openHistory(folder.file(HISTORY), record.historyBytes, (text) => this.#warn(text)),
    )
    const board = options.tensorboard && (await this.#report(() => openBoard(folder.place, training.step)))
    const reporters: Reporter[] = [history, board].filter((one) => one !== undefined && one !== false)
    const earlier = history?.earlier ?? []
    this.#told.push(...earlier.filter((event) => event.type === 'epoch' || event.type === 'validation'))
    this.#loss = this.#epochs.at(-1)?.loss ?? 0
    if (Object.keys(changed).length > 0) {
      const { epoch, step } = training
      await this.#report(async () => history?.write({ type: 'resume', epoch, step, options: changed }))
    }
    const start = performance.now()
    let divergence: DivergenceError | undefined
    try {
      for await (const event of training.run()) {
        await this.#take(event, reporters)
        await this.#keeper.now(history?.bytes ?? record.historyBytes)
      }
    } catch (error) {
      if (!(error instanceof DivergenceError)) throw error
      divergence = error
      // Before a step was made: whatever the learning rate.
      this.#broken ||= training.step === folder.step
    } finally {
      this.#over = true
      this.#view.end()
    }
    await this.#report(async () => history?.flush())
    record.historyBytes = history?.bytes ?? record.historyBytes
    const seconds = (performance.now() - start) / 1000
    if (divergence) await this.#diverged(divergence, seconds)
    else await this.#ended(seconds)
  }

  async #take(event: TrainEvent, reporters: readonly Reporter[]): Promise<void> {
    for (const reporter of reporters) await this.#report(() => reporter.write(event))
    this.#show(event)
    if (event.type !== 'step') this.#told.push(event)
    if (event.type === 'step') {
      this.#loss = event.loss
      const { folder, vocab } = this.#job
      if (event.step === folder.step + 1) this.#broken = isExploded(event.loss, vocab.size)
    }
    if (event.type === 'validation' && event.best) await this.#keeper.best()
    if (this.#sampleIsDue(event)) await this.#report(() => this.#sample())
  }

  #show(event: TrainEvent): void {
    if (event.type === 'step') this.#view.step(event)
    else if (event.type === 'epoch') this.#view.epoch(event)
    else this.#view.validation(event)
    if (this.#job.options.json && event.type !== 'step') printJson(event)
  }

  #warn(text: string): void {
    if (this.#over) console.error(visible(text))
    else this.#view.sample(text)
  }

  /** Does what the training can do without. */
  async #report<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work()
    } catch (error) {
      const { message } = error as Error
      if (!(error instanceof UnrolledError) && !isRefusal(error)) throw error
      if (this.#warnings.has(message)) return undefined
      this.#warnings.add(message)
      this.#warn(`warning: ${message}; the training goes on without it`)
      return undefined
    }
  }

  #sampleIsDue(event: TrainEvent): boolean {
    const { epochs } = this.#job.options
    if (event.type === 'epoch') return event.epoch % Math.ceil(epochs / 10) === 0 && event.epoch < epochs
    return event.type === 'validation' && performance.now() - this.#sampled > 10_000
  }

  async #sample(): Promise<void> {
    this.#sampled = performance.now()
    if (this.#prefixes.length === 0) return
    this.#view.sample(await predict(this.#prefixes[0], 50, this.#job.model, this.#job.vocab))
  }

  /** What config.json tells of the training. */
  #trained(): TrainingRecord {
    const { options, text, training, record } = this.#job
    const { perplexity } = this.#epochs.at(-1) ?? {}
    const best = training.best && { validationLoss: training.best.loss, bestStep: training.best.step }
    const finishedEpochs = this.#epochs.length
    const so = { steps: training.step, finishedEpochs, ...best, kernels: kernels().name }
    const from = { text: text.source, texts: record.texts, fingerprint: record.text }
    // A perplexity beyond all numbers is none that JSON could hold.
    const reached: TrainingRecord = perplexity !== undefined && Number.isFinite(perplexity) ? { perplexity } : {}
    return { ...from, ...recordOf({ ...options, lr: options.lr ?? training.optimizer.lr }), ...so, ...reached }
  }

  /** Whether the model that the training has now, or the best one of it, is worth nothing. */
  #isExploded(loss: number): boolean {
    const { training, vocab } = this.#job
    return isExploded(training.best?.loss ?? loss, vocab.size)
  }

  /**
   * The training is over, or was stopped. A model that is worth nothing takes no other's place: it stays in the
   * checkpoint.
   */
  async #ended(seconds: number): Promise<void> {
    const { folder, training, vocab, options } = this.#job
    const exploded = isExploded(this.#loss, vocab.size)
    // There is nothing to go back to, and the checkpoint that is made now is no better.
    if (exploded && !this.#canGoBack()) this.#broken = true
    await this.#keeper.last()
    const worthless = this.#isExploded(this.#loss)
    const model = worthless ? undefined : await this.#keeper.model()
    // Only now: one that was killed before its model was saved is to be finished when it goes on.
    if (training.ended !== 'signal') await this.#keeper.finish()
    await this.#tell(seconds, model)
    if (!exploded) return
    const spared = this.#canGoBack()
    this.#say(adviceAfter(this.#job, spared))
    const inCheckpoint = spared ? '' : ', and is in the checkpoint alone'
    const saved = worthless ? `the model was not saved${inCheckpoint}` : 'the best model was saved'
    throw new ExplodedError(
      `train: the training in ${folder.folder} exploded: the loss is ${this.#loss.toPrecision(4)} nats a token after step ${training.step}, where one that gives all ${vocab.size} tokens the same probability has ${Math.log(vocab.size).toPrecision(3)}; ${saved}; train again with a smaller --lr than ${options.lr ?? training.optimizer.lr}, or a smaller --clip`,
    )
  }

  /** The training broke. What was learnt before is saved, or still in the last checkpoint. */
  async #diverged(divergence: DivergenceError, seconds: number): Promise<never> {
    const { folder, training } = this.#job
    const lastGood = this.#epochs.at(-1)?.loss
    const worth = (lastGood !== undefined || training.best !== undefined) && !this.#isExploded(lastGood ?? 0)
    if (worth) await this.#tell(seconds, await this.#keeper.model())
    const resumable = this.#canGoBack() || (worth && !this.#broken)
    if (!resumable) await folder.forget()
    this.#say(adviceAfter(this.#job, resumable))
    throw divergence
  }

  /** Whether there is a checkpoint from which a training that broke may go another way. */
  #canGoBack(): boolean {
    return this.#job.folder.step > 0 && !this.#broken
  }

  /** Tells what came of the training. @param model that was saved */
  async #tell(seconds: number, model: RNNModel | undefined): Promise<void> {
    const { folder, options, training, vocab, text } = this.#job
    const { bold, isColorSupported } = colorsOf(options.json ? process.stderr : process.stdout)
    let plot: string | undefined
    if (this.#epochs.length > 1) {
      await this.#report(async () => {
        plot = await showCurve(this.#told, folder.folder, this.#say, isColorSupported)
      })
    }
    const samples: string[] = []
    for (const prefix of model ? this.#prefixes : []) {
      await this.#report(async () => samples.push(await predict(prefix, 50, model!, vocab)))
    }
    const { perplexity, tokensPerSecond } = this.#epochs.at(-1) ?? {}
    const stopped = this.#signal.aborted
    const { step, epoch, ended, best } = training
    if (stopped && this.#canGoBack() && isExploded(this.#loss, vocab.size)) {
      this.#say(`stopped after step ${step} (epoch ${epoch})`)
    } else if (stopped) {
      this.#say(
        `stopped after step ${step} (epoch ${epoch}); unrolled train --resume ${this.#keeper.place} goes on from there`,
      )
    }
    if (ended === 'patience')
      this.#say(`ended after step ${step}: no better loss of the held-out text for ${options.patience} validations`)
    if (best) {
      this.#say(
        `held-out text: perplexity ${bold(Math.exp(best.loss).toFixed(2))}, ${best.loss.toFixed(4)} nats a token, at step ${best.step}`,
      )
    }
    if (perplexity !== undefined && tokensPerSecond !== undefined) {
      this.#say(
        `perplexity ${bold(perplexity.toFixed(1))}, ${tokensPerSecond.toFixed(1)} tokens/sec on ${kernels().name}`,
      )
    }
    for (const sample of samples) this.#say(visible(sample))
    if (model) this.#say(`saved to ${folder.folder} after ${duration(seconds)}${plot ? `, the curve to ${plot}` : ''}`)
    if (options.json) {
      const result = { epochs: this.#epochs.length, steps: step, perplexity, tokensPerSecond, seconds, samples, plot }
      const end = { ...result, model: model && folder.folder, exploded: !model, stopped, ended, best }
      printJson({ type: 'done', ...end, text: text.source, kernels: kernels().name })
    }
  }
}

/** Loaded only where it is asked for. */
async function openBoard(folder: string, after: number) {
  const { TensorBoardWriter } = await import('../node/tensorboard.js')
  return TensorBoardWriter.open(folder, after > 0 ? { after } : {})
}

/** What samples begin with: as in the book, or for another text with its most frequent token that is a text. */
function samplePrefixes(vocab: Vocab, isBook: boolean): string[] {
  const known = ['time traveller', 'traveller'].filter((prefix) =>
    vocab.split(prefix).every((token) => vocab.has(token)),
  )
  if (isBook && known.length > 0) return known
  const { text } = defaultPrefix(vocab)
  return text === '' ? [] : [text]
}
