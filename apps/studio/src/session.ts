import { signal } from '@preact/signals'
import {
  type BrokenEvent,
  type HistoryEvent,
  type RunEvent,
  type RunOptions,
  savedRuns,
  Trainer,
  type TrainerFacts,
} from 'unrolled/browser'
import { type Base, optionsOf } from './base'
import { type Fault, FaultError, faultOf, told } from './faults'
import { freeName, hasModel, historyOf, runNames, textOf } from './kept'
import { Points } from './points'
import { type Setup, setup, setupIn } from './setup'
import { type ChosenText, choose, chosen, read } from './text'

export type State = 'preparing' | 'running' | 'paused' | 'stopped' | 'done' | 'failed'

/** A text that the model wrote, and the epoch after which it did. */
export interface Sample {
  epoch: number
  text: string
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
type Begin = (name: string, signal: AbortSignal) => Promise<Trainer>

/** A training of this page. Views read `tick` to be drawn again when something has changed. */
export class Session {
  readonly state = signal<State>('preparing')
  /** What went wrong, if anything did. */
  readonly fault = signal<Fault | undefined>(undefined)
  readonly tick = signal(0)
  readonly trained = new Points()
  readonly heldOut = new Points()
  readonly samples: Sample[] = []
  /** Sentences of the library's, in English. */
  readonly notes = new Set<string>()
  epoch = 0
  step = 0
  loss: number | undefined
  perplexity: number | undefined
  tokensPerSecond: number | undefined
  gradNorm: number | undefined
  /** Whether it can go on from a checkpoint after it failed. */
  canGoOn = false
  /** What to try after the loss exploded. */
  advice: BrokenEvent | undefined
  trainer: Trainer | undefined
  /** Resolves when it has ended, and what it has learned is kept. */
  over: Promise<void> = Promise.resolve()
  #due = 0
  #sampleDue = 0
  readonly #begin: Begin
  readonly #closing = new AbortController()

  /** @param name of the run in the browser's own file system */
  constructor(
    readonly name: string,
    public setup: Setup,
    begin: Begin,
    earlier: readonly HistoryEvent[] = [],
  ) {
    this.#begin = begin
    for (const event of earlier) this.#record(event)
  }

  get facts(): TrainerFacts | undefined {
    return this.trainer?.facts
  }

  /** The name of the text, once it is known, or else of the training. */
  get textName(): string {
    return this.facts?.source ?? this.name
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
      const trainer = await this.#begin(this.name, this.#closing.signal)
      this.trainer = trainer
      this.setup = setupIn(trainer.facts.options)
      // To train again is to train the same again.
      setup.value = this.setup
      for (const note of [...trainer.notes, ...trainer.warnings]) this.notes.add(note)
      this.state.value = 'running'
      for await (const event of trainer.events()) this.#take(event)
      if (this.state.value === 'running') this.state.value = 'done'
    } catch (error) {
      // Another training has taken its place.
      if (this.#closing.signal.aborted) return
      this.fault.value = faultOf(error, this.name)
      await this.#cleanUp()
      this.state.value = 'failed'
    }
    this.tick.value++
  }

  pause(): void {
    this.trainer?.pause()
    this.state.value = 'paused'
  }

  goOn(): void {
    this.fault.value = undefined
    this.trainer?.goOn()
    this.state.value = 'running'
  }

  async stop(): Promise<void> {
    this.state.value = 'stopped'
    await this.trainer?.stop()
  }

  /** Ends the worker. */
  close(): void {
    this.#closing.abort()
    this.trainer?.close()
  }

  /** Removes what a training leaves that broke before it had learned anything. */
  async #cleanUp(): Promise<void> {
    const isOurs = this.trainer !== undefined || this.fault.value?.kind === 'noRoom'
    try {
      this.canGoOn = await hasModel(this.name)
      if (isOurs && !this.canGoOn) await savedRuns.remove(this.name)
    } catch {
      // Then it stays in the library, which says more.
    }
  }

