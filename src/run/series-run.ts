import { DataError, DivergenceError, OptionError } from '../core/errors.js'
import { Generator } from '../core/random.js'
import type { SeriesData } from '../data/series/series-data.js'
import type { Device } from '../device/device.js'
import { encodeSeriesFiles, seriesConfigOf, seriesModelOf, seriesModelWith } from '../formats/series-config.js'
import { joined, sha256Of, sourceOf } from '../formats/source.js'
import type { SeriesModel } from '../nn/series-model.js'
import { type Forecaster, intervalsOf } from '../train/forecast.js'
import { tensorsUnder } from '../train/progress.js'
import { seriesTraining } from '../train/train-series.js'
import type { TrainEvent } from '../train/training-events.js'
import { ExplodedError } from './explosion.js'
import { type EventWriter, openHistory } from './history.js'
import {
  encodeSeriesCheckpoint,
  type SeriesRecord,
  type SeriesRunOptions,
  storedSeriesCheckpoint,
} from './series-checkpoint.js'
import { CHECKPOINT, type RunStore } from './store.js'

/** The values of options that are left out. */
export const seriesRunDefaults: SeriesRunOptions = {
  cell: 'gru',
  hiddenSize: 32,
  numLayers: 1,
  dropout: 0,
  batchSize: 32,
  epochs: 10,
  lr: 0.01,
  weightDecay: 0.01,
  clip: 1,
  seed: 0,
}

/** What a training of series gets besides its options. */
export interface SeriesRunSetup {
  /** Where it computes. Default: the CPU. */
  device?: Device
  /** Minutes between two checkpoints. Default 1. */
  checkpointMinutes?: number
  /** Steps between two checkpoints. Default Infinity. */
  checkpointSteps?: number
  signal?: AbortSignal
}

/**
 * Begins a training of series in a store.
 * @param read reads the series, with this generator and batch size
 */
export async function startSeriesRun(
  store: RunStore,
  file: string,
  read: (options: { generator: Generator; batchSize: number }) => Promise<SeriesData>,
  given: Partial<SeriesRunOptions> = {},
  setup: SeriesRunSetup = {},
): Promise<SeriesRun> {
  const options = { ...seriesRunDefaults, ...given }
  const generator = new Generator(options.seed)
  const data = await read({ generator, batchSize: options.batchSize })
  const sizes = { ...options, layerNorm: options.layerNorm ?? false, bias: true, spec: data.spec }
  const model = seriesModelOf(sizes, generator)
  if (setup.device) model.to(setup.device)
  const training = seriesTraining(model, data, { ...trainingPart(options), signal: setup.signal })
  await store.refuseBusy()
  await store.check()
  await refuseUnfinishedSeries(store)
  await store.enter()
  const record = { options, file, fingerprint: await fingerprintOf(data), historyBytes: 0, finished: false }
  return new SeriesRun(store, data, model, training, record, setup)
}

/**
 * Goes on with a training of series from its last checkpoint, to the same bits.
 * @param read reads the series again
 * @throws DataError if there is none, it is finished, or the series differ
 */
export async function resumeSeriesRun(
  store: RunStore,
  read: (
    file: string,
    spec: SeriesData['spec'],
    options: { generator: Generator; batchSize: number },
  ) => Promise<SeriesData>,
  setup: SeriesRunSetup = {},
): Promise<SeriesRun> {
  await store.refuseBusy()
  const found = await storedSeriesCheckpoint(store)
  if (!found) throw new DataError(`${store.name}: there is no training to resume, expected ${CHECKPOINT}`)
  const { config, record, tensors, progress } = found
  if (record.finished) throw new OptionError(`${store.name}: the training has finished; train again to begin another`)
  const { options } = record
  const generator = new Generator(options.seed)
  const data = await read(record.file, config.spec, { generator, batchSize: options.batchSize })
  if ((await fingerprintOf(data)) !== record.fingerprint) {
    throw new DataError(
      `${record.file}: the values differ from those that the training in ${store.name} began with; restore that file, or begin a new training`,
    )
  }
  const model = seriesModelWith(config, tensorsUnder('model', tensors), `${store.name}/${CHECKPOINT}`, generator)
  if (setup.device) model.to(setup.device)
  const training = seriesTraining(model, data, { ...trainingPart(options), signal: setup.signal })
  training.restore({ tensors, progress })
  await store.enter()
  return new SeriesRun(store, data, model, training, record, setup)
}

