import { signal } from '@preact/signals'
import {
  cleanLines,
  type HistoryEvent,
  type RunEvent,
  savedRuns,
  type TrainEvent,
  Trainer,
  type TrainerFacts,
} from 'unrolled/browser'
import { beginningOf, historyOf } from './kept'
import { type Setup, setup, setupIn } from './setup'
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

/** Minutes between two checkpoints: what a page that is closed loses at most. */
const CHECKPOINT_MINUTES = 0.05

/** Characters of a sample after its beginning. */
const SAMPLE_LENGTH = 70

/** How a training begins. */
type Begin = (name: string) => Promise<Trainer>

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
  readonly #begin: Begin

  /** @param name of the run in the browser's own file system */
  constructor(
    readonly name: string,
    public setup: Setup,
    begin: Begin,
    earlier: readonly HistoryEvent[] = [],
  ) {
    this.#begin = begin
    for (const event of earlier) if (event.type !== 'resume') this.#record(event)
  }

  get facts(): TrainerFacts | undefined {
    return this.trainer?.facts
  }

  /** The name of the text, which the run's name begins with. */
  get textName(): string {
    return this.name.replace(/, (rnn|gru|lstm) \d+( \(\d+\))?$/, '')
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
      const trainer = await this.#begin(this.name)
      this.trainer = trainer
      this.setup = setupIn(trainer.facts.options)
      this.#prefix = firstWord(await beginningOf(this.name), this.setup.clean)
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
    if (event.type === 'warning') this.warnings.push(event.message)
    else if (event.type === 'step' || event.type === 'epoch' || event.type === 'validation') this.#record(event)
    if (event.type === 'epoch') void this.#sample()
    const now = performance.now()
    if (now < this.#due && event.type === 'step') return
    this.#due = now + PACE
    this.tick.value++
  }

  #record(event: TrainEvent): void {
    if (event.type === 'step') {
      const { step, epoch, loss, gradNorm, tokensPerSecond } = event
      Object.assign(this, { step, epoch, loss, gradNorm, tokensPerSecond })
      this.trained.add(step, loss)
    } else if (event.type === 'epoch') {
      const { step, epoch, perplexity } = event
      Object.assign(this, { step, epoch, perplexity })
    } else this.heldOut.add(event.step, event.loss)
  }
}

/** The word that samples begin with: the text's first. */
function firstWord(text: string, clean: boolean): string {
  const [word = ''] = (clean ? cleanLines(text).join(' ') : text).trim().split(/\s/)
  return [...word].slice(0, 20).join('')
}

export const session = signal<Session | undefined>(undefined)

/** The name of the run that the page showed last. */
const LAST = 'unrolled last run'

/** Begins a training, in place of the one before. */
export async function begin(setup: Setup, text: ChosenText, textName: string): Promise<void> {
  const taken = new Set(await savedRuns.names())
  const base = `${textName}, ${setup.cell} ${setup.hiddenSize}`
  let name = base
  for (let i = 2; taken.has(name); i++) name = `${base} (${i})`
  show(
    new Session(name, setup, async () =>
      Trainer.start(name, await read(text), { ...setup, checkpointMinutes: CHECKPOINT_MINUTES }, { textName }),
    ),
  )
}

/** Goes on with a training that the browser keeps, from its last checkpoint. */
export async function goOnWith(name: string): Promise<void> {
  const earlier = await historyOf(name)
  show(new Session(name, setup.value, () => Trainer.resume(name), earlier))
}

function show(next: Session): void {
  session.value?.close()
  session.value = next
  localStorage.setItem(LAST, next.name)
  void next.run()
}

/** The run that the page showed before it was loaded again, if the browser still keeps it. */
export async function lastRun(): Promise<string | undefined> {
  const name = localStorage.getItem(LAST)
  return name !== null && (await savedRuns.names()).includes(name) ? name : undefined
}
