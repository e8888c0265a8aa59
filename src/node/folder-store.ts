import { mkdtemp, readFile, rename, statfs, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { DataError } from '../core/errors.js'
import { whyNotWritten } from '../core/refusal.js'
import type { ModelFile } from '../formats/read-model.js'
import type { ByteSource } from '../formats/source.js'
import type { MachineNotes, RecordFile, Reporter, RunStore } from '../run/store.js'
import { AppendedFile } from './appended-file.js'
import { findReplaced, makeFolder, removeAbandoned, writeFileAtomic } from './atomic.js'
import { cacheFolder } from './cache-folder.js'
import { readdir, rm, stat } from './files.js'
import { lockFolder, refuseLocked } from './lock.js'
import { checkModelFolder, orDataError, placeOf, replaceModel } from './model-folder.js'
import { withFile } from './open-file.js'
import { checkPath } from './path-argument.js'

/** Keeps a run in a folder, which is also the folder of its model. */
export class FolderStore implements RunStore {
  /** In the user's cache folder. */
  readonly machine: MachineNotes = {
    read: async (name) => readFile(path.join(cacheFolder(), name), 'utf8'),
    write: async (name, text) => writeFileAtomic(path.join(cacheFolder(), name), text),
  }
  /** The folder by its whole path: the program may change its current folder. */
  readonly #folder: string
  #leave: (() => Promise<void>) | undefined

  /** @param name path of the folder */
  constructor(readonly name: string) {
    checkPath('FolderStore', 'the folder', name)
    this.#folder = path.resolve(name)
  }

  async refuseBusy(): Promise<void> {
    await refuseLocked(await placeOf(this.#folder))
  }

  check(): Promise<void> {
    return checkModelFolder(this.name)
  }

  async enter(): Promise<void> {
    await orDataError(this.name, async () => {
      const place = await placeOf(this.#folder)
      // If a save was cut off between its two renames, the model's folder still has its temporary name.
      const replaced = await findReplaced(place)
      if (replaced) await rename(replaced, place).catch(() => undefined)
      await makeFolder(place)
      this.#leave = await lockFolder(place)
      await removeAbandoned(place, () => true)
    })
  }

  async leave(): Promise<void> {
    // A folder that is gone, or a file now, has no lock of this run any more.
    await this.#leave?.().catch(() => undefined)
    this.#leave = undefined
  }

  async names(): Promise<string[]> {
    for (const folder of await this.#folders()) {
      const names = await readdir(folder).catch(() => undefined)
      if (names) return names
    }
    return []
  }

  async read<T>(name: string, work: (file: ByteSource) => Promise<T>): Promise<T | undefined> {
    for (const folder of await this.#folders()) {
      if (await stat(folder).catch(() => undefined)) return withFile(path.join(folder, name), work)
    }
    return undefined
  }

  async write(name: string, bytes: Uint8Array): Promise<void> {
    await orDataError(this.name, async () => writeFileAtomic(await this.#file(name), bytes))
  }

  async remove(name: string): Promise<void> {
    await rm(await this.#file(name), { force: true })
  }

  async rename(name: string, to: string): Promise<void> {
    await rename(await this.#file(name), await this.#file(to))
  }

  async append(name: string, kept: number): Promise<RecordFile> {
    return AppendedFile.open(await this.#file(name), kept)
  }

  async saveModel(files: Readonly<Partial<Record<ModelFile, Uint8Array>>>): Promise<void> {
    await replaceModel(this.#folder, files)
  }

  async freeBytes(): Promise<number> {
    const { bavail, bsize } = await statfs(await placeOf(this.#folder))
    return bavail * bsize
  }

  async rescue(name: string, bytes: Uint8Array): Promise<string> {
    let place: string | undefined
    try {
      place = await mkdtemp(path.join(tmpdir(), 'unrolled-'))
      await writeFile(path.join(place, name), bytes)
      return place
    } catch (error) {
      if (place) await rm(place, { recursive: true, force: true })
      throw new DataError(`${tmpdir()}: nothing can be written there either, because ${whyNotWritten(error as Error)}`)
    }
  }

  /** TensorBoard's writer is loaded only when it is used. */
  async openBoard(after: number): Promise<Reporter> {
    const { TensorBoardWriter } = await import('./tensorboard.js')
    return TensorBoardWriter.open(await placeOf(this.#folder), after > 0 ? { after } : {})
  }

  /** The folders that the run may be in: its own, or the one that a killed save had set aside. */
  async #folders(): Promise<string[]> {
    const place = await placeOf(this.#folder)
    const replaced = await findReplaced(place)
    return replaced ? [place, replaced] : [place]
  }

  async #file(name: string): Promise<string> {
    return path.join(await placeOf(this.#folder), name)
  }
}
