import { MultiBar, Presets, type SingleBar } from 'cli-progress'
import pc from 'picocolors'
import type { EpochEvent, StepEvent } from '../train/steps.js'

const FORMAT = `{bar} epoch {epoch}/{epochs}  perplexity ${pc.bold('{perplexity}')}  {speed} tokens/s  {left} left`

/** What a person watches during a training. */
export interface TrainView {
  step(event: StepEvent): void
  epoch(event: EpochEvent): void
  /** Lines above the progress. */
  say(text: string): void
  end(): void
}

/** A live bar on a terminal, a line every tenth of the epochs elsewhere. */
export function trainView(epochs: number): TrainView {
  return process.stderr.isTTY ? new LiveView(epochs) : new PlainView()
}

class LiveView implements TrainView {
  readonly #bars: MultiBar
  readonly #bar: SingleBar
  readonly #start = performance.now()
  #shown = { epoch: 0, epochs: 0, perplexity: '–', speed: '–', left: '–' }

  constructor(epochs: number) {
    this.#bars = new MultiBar({ format: FORMAT, hideCursor: true, fps: 10, barsize: 24 }, Presets.shades_classic)
    this.#shown = { ...this.#shown, epochs }
    this.#bar = this.#bars.create(epochs, 0, this.#shown)
  }

  step(): void {
    this.#bar.update(this.#shown.epoch, this.#shown)
  }

  epoch({ epoch, epochs, perplexity, tokensPerSecond }: EpochEvent): void {
    const seconds = ((performance.now() - this.#start) / 1000 / epoch) * (epochs - epoch)
    const [speed, left] = [tokensPerSecond.toFixed(0), duration(seconds)]
    this.#shown = { epoch, epochs, perplexity: perplexity.toFixed(2), speed, left }
    this.#bar.update(epoch, this.#shown)
  }

  say(text: string): void {
    this.#bars.log(`${text}\n`)
  }

  end(): void {
    this.#bar.update(this.#shown.epoch, this.#shown)
    this.#bars.stop()
  }
}

class PlainView implements TrainView {
  step(): void {}

  epoch({ epoch, epochs, perplexity, tokensPerSecond }: EpochEvent): void {
    if (epoch % Math.ceil(epochs / 10) !== 0 && epoch !== epochs) return
    console.error(
      `epoch ${epoch}/${epochs}  perplexity ${perplexity.toFixed(2)}  ${tokensPerSecond.toFixed(0)} tokens/s`,
    )
  }

  say(text: string): void {
    console.error(text)
  }

  end(): void {}
}

/** Seconds as 1:02:03 or 2:03. */
export function duration(seconds: number): string {
  const whole = Math.round(seconds)
  const two = (value: number) => String(value).padStart(2, '0')
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60]
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`
}
