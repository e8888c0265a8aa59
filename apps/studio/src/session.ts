import { signal } from '@preact/signals'
import { cleanLines, type RunEvent, Trainer, type TrainerFacts } from 'unrolled/browser'
import type { Setup } from './setup'
import { type ChosenText, read } from './text'

export type State = 'preparing' | 'running' | 'paused' | 'stopped' | 'done' | 'failed'

/** A text that the model wrote, and the epoch after which it did. */
export interface Sample {
  epoch: number
  text: string
}

/** The most points of a curve; beyond it, two neighbours become one. */
const MOST_POINTS = 2000

/** Perplexities over steps. */
export class Points {
  steps: number[] = []
  values: number[] = []
  #every = 1
  #waiting: { sum: number; count: number } = { sum: 0, count: 0 }

  /** Adds a loss in nats: the mean of neighbours is taken before e^loss, as for an epoch. */
  add(step: number, loss: number): void {
    this.#waiting.sum += loss
    this.#waiting.count++
    if (this.#waiting.count < this.#every) return
    this.steps.push(step)
    this.values.push(Math.exp(this.#waiting.sum / this.#waiting.count))
    this.#waiting = { sum: 0, count: 0 }
    if (this.steps.length <= MOST_POINTS) return
    this.steps = this.steps.filter((_, i) => i % 2 === 1)
    this.values = this.values.flatMap((value, i) => (i % 2 === 1 ? Math.sqrt(value * this.values[i - 1]) : []))
    this.#every *= 2
  }

  get last(): number | undefined {
    return this.values.at(-1)
  }
}

/** Milliseconds between two changes of the page while it trains. */
const PACE = 120

/** Milliseconds between two samples. */
const SAMPLE_PACE = 2000

/** Characters of a sample after its beginning. */
const SAMPLE_LENGTH = 70

/** A training of this page. Views read `tick` to be drawn again when something has changed. */
export class Session {
  readonly state = signal<State>('preparing')
  readonly tick = signal(0)
  readonly trained = new Points()
  readonly heldOut = new Points()
  readonly samples: Sample[] = []
  readonly warnings: string[] = []
  epoch = 0
  step = 0
  loss: number | undefined
  perplexity: number | undefined
  tokensPerSecond: number | undefined
  gradNorm: number | undefined
  error: string | undefined
  trainer: Trainer | undefined
  #due = 0
  #sampleDue = 0
  #prefix = ''

  constructor(
    readonly setup: Setup,
    readonly text: ChosenText,
    readonly textName: string,
  ) {}

  get facts(): TrainerFacts | undefined {
    return this.trainer?.facts
  }

  /** Seconds until the last epoch ends; undefined before the speed is known. */
  get secondsLeft(): number | undefined {
    const { facts, tokensPerSecond } = this
    if (!facts || !tokensPerSecond) return undefined
    const perEpoch = facts.sizes.train ?? facts.tokens
    const { numSteps, batchSize, epochs } = this.setup
    const done = this.step * numSteps * batchSize
    return Math.max(0, perEpoch * epochs - done) / tokensPerSecond
  }

  /** Trains to the end, or until it is stopped. */
  async run(): Promise<void> {
    try {
      const text = await read(this.text)
      this.#prefix = firstWord(text, this.setup.clean)
      const trainer = await Trainer.start(RUN, text, this.setup, { textName: this.textName })
      this.trainer = trainer
      this.warnings.push(...trainer.notes, ...trainer.warnings)
      this.state.value = 'running'
      for await (const event of trainer.events()) this.#take(event)
      if (this.state.value === 'running') this.state.value = 'done'
    } catch (error) {
      this.error = (error as Error).message
      this.state.value = 'failed'
    }
    this.tick.value++
  }

  pause(): void {
    this.trainer?.pause()
    this.state.value = 'paused'
  }

  goOn(): void {
    this.trainer?.goOn()
    this.state.value = 'running'
  }

  async stop(): Promise<void> {
    this.state.value = 'stopped'
    await this.trainer?.stop()
  }

  /** Ends the worker. */
  close(): void {
    this.trainer?.close()
  }

  /** Lets the model write, unless it just did. */
  async #sample(): Promise<void> {
    const now = performance.now()
    if (!this.trainer || now < this.#sampleDue) return
    this.#sampleDue = now + SAMPLE_PACE
    const { epoch } = this
    // A training that has ended answers no more.
    const text = await this.trainer.predict(this.#prefix, SAMPLE_LENGTH, { temperature: 0.7 }).catch(() => undefined)
    if (text === undefined) return
    this.samples.unshift({ epoch, text })
    this.tick.value++
  }

  #take(event: RunEvent): void {
    if (event.type === 'step') {
      const { step, epoch, loss, gradNorm, tokensPerSecond } = event
      Object.assign(this, { step, epoch, loss, gradNorm, tokensPerSecond })
      this.trained.add(step, loss)
    } else if (event.type === 'epoch') {
      this.perplexity = event.perplexity
      void this.#sample()
    } else if (event.type === 'validation') this.heldOut.add(event.step, event.loss)
    else if (event.type === 'warning') this.warnings.push(event.message)
    const now = performance.now()
    if (now < this.#due && event.type === 'step') return
    this.#due = now + PACE
    this.tick.value++
  }
}

/** The word that samples begin with: the text's first. */
function firstWord(text: string, clean: boolean): string {
  const part = text.slice(0, 1000)
  const [word = ''] = (clean ? cleanLines(part).join(' ') : part).trim().split(/\s/)
  return [...word].slice(0, 20).join('')
}

/** The name of the page's run in the browser's own file system. */
const RUN = 'studio'

export const session = signal<Session | undefined>(undefined)

/** Begins a training, in place of the one before. */
export function begin(setup: Setup, text: ChosenText, textName: string): void {
  session.value?.close()
  const next = new Session(setup, text, textName)
  session.value = next
  void next.run()
}
