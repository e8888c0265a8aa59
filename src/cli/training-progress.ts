import type { EpochEvent, StepEvent, TrainingData, ValidationEvent } from '../node.js'
import type { StatusPart } from './status-lines.js'

/** How much a resumed training had done before. */
export interface Done {
  /** Completed epochs. */
  epoch: number
  /** Batches of the next epoch. */
  batch: number
}

/** What a view shows of a loss: e^loss, or where that means nothing the loss itself. */
export type Measure = 'perplexity' | 'loss'

/** From this many steps on, an epoch's own mean says more than the mean of the epoch before it. */
const ENOUGH_STEPS = 100

/** The progress of a training, as a terminal or a file shows it. */
export class TrainingProgressView {
  readonly #start = performance.now()
  /** The fraction of the training that was done before this process began. */
  readonly #before: number
  #batchesPerEpoch: number
  #sum = 0
  #steps = 0
  #batch = 0
  #epochEnded = false
  #value: number | undefined
  #validation: number | undefined
  #running: { lr: number; gradNorm: number; tokensPerSecond: number } | undefined
  #lrChanged = false
  fraction: number
  epoch: number

  constructor(
    { mostBatches }: Pick<TrainingData<unknown>, 'mostBatches'>,
    readonly epochs: number,
    done: Done,
    readonly measure: Measure = 'perplexity',
  ) {
    this.#batchesPerEpoch = Math.max(mostBatches, 1)
    this.#before = Math.min((done.epoch + done.batch / this.#batchesPerEpoch) / epochs, 1)
    this.fraction = this.#before
    this.epoch = done.epoch
  }

  step(event: StepEvent): void {
    const { epoch, batch, loss } = event
    // Random offsets change the number of batches by one, so only the end of the epoch counts as the end.
    this.fraction = (epoch - 1 + Math.min(batch / this.#batchesPerEpoch, 0.999)) / this.epochs
    this.epoch = epoch
    this.#batch = batch
    this.#sum += loss
    this.#steps++
    if (!this.#epochEnded || this.#steps >= ENOUGH_STEPS) this.#value = this.#meanOfSteps
    this.#run(event)
  }

  end(event: EpochEvent): void {
    this.fraction = event.epoch / this.epochs
    this.epoch = event.epoch
    // The number of batches was a guess until now; from here on it is known.
    this.#batchesPerEpoch = this.#batch || this.#batchesPerEpoch
    this.#sum = this.#steps = 0
    this.#epochEnded = true
    this.#value = event[this.measure]
    this.#run(event)
  }

  validation(event: ValidationEvent): void {
    this.#validation = event[this.measure]
  }

  /** The known values, each with its importance. */
  get parts(): StatusPart[] {
    const parts: StatusPart[] = [
      { text: `epoch ${this.epoch}/${this.epochs}`, importance: 6 },
      { text: `${this.measure} ${this.#value === undefined ? '–' : this.#shown(this.#value)}`, importance: 8 },
    ]
    if (this.#validation !== undefined) {
      parts.push({ text: `validation ${this.#shown(this.#validation)}`, importance: 7 })
    }
    if (this.#running) {
      const { lr, gradNorm, tokensPerSecond } = this.#running
      parts.push({ text: `gradient norm ${decimal(gradNorm)}`, importance: 2 })
      if (this.#lrChanged) parts.push({ text: `lr ${Number(lr.toPrecision(3))}`, importance: 1 })
      const items = this.measure === 'loss' ? 'items' : 'tokens'
      parts.push({ text: `${tokensPerSecond.toFixed(0)} ${items}/s`, importance: 4 })
    }
    parts.push({ text: `${this.#left} left`, importance: 5 })
    return parts
  }

  get #meanOfSteps(): number {
    const loss = this.#sum / this.#steps
    return this.measure === 'loss' ? loss : Math.exp(loss)
  }

  #shown(value: number): string {
    return this.measure === 'loss' ? value.toFixed(4) : decimal(value)
  }

  #run({ lr, gradNorm, tokensPerSecond }: StepEvent | EpochEvent): void {
    this.#lrChanged ||= this.#running !== undefined && this.#running.lr !== lr
    this.#running = { lr, gradNorm, tokensPerSecond }
  }

  get #left(): string {
    const [done, seconds] = [this.fraction - this.#before, (performance.now() - this.#start) / 1000]
    return done > 0 ? duration((seconds / done) * (1 - this.fraction)) : '–'
  }
}

/** A number with two decimals, or with an exponent if it is very small or very large; a perplexity may be too large for one. */
function decimal(value: number): string {
  if (value === Infinity) return 'beyond 1e308'
  return value === 0 || (value >= 0.01 && value < 1e5) ? value.toFixed(2) : value.toExponential(1)
}

/** Seconds as 1:02:03 or 2:03. */
export function duration(seconds: number): string {
  const whole = Math.round(seconds)
  const two = (value: number) => String(value).padStart(2, '0')
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60]
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`
}