  /** Lets the model write, unless it just did. */
  async #sample(): Promise<void> {
    const now = performance.now()
    if (!this.trainer || now < this.#sampleDue) return
    this.#sampleDue = now + SAMPLE_PACE
    const { epoch } = this
    const [prefix = ''] = this.trainer.facts.prefixes
    // A training that has ended answers no more.
    const text = await this.trainer.predict(prefix, SAMPLE_LENGTH, { temperature: 0.7 }).catch(() => undefined)
    if (text === undefined) return
    this.samples.unshift({ epoch, text })
    this.tick.value++
  }

  #take(event: RunEvent): void {
    if (event.type === 'broken') this.advice = event
    else if (event.type === 'warning' && event.code === 'no-room') {
      // Going on would risk what it learns from here on. It tries again when it goes on.
      if (this.state.value === 'running') this.pause()
      this.fault.value = { kind: 'noRoomPaused', name: this.name }
    } else if (event.type === 'warning') this.notes.add(event.message)
    else this.#record(event)
    if (event.type === 'epoch') void this.#sample()
    const now = performance.now()
    if (now < this.#due && event.type === 'step') return
    this.#due = now + PACE
    this.tick.value++
  }

  /** Keeps the figures of an event of the training, and lets others pass. */
  #record(event: RunEvent | HistoryEvent): void {
    if (event.type === 'step') {
      const { step, epoch, loss, gradNorm, tokensPerSecond } = event
      Object.assign(this, { step, epoch, loss, gradNorm, tokensPerSecond })
      this.trained.add(step, loss)
    } else if (event.type === 'epoch') {
      const { step, epoch, perplexity } = event
      Object.assign(this, { step, epoch, perplexity })
    } else if (event.type === 'validation') this.heldOut.add(event.step, event.loss)
  }
}

export const session = signal<Session | undefined>(undefined)

// What went wrong with another text says nothing of this one.
chosen.subscribe(() => {
  const now = session.peek()
  if (now?.state.peek() !== 'failed') return
  now.close()
  session.value = undefined
})

/** The name of the run that the page showed last. */
const LAST = 'unrolled last run'

/** Begins a training, in place of the one before. */
export const begin = (wanted: Setup, text: ChosenText, textName: string, from: Base | undefined): Promise<boolean> =>
  told(async () => {
    if (wanted.device === 'webgpu' && !(await hasWebGpu())) throw new FaultError({ kind: 'noWebGpu' })
    const name = freeName(`${textName}, ${wanted.cell} ${wanted.hiddenSize}`, await runNames())
    show(
      new Session(name, wanted, async (name, signal) => {
        const options = { ...optionsOf(wanted, from), checkpointMinutes: CHECKPOINT_MINUTES }
        return Trainer.start(name, await read(text), options, { textName, signal, ...(from && { model: from }) })
      }),
    )
  })

/** Goes on with a training that the browser keeps, from its last checkpoint, with these options changed. */
export const goOnWith = (name: string, options: Partial<RunOptions> = {}): Promise<boolean> =>
  told(async () => {
    // Its worker may hold the run.
    session.value?.close()
    const earlier = await historyOf(name).events()
    const resume: Begin = async (name, signal) => {
      const trainer = await Trainer.resume(name, options, { signal })
      const { clean, maxTokens } = setupIn(trainer.facts.options)
      choose({ own: { name: trainer.facts.source, read: () => textOf(name), reading: { clean, maxTokens } } })
      return trainer
    }
    show(new Session(name, setup.value, resume, earlier))
  }, name)

function show(next: Session): void {
  session.value?.close()
  session.value = next
  localStorage.setItem(LAST, next.name)
  next.over = next.run()
}

/** The run that the page showed before it was loaded again, if the browser still keeps it. */
export async function lastRun(): Promise<string | undefined> {
  const names = await runNames()
  const name = localStorage.getItem(LAST)
  return name !== null && names.includes(name) ? name : undefined
}

/** WebGPU is no part of the types of pages yet. */
interface WithGpu {
  gpu?: { requestAdapter(): Promise<unknown> }
}

const hasWebGpu = async (): Promise<boolean> =>
  Boolean(await (navigator as WithGpu).gpu?.requestAdapter().catch(() => null))
