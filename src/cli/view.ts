import { MultiBar, Presets, type SingleBar } from 'cli-progress'
import type { SequenceData } from '../data/sequences.js'
import type { EpochEvent, StepEvent } from '../train/steps.js'
import { colorsOf } from './colors.js'

/** What a person watches during a training. */
export interface TrainView {
  step(event: StepEvent): void
  epoch(event: EpochEvent): void
  /** A text that the model made. */
  sample(text: string): void
  end(): void
}

/** A live bar on a terminal, a line every tenth of the way elsewhere. */
export function trainView(data: SequenceData, epochs: number, stream: NodeJS.WriteStream = process.stderr): TrainView {
  const progress = new Progress(data, epochs)
  return stream.isTTY ? new LiveView(progress, stream) : new PlainView(progress, stream)
}

/** How far a training is, in the words that both views show. */
class Progress {
  readonly #start = performance.now()
  readonly #tokensPerStep: number
  readonly #stepsPerEpoch: number
  #sum = 0
  fraction = 0
  epoch = 0
  perplexity = '–'
  speed = '–'

  constructor(
    { corpus, batchSize, numSteps }: SequenceData,
    readonly epochs: number,
  ) {
    this.#tokensPerStep = batchSize * numSteps
    this.#stepsPerEpoch = Math.floor(corpus.length / this.#tokensPerStep)
  }

  get left(): string {
    const seconds = (performance.now() - this.#start) / 1000
    return this.fraction > 0 ? duration((seconds / this.fraction) * (1 - this.fraction)) : '–'
  }

  step({ epoch, step, stepOfEpoch, loss }: StepEvent): void {
    // Offsets change the number of an epoch's batches by one; only its end is the end.
    this.fraction = (epoch - 1 + Math.min(stepOfEpoch / this.#stepsPerEpoch, 0.999)) / this.epochs
    this.epoch = epoch
    if (epoch > 1) return
    this.#sum += loss
    this.perplexity = Math.exp(this.#sum / stepOfEpoch).toFixed(2)
    this.speed = ((step * this.#tokensPerStep * 1000) / (performance.now() - this.#start)).toFixed(0)
  }

  end({ epoch, perplexity, tokensPerSecond }: EpochEvent): void {
    this.fraction = epoch / this.epochs
    this.epoch = epoch
    this.perplexity = perplexity.toFixed(2)
    this.speed = tokensPerSecond.toFixed(0)
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
    const format = `{bar} epoch {epoch}/{epochs}  perplexity ${bold('{perplexity}')}  {speed} tokens/s  {left} left`
    // A Ctrl-C ends the training, which ends the bar; the cursor comes back however the process ends.
    const options = { format, stream, hideCursor: true, fps: 10, barsize: 18, gracefulExit: false }
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
    const { epoch, epochs, perplexity, speed, left } = this.#progress
    return { epoch, epochs, perplexity, speed, left }
  }

  #update(): void {
    this.#bar.update(this.#progress.fraction, this.#shown())
  }
}

class PlainView implements TrainView {
  readonly #progress: Progress
  readonly #stream: NodeJS.WriteStream
  #tenths = 0

  constructor(progress: Progress, stream: NodeJS.WriteStream) {
    this.#progress = progress
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

  sample(text: string): void {
    this.#stream.write(`  ${text}\n`)
  }

  end(): void {}

  #print(): void {
    const { fraction, epoch, epochs, perplexity, speed, left } = this.#progress
    if (Math.floor(fraction * 10) === this.#tenths) return
    this.#tenths = Math.floor(fraction * 10)
    this.#stream.write(
      `${String(this.#tenths * 10).padStart(3)} %  epoch ${epoch}/${epochs}  perplexity ${perplexity}  ${speed} tokens/s  ${left} left\n`,
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
