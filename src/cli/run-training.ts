import { DataError, DivergenceError } from '../core/errors.js'
import { configOf, type TrainingRecord } from '../formats/model.js'
import type { Checkpoint } from '../node/checkpoint.js'
import { HISTORY, HistoryWriter } from '../node/history.js'
import {
  type EpochEvent,
  kernels,
  loadModel,
  predict,
  saveModel,
  type TrainEvent,
  type ValidationEvent,
  type Vocab,
} from '../node.js'
import { underPrefix } from '../train/state.js'
import { begin, goOn, type Job } from './begin.js'
import { colorsOf } from './colors.js'
import { interruptible } from './interrupt.js'
import type { TrainingOptions } from './options.js'
import { visible } from './output.js'
import { showCurve } from './plot.js'
import { recordOf } from './resume.js'
import { grouped } from './table.js'
import { duration, type TrainView, trainView } from './view.js'

/** What `train` and `book` do: load a text, train on it, save the model, and show what came of it. */
export function runTraining(texts: string[], options: TrainingOptions, said: readonly string[]): Promise<void> {
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

/** A training on its way: what is shown of it, and what is kept. */
class Run {
  readonly #job: Job
  readonly #signal: AbortSignal
  readonly #view: TrainView
  readonly #say: (text: string) => void
  /** Epochs and validations, those of an earlier process included. */
  readonly #told: (EpochEvent | ValidationEvent)[] = []
  readonly #prefixes: string[]
  #sampled = performance.now()

  constructor(job: Job, signal: AbortSignal) {
    const { options, text, training, vocab } = job
    this.#job = job
    this.#signal = signal
    this.#say = (text) => (options.json ? console.error(text) : console.log(text))
    this.#say(`text: ${visible(text.source)} (${text.tokens})`)
    this.#say(`model: ${summary(job)}, ${computedOn()}`)
    for (const note of job.notes) this.#say(note)
    const done = { epoch: training.epoch - 1, batch: training.batch }
    this.#view = trainView(training.data, options.epochs, process.stderr, done)
    this.#prefixes = knownPrefixes(vocab)
  }

  get #epochs(): EpochEvent[] {
    return this.#told.filter((event) => event.type === 'epoch')
  }

  async run(): Promise<void> {
    const { folder, training, record, options } = this.#job
    const board = options.tensorboard ? await openBoard(folder.place, training.step) : undefined
    if (training.step === 0) await folder.saveFirst(this.#checkpoint())
    const history = await HistoryWriter.open(folder.file(HISTORY), { bytes: record.historyBytes })
    this.#told.push(...history.earlier.filter((event) => event.type === 'epoch' || event.type === 'validation'))
    const start = performance.now()
    let divergence: DivergenceError | undefined
    try {
      for await (const event of training.run()) {
        await board?.write(event)
        await this.#take(event, history)
      }
    } catch (error) {
      if (!(error instanceof DivergenceError)) throw error
      divergence = error
    } finally {
      this.#view.end()
    }
    // A training that broke before its first epoch ended has nothing worth taking an older model's place.
    if (divergence && this.#epochs.length === 0) {
      if (training.best === undefined) await folder.forget()
      throw divergence
    }
    record.historyBytes = history.bytes
    if (!divergence) await folder.saveLast(this.#checkpoint())
    await this.#finish((performance.now() - start) / 1000)
    if (!divergence && training.ended !== 'signal') {
      // Only now: one that was killed before its model was saved is to be finished when it goes on.
      record.finished = true
      await folder.saveLast(this.#checkpoint())
    }
    if (divergence) throw divergence
  }

  async #take(event: TrainEvent, history: HistoryWriter): Promise<void> {
    const { folder, options, training, record } = this.#job
    await history.write(event)
    this.#show(event)
    if (event.type !== 'step') this.#told.push(event)
    if (event.type === 'validation' && event.best) await this.#tolerate(() => folder.saveBest(this.#bestSoFar()))
    if (this.#sampleIsDue(event)) await this.#sample()
    const intervals = { steps: options.checkpointSteps, minutes: options.checkpointMinutes }
    if (folder.isDue(training.step, intervals)) {
      record.historyBytes = history.bytes
      await this.#tolerate(() => folder.saveLast(this.#checkpoint()))
    }
  }

  #show(event: TrainEvent): void {
    if (event.type === 'step') this.#view.step(event)
    else if (event.type === 'epoch') this.#view.epoch(event)
    else this.#view.validation(event)
    if (this.#job.options.json && event.type !== 'step') console.log(JSON.stringify(event))
  }

  /** A disk that is full for a while costs a checkpoint, not the training. */
  async #tolerate(save: () => Promise<unknown>): Promise<void> {
    try {
      await save()
    } catch (error) {
      if (!(error instanceof DataError)) throw error
      this.#view.sample(`warning: ${error.message}; the training goes on, and tries again later`)
    }
  }

  #sampleIsDue(event: TrainEvent): boolean {
    const { epochs } = this.#job.options
    if (event.type === 'epoch') return event.epoch % Math.ceil(epochs / 10) === 0 && event.epoch < epochs
    return event.type === 'validation' && performance.now() - this.#sampled > 10_000
  }

  async #sample(): Promise<void> {
    this.#sampled = performance.now()
    this.#view.sample(await predict(this.#prefixes[0], 50, this.#job.model, this.#job.vocab))
  }

  #checkpoint(): Checkpoint {
    const { model, vocab, training, record } = this.#job
    return { config: configOf(model, this.#trained()), vocab, ...training.snapshot(), run: record }
  }

  #bestSoFar(): Checkpoint {
    const { model, vocab } = this.#job
    const tensors = underPrefix('model', model.stateDict())
    return { config: configOf(model, this.#trained()), vocab, tensors }
  }

  /** What config.json tells of the training. */
  #trained(): TrainingRecord {
    const { options, text, training, record } = this.#job
    const { perplexity = null } = this.#epochs.at(-1) ?? {}
    const best = training.best && { validationLoss: training.best.loss, bestStep: training.best.step }
    const finishedEpochs = this.#epochs.length
    const so = { steps: training.step, finishedEpochs, perplexity, ...best, kernels: kernels().name }
    const from = { text: text.source, texts: record.texts, fingerprint: record.text }
    return { ...from, ...recordOf({ ...options, lr: options.lr ?? training.optimizer.lr }), ...so }
  }

  /** Saves the best model, or the last where nothing was held out, and tells what came of the training. */
  async #finish(seconds: number): Promise<void> {
    const { folder, options, training, vocab } = this.#job
    const best = training.best && (await loadModel(folder.folder))
    const model = best?.model ?? this.#job.model
    await saveModel(folder.folder, model, vocab, best?.config.training ?? this.#trained())
    const { bold, isColorSupported } = colorsOf(options.json ? process.stderr : process.stdout)
    const several = this.#epochs.length > 1
    const plot = several ? await showCurve(this.#told, folder.folder, this.#say, isColorSupported) : undefined
    const samples: string[] = []
    for (const prefix of this.#prefixes) samples.push(await predict(prefix, 50, model, vocab))

    const { perplexity = null, tokensPerSecond = null } = this.#epochs.at(-1) ?? {}
    const stopped = this.#signal.aborted
    const { step, epoch, ended } = training
    if (stopped) {
      this.#say(
        `stopped after step ${step} (epoch ${epoch}); unrolled train --resume ${folder.folder} goes on from there`,
      )
    }
    if (ended === 'patience')
      this.#say(`ended after step ${step}: no better loss of the held-out text for ${options.patience} validations`)
    if (training.best) {
      const { loss, step } = training.best
      this.#say(
        `held-out text: perplexity ${bold(Math.exp(loss).toFixed(2))}, ${loss.toFixed(4)} nats a token, at step ${step}`,
      )
    }
    if (perplexity !== null && tokensPerSecond !== null) {
      this.#say(
        `perplexity ${bold(perplexity.toFixed(1))}, ${tokensPerSecond.toFixed(1)} tokens/sec on ${kernels().name}`,
      )
    }
    for (const sample of samples) this.#say(visible(sample))
    this.#say(`saved to ${folder.folder} after ${duration(seconds)}${plot ? `, the curve to ${plot}` : ''}`)
    if (options.json) {
      const result = { epochs: this.#epochs.length, steps: step, perplexity, tokensPerSecond, seconds, samples, plot }
      const end = { ...result, model: folder.folder, stopped, ended, best: training.best }
      console.log(JSON.stringify({ type: 'done', ...end, text: this.#job.text.source, kernels: kernels().name }))
    }
  }
}

/** Loaded only where it is asked for. */
async function openBoard(folder: string, after: number) {
  const { TensorBoardWriter } = await import('../node/tensorboard.js')
  return TensorBoardWriter.open(folder, after > 0 ? { after } : {})
}

/** What the kernels in use are, for people. */
function computedOn(): string {
  const { name, threads } = kernels()
  return `${name} on ${threads} ${threads === 1 ? 'thread' : 'threads'}`
}

function summary({ model, vocab }: Job): string {
  const { numLayers, hiddenSize } = model.rnn
  const { cell } = configOf(model)
  const parameters = model.parameters().reduce((sum, { size }) => sum + size, 0)
  const layers = numLayers === 1 ? '1 layer' : `${numLayers} layers`
  return `${cell}, ${layers} of ${hiddenSize} units, ${vocab.size} tokens, ${grouped(parameters)} parameters`
}

/** The book's two beginnings where the vocabulary has their tokens, else its most frequent token. */
function knownPrefixes(vocab: Vocab): string[] {
  const known = ['time traveller', 'traveller'].filter((prefix) =>
    vocab.split(prefix).every((token) => vocab.has(token)),
  )
  // A token of bytes is no text by itself.
  return known.length > 0 ? known : [vocab.join([vocab.tokenOf(1)])]
}
