import { existsSync } from 'node:fs'
import { isRefusal, type RunOptions, UnrolledError } from '../config.js'
import {
  type BrokenEvent,
  type DoneEvent,
  type Run,
  type RunEvent,
  type RunText,
  runToEnd,
  UnsavedModelError,
} from '../node.js'
import { begin, goOn } from './begin.js'
import { changesOf } from './changes.js'
import { colorsOf } from './colors.js'
import { interruptible } from './interrupt.js'
import { computedOn, modelSummary } from './model-summary.js'
import { printJson, visible } from './output.js'
import { showCurve } from './run-curve.js'
import { outliveOutput } from './streams.js'
import { grouped } from './table.js'
import { flagOf, type TrainingOptions } from './training-flags.js'
import { HeldTexts } from './training-text.js'
import { duration, type TrainView, trainView } from './view.js'

/** The work of `train` and `book`: trains on a text, saves the model, and shows the result. */
export function runTraining(texts: string[], options: TrainingOptions, said: readonly string[]): Promise<void> {
  outliveOutput()
  const table = texts.find((name) => /\.[ct]sv$/i.test(name) && existsSync(name))
  if (table !== undefined && options.resume === undefined) {
    const columns = '--target for a column of numbers, or --text-column and --label-column for labels'
    console.error(visible(`note: ${table} is read as a text; if it is a table, give ${columns}`))
  }
  return interruptible(async (signal) => {
    const held = new HeldTexts()
    try {
      const run = await (options.resume === undefined ? begin : goOn)(texts, options, said, signal, held)
      const follow = (run: Run) => showAll(run, options.json === true)
      const resume = (changed: Partial<TrainingOptions>) =>
        goOn(texts, { ...options, resume: run.store.name, ...changed }, Object.keys(changed), signal, held)
      await runToEnd(run, follow, resume, ({ message }) => console.error(visible(`warning: ${message}`)))
    } finally {
      await held.close()
    }
  })
}

async function showAll(run: Run, json: boolean): Promise<void> {
  try {
    await new Show(run, json).all()
  } catch (error) {
    throw inCommands(error)
  }
}

/** An error of a run; for a model that could not be saved, with the command that saves it later. */
export function inCommands(error: unknown): unknown {
  if (!(error instanceof UnsavedModelError)) return error
  const advice = `unrolled train --resume ${error.place} saves its model once the problem is fixed`
  return new UnrolledError(`${error.reason}; the training is kept: ${advice}`)
}

/** Shows the progress and the result of a run. */
class Show {
  readonly #run: Run
  readonly #json: boolean
  readonly #view: TrainView
  readonly #say: (text: string) => void
  #over = false

  constructor(run: Run, json: boolean) {
    this.#run = run
    this.#json = json
    this.#say = (text) => (json ? console.error(text) : console.log(text))
    const { text, training, options } = run
    for (const warning of run.warnings) console.error(`warning: ${inFlags(warning)}`)
    this.#say(`text: ${visible(text.source)} (${sizesOf(text)})`)
    const changes = changesOf(text.changes, text.corpus.length)
    if (changes) this.#say(changes)
    this.#say(`model: ${modelSummary(run)}, ${computedOn(run)}`)
    for (const note of run.notes) this.#say(inFlags(note))
    const done = { epoch: training.epoch - 1, batch: training.batch }
    this.#view = trainView(training.data, options.epochs, process.stderr, done)
  }

