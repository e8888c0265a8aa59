import { rename, statfs } from 'node:fs/promises'
import path from 'node:path'
import { DataError } from '../core/errors.js'
import { checkSavable } from '../formats/model.js'
import { inMemoryOf } from '../tensor/state.js'
import { tensorsUnder } from '../train/state.js'
import { findReplaced, makeFolder, removeAbandoned } from './atomic.js'
import { BEST, CHECKPOINT, type Checkpoint, EVENT_FILE, loadCheckpoint, saveCheckpoint } from './checkpoint.js'
import { readdir, rm } from './files.js'
import { lockFolder, refuseLocked } from './lock.js'
import { orDataError, placeOf } from './model-folder.js'

/** Steps and minutes between two checkpoints. */
export interface CheckpointIntervals {
  steps: number
  minutes: number
}

/** The folder of a training that is going on: its checkpoints, for this process alone. */
export class RunFolder {
  #written = performance.now()
  #step = 0
  #savedStep = 0

  private constructor(
    readonly folder: string,
    readonly place: string,
    readonly leave: () => Promise<void>,
  ) {}

  /**
   * Makes the folder where it is missing, and takes it for this process.
   * @throws DataError where it cannot be written, or another training is at work there
   */
  static async enter(folder: string): Promise<RunFolder> {
    return orDataError(folder, async () => {
      const place = await placeOf(folder)
      // Where a save was cut off between its two renames, the model's folder waits beside its place.
      const replaced = await findReplaced(place)
      if (replaced) await rename(replaced, place).catch(() => undefined)
      await makeFolder(place)
      const leave = await lockFolder(place)
      await removeAbandoned(place, () => true)
      return new RunFolder(folder, place, leave)
    })
  }

  /** @throws DataError where another training is at work there */
  static async refuseBusy(folder: string): Promise<void> {
    await refuseLocked(await placeOf(folder))
  }

  /** Whether a training can be gone on with there. */
  static async isThere(folder: string): Promise<boolean> {
    const place = await placeOf(folder)
    const names = await readdir((await findReplaced(place)) ?? place).catch(() => [] as string[])
    return names.includes(CHECKPOINT)
  }

  /** The step of the last checkpoint. */
  get step(): number {
    return this.#savedStep
  }

  /** Where a file of that name is. */
  file(name: string): string {
    return path.join(this.place, name)
  }

  /** The last checkpoint. @throws DataError where there is none, FormatError where it is damaged */
  async last(): Promise<Checkpoint> {
    const checkpoint = await loadCheckpoint(this.file(CHECKPOINT))
    this.#step = this.#savedStep = checkpoint.progress?.step ?? 0
    return checkpoint
  }

  /**
   * The first one, before any work; what an earlier training left beside its model goes away.
   * @throws DataError unless there is room for the next beside it
   */
  async saveFirst(checkpoint: Checkpoint): Promise<void> {
    const bytes = await this.saveLast(checkpoint)
    for (const name of await readdir(this.place)) {
      if (name === BEST || name.startsWith(EVENT_FILE)) await rm(this.file(name), { force: true })
    }
    const { bavail, bsize } = await statfs(this.place)
    // Twice: the last and the best, each written beside its older self.
    if (bavail * bsize < 2 * bytes) {
      throw new DataError(
        `${this.folder}: ${bavail * bsize} bytes are free there, expected at least ${2 * bytes} for checkpoints; make room or choose another folder`,
      )
    }
  }

  /** @returns its bytes */
  async saveLast(checkpoint: Checkpoint): Promise<number> {
    // Before the attempt: one that fails is made again after the next interval, not at once.
    this.#written = performance.now()
    this.#step = checkpoint.progress?.step ?? 0
    const bytes = await this.#save(CHECKPOINT, checkpoint)
    this.#savedStep = this.#step
    return bytes
  }

  async saveBest(checkpoint: Checkpoint): Promise<void> {
    await this.#save(BEST, checkpoint)
  }

  /** @throws DataError for a model that could not be loaded again: it takes no good one's place */
  async #save(name: string, checkpoint: Checkpoint): Promise<number> {
    const { config, vocab } = checkpoint
    const tensors = await inMemoryOf(checkpoint.tensors)
    checkSavable(this.file(name), config, vocab, tensorsUnder('model', tensors))
    return orDataError(this.folder, () => saveCheckpoint(this.file(name), { ...checkpoint, tensors }))
  }

  /** Whether the last checkpoint is so old that the next is due. */
  isDue(step: number, { steps, minutes }: CheckpointIntervals): boolean {
    return step - this.#step >= steps || performance.now() - this.#written >= minutes * 60_000
  }

  /** Removes what a training left that broke before it had learnt anything. */
  async forget(): Promise<void> {
    await rm(this.file(CHECKPOINT), { force: true })
  }
}
