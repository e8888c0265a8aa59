import { signal } from '@preact/signals'
import {
  type BrokenEvent,
  type DoneEvent,
  type HistoryEvent,
  type RunEvent,
  type RunOptions,
  type RunTrainer,
  savedRuns,
} from 'unrolled/browser'
import { type Fault, faultOf } from './faults'
import { hasModel, keptRun, runNames } from './kept'
import { Points } from './points'

export type State = 'preparing' | 'running' | 'paused' | 'stopped' | 'done' | 'failed'

/** Milliseconds between two changes of the page while it trains. */
const PACE = 120

/** Minutes between two checkpoints: what a page that is closed loses at most. */
export const CHECKPOINT_MINUTES = 0.05

/** How a training begins. */
export type Begin<T> = (name: string, signal: AbortSignal) => Promise<T>

/** What the setups of all trainings have. */
type AnySetup = Pick<RunOptions, 'epochs'>

/** A training of this page, on a text or on series. Views read `tick` to be drawn again when something has changed. */
export abstract class Session<S extends AnySetup = AnySetup, T extends RunTrainer = RunTrainer> {
  readonly state = signal<State>('preparing')
  /** What went wrong, if anything did. */
  readonly fault = signal<Fault | undefined>(undefined)
  readonly tick = signal(0)
  readonly trained: Points
  readonly heldOut: Points
  /** Sentences of the library's, in English. */
  readonly notes = new Set<string>()
  epoch = 0
  step = 0
  /** The mean loss of the last epoch, or of the last step before there is one. */
  loss: number | undefined
  perplexity: number | undefined
  /** Tokens or values. */
  itemsPerSecond: number | undefined
  gradNorm: number | undefined
  /** Whether it can go on from a checkpoint after it failed. */
  canGoOn = false
  /** What to try after the loss exploded. */
  advice: BrokenEvent | undefined
  trainer: T | undefined
  /** Resolves when it has ended, and what it has learned is kept. */
  over: Promise<void> = Promise.resolve()
  #due = 0
  readonly #begin: Begin<T>
  readonly #closing = new AbortController()

  /**
   * @param name of the run in the browser's own file system
   * @param curve what the curves show of a loss
   */
  constructor(
    readonly name: string,
    public setup: S,
    begin: Begin<T>,
    earlier: readonly HistoryEvent[],
    curve?: (loss: number) => number,
  ) {
    this.#begin = begin
    this.trained = new Points(curve)
    this.heldOut = new Points(curve)
    for (const event of earlier) this.#record(event)
  }

  /** Items that are trained on in all epochs, and at a step; undefined before they are known. */
  protected abstract get items(): { all: number; step: number } | undefined

  get facts(): T['facts'] | undefined {
    return this.trainer?.facts
  }

  get isTraining(): boolean {
    return ['preparing', 'running', 'paused'].includes(this.state.value)
  }

  /** Whether it is no training but a model that was opened, of whose training nothing is shown. */
  get isOpened(): boolean {
    return this.state.value === 'done' && this.epoch === 0
  }

  /** Seconds until the last epoch ends; undefined before the speed is known. */
  get secondsLeft(): number | undefined {
    const { items, itemsPerSecond } = this
    if (!items || !itemsPerSecond) return undefined
    return Math.max(0, items.all - this.step * items.step) / itemsPerSecond
  }

  /** Trains to the end, or until it is stopped. */
  async run(): Promise<void> {
    try {
      const trainer = await this.#begin(this.name, this.#closing.signal)
      this.trainer = trainer
      this.prepared(trainer)
      for (const note of [...trainer.notes, ...trainer.warnings]) this.notes.add(note)
      this.state.value = 'running'
      for await (const event of trainer.events()) this.#take(event)
      if (this.state.value === 'running') this.state.value = 'done'
    } catch (error) {
      // Another training has taken its place.
      if (this.#closing.signal.aborted) return
      this.fault.value = this.faultOf(error)
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

  /** Chooses again what it is trained on, in place of what was chosen since. */
  abstract choose(): void

  /** Takes over what is known once the training is prepared. */
  protected abstract prepared(trainer: T): void

  protected faultOf(error: unknown): Fault {
    return faultOf(error, this.name)
  }

  /** Does what follows an epoch. */
  protected afterEpoch(): void {}

  /** Does what follows the training, once its model is saved. */
  protected afterAll(_: DoneEvent): void {}

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

  #take(event: RunEvent): void {
    if (event.type === 'broken') this.advice = event
    else if (event.type === 'warning' && event.code === 'no-room') {
      // Going on would risk what it learns from here on. It tries again when it goes on.
      if (this.state.value === 'running') this.pause()
      this.fault.value = { kind: 'noRoomPaused', name: this.name }
    } else if (event.type === 'warning') this.notes.add(event.message)
    else this.#record(event)
    if (event.type === 'epoch') this.afterEpoch()
    if (event.type === 'done') this.afterAll(event)
    const now = performance.now()
    if (now < this.#due && event.type === 'step') return
    this.#due = now + PACE
    this.tick.value++
  }

  /** Keeps the figures of an event of the training, and lets others pass. */
  #record(event: RunEvent | HistoryEvent): void {
    if (event.type === 'step') {
      const { step, epoch, loss, gradNorm, tokensPerSecond: itemsPerSecond } = event
      Object.assign(this, { step, epoch, gradNorm, itemsPerSecond })
      this.trained.add(step, loss)
      if (epoch === 1) this.loss = loss
    } else if (event.type === 'epoch') {
      const { step, epoch, loss, perplexity } = event
      Object.assign(this, { step, epoch, loss, perplexity })
    } else if (event.type === 'validation') this.heldOut.add(event.step, event.loss)
  }
}

/** The training that the page shows, or showed last. */
export const session = signal<Session | undefined>(undefined)

/** The name of the run that the page showed last. */
const LAST = 'unrolled last run'

/**
 * Shows a training in place of the one before.
 * @param work what it does. Default: it trains
 */
export function show<T extends Session>(next: T, work = (one: T) => one.run()): void {
  session.value?.close()
  session.value = next
  localStorage.setItem(LAST, next.name)
  next.over = work(next)
}

/** The run that the page showed before it was loaded again, if the browser still keeps it and it can go on. */
export async function lastRun(): Promise<string | undefined> {
  const names = await runNames()
  const name = localStorage.getItem(LAST)
  return name !== null && names.includes(name) && (await keptRun(name)).unfinished ? name : undefined
}
