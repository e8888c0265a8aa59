import { MultiBar, Presets, type SingleBar } from 'cli-progress'
import type { SequenceData } from '../data/sequences.js'
import type { EpochEvent, StepEvent, ValidationEvent } from '../train/events.js'
import { colorsOf } from './colors.js'

/** What a person watches during a training. */
export interface TrainView {
  step(event: StepEvent): void
  epoch(event: EpochEvent): void
  validation(event: ValidationEvent): void
  /** A text that the model made, or another line to read. */
  sample(text: string): void
  end(): void
}

/**
 * A live bar on a terminal, a line every tenth of the way elsewhere.
 * @param done part of the training that an earlier process did
 */
export function trainView(
  data: SequenceData,
  epochs: number,
  stream: NodeJS.WriteStream = process.stderr,
  done = 0,
): TrainView {
  const progress = new Progress(data, epochs, done)
  return stream.isTTY ? new LiveView(progress, stream) : new PlainView(progress, stream)
}

/** How much of a training is done after some batches of an epoch. */
export function fractionDone(data: SequenceData, epochs: number, epoch: number, batch: number): number {
  const batches = Math.floor(data.corpus.length / (data.batchSize * data.numSteps))
  // Offsets change the number of an epoch's batches by one; only its end is the end.
  return (epoch - 1 + Math.min(batch / batches, 0.999)) / epochs
}

/** Weight of a step in the running perplexity of a long epoch. */
const SMOOTHING = 0.02

/** How far a training is, in the words that both views show. */
class Progress {
  readonly #start = performance.now()
  #loss: number | undefined
  fraction: number
  epoch = 0
  perplexity = '–'
  heldOut = ''
  speed = '–'
  gradNorm = '–'

  constructor(
    readonly data: SequenceData,
    readonly epochs: number,
    readonly done: number,
  ) {
    this.fraction = done
  }

  get left(): string {
    const seconds = (performance.now() - this.#start) / 1000
    const made = this.fraction - this.done
    return made > 0 ? duration((seconds / made) * (1 - this.fraction)) : '–'
  }

  step({ epoch, epochs, batch, loss, gradNorm, tokensPerSecond }: StepEvent): void {
    this.fraction = fractionDone(this.data, epochs, epoch, batch)
    this.epoch = epoch
    this.gradNorm = gradNorm.toPrecision(2)
    this.speed = tokensPerSecond.toFixed(0)
    this.#loss = this.#loss === undefined ? loss : this.#loss + Math.max(SMOOTHING, 1 / batch) * (loss - this.#loss)
    // Short epochs are told by their own mean.
    if (epoch === 1 || batch * SMOOTHING > 1) this.perplexity = Math.exp(this.#loss).toFixed(2)
  }

  end({ epoch, perplexity, tokensPerSecond }: EpochEvent): void {
    this.fraction = epoch / this.epochs
    this.epoch = epoch
    this.perplexity = perplexity.toFixed(2)
    this.speed = tokensPerSecond.toFixed(0)
  }

  validation({ perplexity }: ValidationEvent): void {
    this.heldOut = `, held out ${perplexity.toFixed(2)}`
  }
}

class LiveView implements TrainView {
  readonly #bars: MultiBar
  readonly #bar: SingleBar
  readonly #progress: Progress
  readonly #dim: (text: string) => string
  readonly #end = () => this.end()
  #ended = false

  constructor(progress: Progress, stream: NodeJS.WriteStream) {
    const { bold, dim } = colorsOf(stream)
    // The least important goes where a terminal is too narrow for all.
    const width = stream.columns ?? 80
    const norm = width >= 110 ? '  gradient {gradNorm}' : ''
    const format = `{bar} epoch {epoch}/{epochs}  perplexity ${bold('{perplexity}')}{heldOut}  {speed} tokens/s${norm}  {left} left`
    // A Ctrl-C ends the training, which ends the bar; the cursor comes back however the process ends.
    const options = { format, stream, hideCursor: true, fps: 10, barsize: width >= 100 ? 18 : 6, gracefulExit: false }
    this.#dim = dim
    this.#progress = progress
    this.#bars = new MultiBar(options, Presets.shades_classic)
    this.#bar = this.#bars.create(1, 0, this.#shown())
    process.once('exit', this.#end)
  }

  step(event: StepEvent): void {
    this.#progress.step(event)
    this.#update()
  }

  epoch(event: EpochEvent): void {
    this.#progress.end(event)
    this.#update()
  }

  validation(event: ValidationEvent): void {
    this.#progress.validation(event)
    this.#update()
  }

  sample(text: string): void {
    this.#bars.log(`  ${this.#dim(text)}\n`)
  }

  end(): void {
    if (this.#ended) return
    this.#ended = true
    process.off('exit', this.#end)
    // Samples that still wait for the next drawing come out first.
    this.#bars.update()
    this.#bars.stop()
  }

  #shown() {
    const { epoch, epochs, perplexity, heldOut, speed, gradNorm, left } = this.#progress
    return { epoch, epochs, perplexity, heldOut, speed, gradNorm, left }
  }

  #update(): void {
    this.#bar.update(this.#progress.fraction, this.#shown())
  }
}

class PlainView implements TrainView {
  readonly #progress: Progress
  readonly #stream: NodeJS.WriteStream
  #tenths: number

  constructor(progress: Progress, stream: NodeJS.WriteStream) {
    this.#progress = progress
    this.#tenths = Math.floor(progress.done * 10)
    this.#stream = stream
  }

  step(event: StepEvent): void {
    this.#progress.step(event)
    this.#print()
  }

  epoch(event: EpochEvent): void {
    this.#progress.end(event)
    this.#print()
  }

  validation(event: ValidationEvent): void {
    this.#progress.validation(event)
  }

  sample(text: string): void {
    this.#stream.write(`  ${text}\n`)
  }

  end(): void {}

  #print(): void {
    const { fraction, epoch, epochs, perplexity, heldOut, speed, left } = this.#progress
    if (Math.floor(fraction * 10) === this.#tenths) return
    this.#tenths = Math.floor(fraction * 10)
    this.#stream.write(
      `${String(this.#tenths * 10).padStart(3)} %  epoch ${epoch}/${epochs}  perplexity ${perplexity}${heldOut}  ${speed} tokens/s  ${left} left\n`,
    )
  }
}

/** Seconds as 1:02:03 or 2:03. */
export function duration(seconds: number): string {
  const whole = Math.round(seconds)
  const two = (value: number) => String(value).padStart(2, '0')
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60]
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`
}