  async all(): Promise<void> {
    try {
      for await (const event of this.#run.events()) await this.#event(event)
    } finally {
      this.#view.end()
    }
  }

  async #event(event: RunEvent): Promise<void> {
    switch (event.type) {
      case 'sample':
        return this.#view.sample(event.text)
      case 'warning':
        return this.#warn(`warning: ${event.message}`)
      case 'trained':
        this.#over = true
        return this.#view.end()
      case 'done':
        return this.#done(event)
      case 'broken':
        return this.#say(adviceOf(event, this.#run.store.name))
    }
    if (event.type === 'step') this.#view.step(event)
    else if (event.type === 'epoch') this.#view.epoch(event)
    else this.#view.validation(event)
    if (this.#json && event.type !== 'step') printJson(event)
  }

  #warn(text: string): void {
    if (this.#over) console.error(visible(text))
    else this.#view.sample(text)
  }

  async #done(event: DoneEvent): Promise<void> {
    const { options, text, store } = this.#run
    const { bold } = colorsOf(this.#json ? process.stderr : process.stdout)
    const { epochs, steps, perplexity, tokensPerSecond, seconds, samples, saved, ended, best } = event
    const plot = await this.#plot(epochs)
    const early = earlyEnd(event, options)
    if (early) this.#say(early)
    if (best) {
      this.#say(
        `held-out text, in ${options.batchSize} rows: perplexity ${bold(Math.exp(best.loss).toFixed(2))}, ${best.loss.toFixed(4)} nats a token, at step ${best.step}`,
      )
    }
    if (perplexity !== undefined && tokensPerSecond !== undefined) {
      this.#say(
        `perplexity ${bold(perplexity.toFixed(1))}, ${tokensPerSecond.toFixed(1)} tokens/sec on ${this.#run.device.name}`,
      )
    }
    for (const sample of samples) this.#say(visible(sample))
    if (saved) this.#say(`saved to ${store.name} after ${duration(seconds)}${plot ? `, the curve to ${plot}` : ''}`)
    if (!this.#json) return
    const result = { epochs, steps, perplexity, tokensPerSecond, seconds, samples, plot }
    const end = {
      ...result,
      model: saved ? store.name : undefined,
      exploded: !saved,
      stopped: ended === 'signal',
      ended,
      best,
    }
    printJson({ type: 'done', ...end, text: text.source, kernels: this.#run.device.name })
  }

  /** Draws the curve. If that fails, the training goes on without it. */
  async #plot(epochs: number): Promise<string | undefined> {
    if (epochs < 2) return undefined
    const { isColorSupported } = colorsOf(this.#json ? process.stderr : process.stdout)
    try {
      return await showCurve(this.#run.curve, this.#run.store.name, this.#say, isColorSupported)
    } catch (error) {
      if (!(error instanceof UnrolledError) && !isRefusal(error)) throw error
      this.#warn(`warning: ${(error as Error).message}; the training goes on without it`)
      return undefined
    }
  }
}

const words: Record<string, string> = { train: 'train on', validation: 'validate on', test: 'be left for a test' }

/** The number of tokens in a text and in each of its parts. */
function sizesOf({ corpus, sizes }: RunText): string {
  const counts = Object.entries(sizes).map(([name, size]) => `${grouped(size)} to ${words[name]}`)
  return `${grouped(corpus.length)} tokens${counts.length > 1 ? `: ${counts.join(', ')}` : ''}`
}

/** Why a training ended before its last epoch; undefined if it did not. */
export function earlyEnd(
  { ended, steps, epoch, checkpoint }: DoneEvent,
  { patience }: Pick<RunOptions, 'patience'>,
): string | undefined {
  if (ended === 'patience') return `ended after step ${steps}: no better held-out loss for ${patience} validations`
  if (ended !== 'signal') return undefined
  const goesOn = checkpoint && `; unrolled train --resume ${checkpoint} goes on from there`
  return `stopped after step ${steps} (epoch ${epoch})${goesOn ?? ''}`
}

/** What to try after a training broke, as a command line or flags to type. */
export function adviceOf({ resumable, step, options }: BrokenEvent, folder: string): string {
  const flags = Object.entries(options).map(([name, value]) => `${flagOf(name)} ${value}`)
  return resumable
    ? `unrolled train --resume ${folder} ${flags.join(' ')} goes on from the checkpoint of step ${step} with another learning rate`
    : `train again with ${flags.join(' and ')}`
}

/** A sentence of a run with the option that it begins with written as a flag. */
export const inFlags = (sentence: string): string =>
  sentence.replace(
    /^(with )?(schedule|epochs|patience|lr|clip|clipValue) /,
    (_, before = '', name) => `${before}${flagOf(name)} `,
  )
