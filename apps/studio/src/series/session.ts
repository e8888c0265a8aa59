import { computed, signal } from '@preact/signals'
import { type HistoryEvent, OpfsStore, type RunOptions, runForecaster, SeriesTrainer } from 'unrolled/browser'
import { type Fault, faultOf, told } from '../faults'
import { freeName, historyOf, keptRun, runNames } from '../kept'
import { type Begin, CHECKPOINT_MINUTES, Session, session, show } from '../session'
import { SeriesWorker } from './asked'
import { type ChosenSeries, chooseSeries, series, tableFrom } from './chosen'
import type { Forecasted, SeriesResult } from './messages'
import { partsOf, type SeriesSetup, setupOf } from './setup'

const loss = (value: number): number => value

/** A training on series of numbers, and what it forecasts when it has ended. */
export class SeriesSession extends Session<SeriesSetup, SeriesTrainer> {
  readonly result = signal<SeriesResult | undefined>(undefined)
  readonly forecast = signal<Forecasted | undefined>(undefined)
  #forecaster: SeriesWorker | undefined

  constructor(
    name: string,
    readonly chosen: ChosenSeries,
    begin: Begin<SeriesTrainer>,
    earlier: readonly HistoryEvent[] = [],
  ) {
    super(name, chosen.setup, begin, earlier, loss)
  }

  protected override get items() {
    const { facts } = this
    return facts && { all: facts.batches * facts.batchItems * this.setup.epochs, step: facts.batchItems }
  }

  protected override prepared({ facts }: SeriesTrainer): void {
    // What suits the dates is left to be that.
    this.setup = { ...setupOf(facts.series, facts.options), calendar: this.setup.calendar }
    // To train again is to train the same again.
    if (seriesSession.peek() === this) this.choose()
  }

  protected override faultOf(error: unknown): Fault {
    return faultOf(error, this.chosen.file.name, 'notSeries')
  }

  override choose(): void {
    series.value = { ...this.chosen, setup: this.setup }
  }

  override async run(): Promise<void> {
    await super.run()
    if (this.state.value === 'done' || this.state.value === 'stopped') await this.#open()
  }

  /** Shows what a training forecasts that ended before the page was loaded. */
  async look(isFinished: boolean): Promise<void> {
    this.state.value = isFinished ? 'done' : 'stopped'
    await this.#open()
  }

  /** Forecasts so many values after the end of the table. */
  ask(steps: number): Promise<void> {
    return this.#told(async () => {
      this.forecast.value = await this.#forecaster?.ask('forecast', { steps })
    })
  }

  override close(): void {
    super.close()
    this.#forecaster?.close()
  }

  #open(): Promise<void> {
    return this.#told(async () => {
      this.#forecaster = new SeriesWorker()
      const result = await this.#forecaster.ask('open', { run: this.name })
      this.result.value = result
      this.forecast.value = result.forecast
    })
  }

  async #told(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      this.fault.value = this.faultOf(error)
    }
  }
}

/** The training that the page shows, if it is one on the table that is chosen. */
export const seriesSession = computed(() => {
  const now = session.value
  return now instanceof SeriesSession && now.chosen.file === series.value?.file ? now : undefined
})

/** Begins a training, in place of the one before. */
export const beginSeries = (chosen: ChosenSeries): Promise<boolean> =>
  told(async () => {
    const { file, setup, base } = chosen
    const table = file.name.replace(/\.\w+$/, '')
    const name = freeName(`${table}, ${setup.cell} ${setup.hiddenSize}`, await runNames())
    const start = (name: string, signal: AbortSignal) => {
      const { reading, options } = partsOf(setup)
      const { cell, hiddenSize, numLayers, ...free } = options
      const kept = { ...(base ? { ...free, initFrom: base.name } : options), checkpointMinutes: CHECKPOINT_MINUTES }
      return SeriesTrainer.start(name, file, reading, kept, { signal, ...(base && { model: base.model }) })
    }
    show(new SeriesSession(name, chosen, start))
  })

/** A kept training, which may go on with these options changed. */
async function keptSession(name: string, options: Partial<RunOptions>): Promise<SeriesSession | undefined> {
  const kept = await tableFrom('kept', { run: name }, name)
  if (!kept) return undefined
  await chooseSeries({ ...kept, isNew: false })
  const resume = (name: string, signal: AbortSignal) => SeriesTrainer.resume(name, options, { signal })
  return new SeriesSession(name, series.value!, resume, await historyOf(name).events())
}

/** Goes on with a training that the browser keeps, from its last checkpoint, with these options changed. */
export async function resumeSeries(name: string, options: Partial<RunOptions>): Promise<void> {
  const next = await keptSession(name, options)
  if (next) show(next)
}

/** Lets the next training begin with the model of a kept one, on the same table as long as no other is chosen. */
export async function beginWith(name: string): Promise<void> {
  const kept = await tableFrom('kept', { run: name }, name)
  const model = await runForecaster(new OpfsStore(name))
  if (kept) await chooseSeries({ ...kept, isNew: false, base: { name, model } })
}

/** Shows what a training forecasts that the browser keeps. */
export async function lookAtSeries(name: string): Promise<void> {
  const { unfinished } = await keptRun(name)
  const next = await keptSession(name, {})
  if (next) show(next, (one) => one.look(!unfinished))
}