const trainingPart = ({ epochs, lr, weightDecay, clip }: SeriesRunOptions) => ({ epochs, lr, weightDecay, clip })

/** @throws DataError if a store holds an unfinished training of series, which a new one would replace */
async function refuseUnfinishedSeries(store: RunStore): Promise<void> {
  if (!(await store.names()).includes(CHECKPOINT)) return
  const found = await storedSeriesCheckpoint(store).catch(() => undefined)
  if (found?.record.finished) return
  throw new DataError(
    `${store.name}: a training there is unfinished, expected an empty folder or a finished one; resume it, choose another folder, or remove ${CHECKPOINT}`,
  )
}

/** A checksum of the values of all series. */
async function fingerprintOf({ table }: SeriesData): Promise<string> {
  const columns = table.series.flatMap(({ columns }) => columns)
  const bytes = columns.map(({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength))
  return sha256Of(sourceOf(joined(bytes)), 'the series')
}

/** A training of series that is kept in a store: its checkpoints, its history, and at its end its model. */
export class SeriesRun {
  /** The trained model; known after the loop over the events, unless a signal stopped it. */
  forecaster: Forecaster | undefined
  #saved: { step: number; time: number }

  /** @internal */
  constructor(
    readonly store: RunStore,
    readonly data: SeriesData,
    readonly model: SeriesModel,
    readonly training: ReturnType<typeof seriesTraining>,
    readonly record: SeriesRecord,
    readonly setup: SeriesRunSetup,
  ) {
    this.#saved = { step: training.step, time: performance.now() }
  }

  /**
   * Trains to the end and saves the model; a signal, or leaving the loop, leaves a checkpoint instead.
   * @throws ExplodedError if the loss is not finite
   */
  async *events(): AsyncGenerator<TrainEvent, void> {
    const { training, record, store, setup } = this
    const history = await openHistory(store, record.historyBytes)
    if (training.step === 0) await this.#save(history)
    const { checkpointMinutes = 1, checkpointSteps = Infinity } = setup
    let over = false
    try {
      for await (const event of training.run()) {
        await history.write(event)
        yield event
        const due = performance.now() - this.#saved.time >= checkpointMinutes * 60_000
        if (due || training.step - this.#saved.step >= checkpointSteps) await this.#save(history)
      }
      over = training.ended !== 'signal'
    } catch (error) {
      if (!(error instanceof DivergenceError)) throw error
      const { lr } = record.options
      throw new ExplodedError(
        `${store.name}: the loss became NaN or infinite at step ${error.step}, and no model is saved; train again into another folder with lr ${Number((lr / 10).toPrecision(2))}`,
        ['lr'],
      )
    } finally {
      await history.flush()
      if (!over) await this.#save(history)
    }
    if (!over) return
    // Interrupted from here on, a resumed run has nothing to train again.
    await this.#save(history)
    const intervals = await intervalsOf(this.model, this.data, setup.signal)
    this.forecaster = { model: this.model, spec: this.data.spec, intervals }
    const { file, options } = record
    const about = { file, epochs: options.epochs, lr: options.lr, batchSize: options.batchSize, seed: options.seed }
    const config = seriesConfigOf(this.model, this.data.spec, intervals, { ...about, steps: training.step })
    await store.saveModel(await encodeSeriesFiles(store.name, this.model, config))
    record.finished = true
    await this.#save(history)
  }

  /** Releases the store. */
  async close(): Promise<void> {
    await this.store.leave()
  }

  async #save(history: EventWriter): Promise<void> {
    const { training, record, store } = this
    record.historyBytes = history.bytes
    this.#saved = { step: training.step, time: performance.now() }
    const config = seriesConfigOf(this.model, this.data.spec)
    await store.write(CHECKPOINT, await encodeSeriesCheckpoint({ config, record, ...training.snapshot() }))
  }
}
