import { effect, signal } from '@preact/signals'
import type { TrainEvent } from 'unrolled/browser'
import { type Fault, faultOf } from '../faults'
import { Points } from '../points'
import type { State } from '../session'
import { type ChosenSeries, series } from './chosen'
import type { Forecasted, FromSeries, SeriesFacts, SeriesResult, ToSeries } from './messages'
import type { SeriesSetup } from './setup'

/** Milliseconds between two changes of the page while it trains. */
const PACE = 120

const loss = (value: number): number => value

/** A training on a table, in a worker. Views read `tick` to be drawn again when something has changed. */
export class SeriesSession {
  readonly state = signal<State>('preparing')
  readonly fault = signal<Fault | undefined>(undefined)
  readonly tick = signal(0)
  readonly result = signal<SeriesResult | undefined>(undefined)
  readonly forecast = signal<Forecasted | undefined>(undefined)
  readonly trained = new Points(loss)
  readonly heldOut = new Points(loss)
  readonly setup: SeriesSetup
  facts: SeriesFacts | undefined
  epoch = 0
  step = 0
  /** The mean loss of the last epoch, or of the last step before there is one. */
  loss: number | undefined
  valuesPerSecond: number | undefined
  #due = 0
  readonly #worker = new Worker(new URL('./series-worker.ts', import.meta.url), { type: 'module' })

  constructor(readonly chosen: ChosenSeries) {
    const { name, text, setup } = chosen
    this.setup = setup
    this.#worker.onmessage = ({ data }: MessageEvent<FromSeries>) => this.#hear(data)
    this.#worker.onerror = ({ message }) => this.#fail({ name: 'Error', message: message || 'the worker has ended' })
    this.#tell({ type: 'begin', name, text, setup })
  }

  get isTraining(): boolean {
    return ['preparing', 'running', 'paused'].includes(this.state.value)
  }

  /** Seconds until the last epoch ends; undefined before the speed is known. */
  get secondsLeft(): number | undefined {
    const { facts, valuesPerSecond } = this
    if (!facts || !valuesPerSecond) return undefined
    return (facts.values * this.setup.epochs * (1 - this.step / facts.steps)) / valuesPerSecond
  }

  pause(): void {
    this.#tell({ type: 'pause', paused: true })
    this.state.value = 'paused'
  }

  goOn(): void {
    this.#tell({ type: 'pause', paused: false })
    this.state.value = 'running'
  }

  /** Ends the training after the current step; the result comes then. */
  stop(): void {
    this.#tell({ type: 'stop' })
    this.state.value = 'stopped'
  }

  /** Forecasts so many values after the end of the table. */
  ask(steps: number): void {
    this.#tell({ type: 'forecast', steps })
  }

  close(): void {
    this.#worker.terminate()
  }

  #tell(message: ToSeries): void {
    this.#worker.postMessage(message)
  }

  #hear(message: FromSeries): void {
    if (message.type === 'ready') {
      this.facts = message.facts
      this.state.value = 'running'
    } else if (message.type === 'events') {
      for (const event of message.events) this.#record(event)
      const now = performance.now()
      if (now < this.#due) return
      this.#due = now + PACE
      this.tick.value++
    } else if (message.type === 'result') {
      this.result.value = message.result
      if (this.state.value !== 'stopped') this.state.value = 'done'
      this.tick.value++
    } else if (message.type === 'forecast') this.forecast.value = message.forecast
    else this.#fail(message.error)
  }

  #fail(error: Extract<FromSeries, { type: 'failed' }>['error']): void {
    this.fault.value = faultOf(error, this.chosen.name, 'notSeries')
    if (!this.result.value) this.state.value = 'failed'
  }

  #record(event: TrainEvent): void {
    this.epoch = event.epoch
    this.step = event.step
    if (event.type === 'step') {
      this.trained.add(event.step, event.loss)
      this.valuesPerSecond = event.tokensPerSecond
      if (event.epoch === 1) this.loss = event.loss
    } else if (event.type === 'epoch') this.loss = event.loss
    else this.heldOut.add(event.step, event.loss)
  }
}

export const seriesSession = signal<SeriesSession | undefined>(undefined)

// Another table, or a text, ends a training; what it has come to stays for the same table.
effect(() => {
  const now = seriesSession.value
  if (!now?.isTraining || series.value?.text === now.chosen.text) return
  now.close()
  seriesSession.value = undefined
})

/** Begins a training, in place of the one before. */
export function beginSeries(chosen: ChosenSeries): void {
  seriesSession.value?.close()
  seriesSession.value = new SeriesSession(chosen)
}
