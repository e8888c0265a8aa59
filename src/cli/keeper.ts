import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { DataError, UnrolledError } from '../core/errors.js'
import { buildModel, configOf, type TrainingRecord } from '../formats/model.js'
import { BEST, CHECKPOINT, type Checkpoint, loadCheckpoint, saveCheckpoint } from '../node/checkpoint.js'
import { loadModel, type RNNModel, saveModel } from '../node.js'
import { tensorsUnder, underPrefix } from '../train/state.js'
import type { Job } from './begin.js'

/** Milliseconds to wait before each further attempt to save what is not to be lost. */
const WAITS = [500, 1000, 2000, 4000]

/** What is kept of a training: its checkpoints, its best model, and the model that comes of it. */
export class Keeper {
  /** Where the last checkpoint is. */
  place: string
  readonly #job: Job
  readonly #trained: () => TrainingRecord
  readonly #warn: (text: string) => void
  readonly #spares: () => boolean
  /** The best model, until the disk has taken it. */
  #best: Checkpoint | undefined

  /**
   * @param trained what config.json tells of the training
   * @param warn tells of what could not be saved
   * @param spares whether the last checkpoint is worth more than one of now
   */
  constructor(job: Job, trained: () => TrainingRecord, warn: (text: string) => void, spares: () => boolean) {
    this.place = job.folder.folder
    this.#job = job
    this.#trained = trained
    this.#warn = warn
    this.#spares = spares
  }

  /** The first checkpoint, before any work. @throws DataError where there is no room for it */
  first(): Promise<void> {
    return this.#job.folder.saveFirst(this.#checkpoint())
  }

  /** The best model so far. */
  async best(): Promise<void> {
    const { model, vocab } = this.#job
    const tensors = underPrefix('model', model.stateDict())
    this.#best = { config: configOf(model, this.#trained()), vocab, tensors }
    await this.#saveBest()
  }

  /** A checkpoint where one is due. What cannot be saved is told and tried again later: the training goes on. */
  async now(historyBytes: number): Promise<void> {
    const { folder, options, training, record } = this.#job
    const intervals = { steps: options.checkpointSteps, minutes: options.checkpointMinutes }
    if (!folder.isDue(training.step, intervals) || this.#spares()) return
    record.historyBytes = historyBytes
    await this.#saveBest()
    await this.#tolerate(() => folder.saveLast(this.#checkpoint()))
  }

  /** The checkpoint at the end of the work: where its folder does not take it, in another place, which is told. */
  async last(): Promise<void> {
    await this.#saveBest()
    if (this.#spares()) return
    const checkpoint = this.#checkpoint()
    try {
      await this.#patiently(() => this.#job.folder.saveLast(checkpoint))
    } catch (error) {
      if (!(error instanceof DataError)) throw error
      this.place = await mkdtemp(path.join(tmpdir(), 'unrolled-'))
      await saveCheckpoint(path.join(this.place, CHECKPOINT), checkpoint)
      this.#warn(`warning: ${error.message}; the checkpoint is in ${this.place} instead`)
    }
  }

  /**
   * Saves the best model, or the last where nothing was held out.
   * @returns the model that was saved
   * @throws DataError that says where the training is kept, where the model cannot be saved
   */
  async model(): Promise<RNNModel> {
    const { folder, vocab, model } = this.#job
    const best = await this.#bestModel()
    const chosen = best?.model ?? model
    try {
      await this.#patiently(() => saveModel(folder.folder, chosen, vocab, best?.training ?? this.#trained()))
    } catch (error) {
      if (!(error instanceof DataError)) throw error
      throw new DataError(
        `${error.message}; the training is kept: unrolled train --resume ${this.place} saves its model once that is mended`,
      )
    }
    return chosen
  }

  /** Notes that the training came to its end, and its model is saved where it is to be. */
  async finish(): Promise<void> {
    const { folder, record } = this.#job
    if (this.#spares()) return
    record.finished = true
    await this.#tolerate(() => folder.saveLast(this.#checkpoint()))
  }

  async #bestModel(): Promise<{ model: RNNModel; training: TrainingRecord | undefined } | undefined> {
    const { folder, training } = this.#job
    if (!training.best) return undefined
    const file = folder.file(BEST)
    try {
      const { config, tensors } = this.#best ?? (await loadCheckpoint(file))
      // A disk that was full when it became the best can have left an earlier one.
      if (Number(config.training?.steps) >= training.best.step) {
        return { model: buildModel(config, tensorsUnder('model', tensors), file), training: config.training }
      }
    } catch (error) {
      if (!(error instanceof UnrolledError)) throw error
    }
    const saved = await this.#savedModel()
    if (saved) return saved
    this.#warn(`warning: ${file} is not the best model, of step ${training.best.step}; the last one is saved instead`)
    return undefined
  }

  /** The best model where the training had come to its end before it went on: it is then the folder's own. */
  async #savedModel(): Promise<{ model: RNNModel; training: TrainingRecord | undefined } | undefined> {
    const { folder, training } = this.#job
    try {
      const { model, config } = await loadModel(folder.folder)
      const { steps, validationLoss } = config.training ?? {}
      const isBest = steps === training.best!.step && validationLoss === training.best!.loss
      return isBest ? { model, training: config.training } : undefined
    } catch (error) {
      if (!(error instanceof UnrolledError)) throw error
      return undefined
    }
  }

  async #saveBest(): Promise<void> {
    const best = this.#best
    if (!best) return
    await this.#tolerate(async () => {
      await this.#job.folder.saveBest(best)
      this.#best = undefined
    })
  }

  #checkpoint(): Checkpoint {
    const { model, vocab, training, record } = this.#job
    return { config: configOf(model, this.#trained()), vocab, ...training.snapshot(), run: record }
  }

  async #tolerate(save: () => Promise<unknown>): Promise<void> {
    try {
      await save()
    } catch (error) {
      if (!(error instanceof DataError)) throw error
      this.#warn(`warning: ${error.message}; the training goes on, and tries again later`)
    }
  }

  async #patiently<T>(save: () => Promise<T>): Promise<T> {
    for (const wait of WAITS) {
      try {
        return await save()
      } catch (error) {
        if (!(error instanceof DataError)) throw error
        this.#warn(`warning: ${error.message}; trying again in ${wait / 1000} s`)
        await setTimeout(wait)
      }
    }
    return save()
  }
}
