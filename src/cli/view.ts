import { MultiBar, type SingleBar } from 'cli-progress'
import type { EpochEvent, StepEvent, TrainingData, ValidationEvent } from '../node.js'
import { colorsOf } from './colors.js'
import { movesCursor, visible } from './output.js'
import { type StatusPart, statusLines } from './status-lines.js'
import { type Done, type Measure, TrainingProgressView } from './training-progress.js'

export { duration } from './training-progress.js'

/** The view of a training that a person watches. */
export interface TrainView {
  step(event: StepEvent): void
  epoch(event: EpochEvent): void
  validation(event: ValidationEvent): void
  /** Shows a text that the model generated. */
  sample(text: string): void
  end(): void
}

/**
 * A live bar on a terminal that can move its cursor; elsewhere, a line for every tenth of the training.
 * @param done how much a resumed training had done before, to estimate the time that is left
 */
export function trainView(
  data: Pick<TrainingData<unknown>, 'mostBatches'>,
  epochs: number,
  stream: NodeJS.WriteStream = process.stderr,
  done: Done = { epoch: 0, batch: 0 },
  measure: Measure = 'perplexity',
): TrainView {
  const progress = new TrainingProgressView(data, epochs, done, measure)
  return movesCursor(stream) ? new LiveView(progress, stream) : new PlainView(progress, stream)
}

class LiveView implements TrainView {
  readonly #bars: MultiBar
  readonly #lines: SingleBar[] = []
  readonly #progress: TrainingProgressView
  readonly #stream: NodeJS.WriteStream
  readonly #end = () => this.end()
  #ended = false

  constructor(progress: TrainingProgressView, stream: NodeJS.WriteStream) {
    this.#progress = progress
    this.#stream = stream
    // Ctrl-C ends the training, which ends the bar; the cursor comes back however the process ends. Lines are
    // redrawn even if they did not change, because a sample may have taken their place.
    const options = { format: '{line}', stream, hideCursor: true, fps: 10, forceRedraw: true, gracefulExit: false }
    this.#bars = new MultiBar(options)
    this.#update()
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
    const { dim } = colorsOf(this.#stream)
    const clearToTheRight = '\x1b[K'
    for (const line of visible(text).split('\n')) this.#bars.log(`  ${dim(line)}${clearToTheRight}\n`)
  }

  end(): void {
    if (this.#ended) return
    this.#ended = true
    process.off('exit', this.#end)
    // Prints samples that still wait for the next drawing.
    this.#bars.update()
    // The bar's last drawing cuts lines at the terminal's width, counting colour codes as letters.
    this.#update(String)
    this.#bars.stop()
  }

  #update(strong = colorsOf(this.#stream).bold): void {
    const { fraction, parts } = this.#progress
    // The last column stays free: some terminals begin a new line as soon as it is written.
    const lines = statusLines([bar(fraction), ...parts], (this.#stream.columns || 80) - 1, strong)
    // A second line is created when it is first needed, and stays.
    while (this.#lines.length < lines.length) this.#lines.push(this.#bars.create(1, 0, { line: '' }))
    for (const [i, line] of this.#lines.entries()) line.update({ line: lines[i] ?? '' })
  }
}

function bar(fraction: number): StatusPart {
  const [size, done] = [18, Math.round(fraction * 18)]
  return { text: '█'.repeat(done) + '░'.repeat(size - done), importance: 3 }
}

class PlainView implements TrainView {
  readonly #progress: TrainingProgressView
  readonly #stream: NodeJS.WriteStream
  #tenths: number
  #validated = -1

  constructor(progress: TrainingProgressView, stream: NodeJS.WriteStream) {
    this.#progress = progress
    this.#stream = stream
    this.#tenths = Math.floor(progress.fraction * 10)
  }

  step(event: StepEvent): void {
    this.#progress.step(event)
    this.#print()
  }

  epoch(event: EpochEvent): void {
    this.#progress.end(event)
    this.#print()
  }

  /** Prints a line for the first validation in each tenth, because the tenth's own line may already be printed. */
  validation(event: ValidationEvent): void {
    this.#progress.validation(event)
    if (this.#validated === this.#tenths) return
    this.#validated = this.#tenths
    const { epoch, best } = event
    const { measure } = this.#progress
    this.#stream.write(
      `       validation ${measure} ${event[measure].toFixed(measure === 'loss' ? 4 : 2)} in epoch ${epoch}${best ? ', the best so far' : ''}\n`,
    )
  }

  sample(text: string): void {
    for (const line of visible(text).split('\n')) this.#stream.write(`  ${line}\n`)
  }

  end(): void {}

  #print(): void {
    const { fraction, parts } = this.#progress
    const tenths = Math.floor(fraction * 10)
    if (tenths === this.#tenths) return
    this.#tenths = tenths
    this.#stream.write(`${String(tenths * 10).padStart(3)} %  ${parts.map(({ text }) => text).join('  ')}\n`)
  }
}
