import { checkString } from '../core/check.js'
import { DataError, OptionError } from '../core/errors.js'
import { type ModelFile, modelFiles } from '../formats/read-model.js'
import { type ByteSource, joined, sourceOf } from '../formats/source.js'
import { unzipFiles, zipFiles } from '../formats/zip.js'
import { BEST, type MachineNotes, type RecordFile, type RunStore } from '../run/store.js'
import { appendTo, fileIn, filesIn, folderAt, folderOf, removeFrom, sizeIn, writeTo } from './file-system.js'

/** The model of a run, as one file, so that it is always replaced as a whole. */
const MODEL = 'model.zip'

/** Milliseconds in which the browser releases a run whose worker or page has just been closed, also on a busy machine. */
const RELEASE = 2000

const RUNS = ['unrolled', 'runs']
const MACHINE = ['unrolled', 'machine']

/** The folder of a run. Names may contain characters that file systems refuse, such as slashes, or be `..`. */
const folderName = (name: string): string => encodeURIComponent(name).replaceAll('.', '%2E')

const isOfModel = (name: string): name is ModelFile => modelFiles.some((file) => file === name)

/**
 * A run in the browser's own file system (OPFS), by name, in pages and workers. Only one tab or worker can use it at a
 * time; the browser releases it when that tab or worker ends, however it ends.
 */
export class OpfsStore implements RunStore {
  readonly machine: MachineNotes = {
    read: async (name) => (await (await folderOf(MACHINE)).getFileHandle(name)).getFile().then((file) => file.text()),
    write: async (name, text) => writeTo(await folderOf(MACHINE), name, new TextEncoder().encode(text), name),
  }
  #leave: (() => Promise<void>) | undefined

  /** @throws OptionError for a name that is not a string, is empty, or is not valid Unicode */
  constructor(readonly name: string) {
    checkString('OpfsStore', 'the name', name)
    if (name === '') throw new OptionError('OpfsStore: the name is an empty string, expected a text')
    try {
      encodeURIComponent(name)
    } catch {
      throw new OptionError(
        'OpfsStore: the name contains a lone surrogate, which is half of a UTF-16 pair; expected valid Unicode',
      )
    }
  }

  async refuseBusy(): Promise<void> {
    await this.#whenFree(() => undefined)
  }

  async check(): Promise<void> {}

  async enter(): Promise<void> {
    await this.#folder()
    await new Promise<void>((resolve, reject) => {
      const free = this.#whenFree(() => {
        resolve()
        return new Promise<void>((giveBack) => {
          this.#leave = () => {
            giveBack()
            return free
          }
        })
      })
      free.catch(reject)
    })
  }

  async leave(): Promise<void> {
    await this.#leave?.()
    this.#leave = undefined
  }

  async names(): Promise<string[]> {
    const folder = await folderAt(this.#path)
    const names = folder ? await filesIn(folder) : []
    return names.flatMap((name) => (name === MODEL ? modelFiles : decodeURIComponent(name)))
  }

  async read<T>(name: string, work: (file: ByteSource) => Promise<T>): Promise<T | undefined> {
    for (let attempts = 10; ; attempts--) {
      try {
        return await this.#read(name, work)
      } catch (error) {
        // The file was replaced in the meantime; the next attempt finds the new one.
        if (attempts === 1 || !['NotReadableError', 'NotFoundError'].includes((error as Error).name)) throw error
      }
    }
  }

  async #read<T>(name: string, work: (file: ByteSource) => Promise<T>): Promise<T | undefined> {
    const folder = await folderAt(this.#path)
    const file = folder && (await fileIn(folder, isOfModel(name) ? MODEL : encodeURIComponent(name)))
    if (!file) return undefined
    if (!isOfModel(name)) return work(fileSource(file))
    const bytes = unzipFiles(new Uint8Array(await file.arrayBuffer()), `${this.name}/${MODEL}`, [name])[name]
    return bytes && work(sourceOf(bytes))
  }

  async write(name: string, bytes: Uint8Array): Promise<void> {
    await writeTo(await this.#folder(), encodeURIComponent(name), bytes, `${this.name}/${name}`)
  }

  async remove(name: string): Promise<void> {
    await removeFrom(await this.#folder(), encodeURIComponent(name))
  }

  async rename(name: string, to: string): Promise<void> {
    const bytes = await this.read(name, (file) => file.read(0, file.size))
    if (!bytes) return
    await this.write(to, bytes)
    await this.remove(name)
  }

  async append(name: string, kept: number): Promise<RecordFile> {
    const folder = await this.#folder()
    const file = encodeURIComponent(name)
    let bytes = Math.min(kept, await sizeIn(folder, file))
    let waiting = new Uint8Array(0)
    const flush = async () => {
      if (waiting.length === 0) return
      await appendTo(folder, file, bytes, waiting, `${this.name}/${name}`)
      bytes += waiting.length
      waiting = new Uint8Array(0)
    }
    await appendTo(folder, file, bytes, waiting, `${this.name}/${name}`)
    return {
      get bytes() {
        return bytes
      },
      async append(record) {
        waiting = joined([waiting, record])
        await flush()
      },
      flush,
    }
  }

  async saveModel(files: Readonly<Partial<Record<ModelFile, Uint8Array>>>): Promise<void> {
    const folder = await this.#folder()
    await writeTo(folder, MODEL, zipFiles(files), `${this.name}/${MODEL}`)
    await removeFrom(folder, BEST)
  }

  async freeBytes(): Promise<number | undefined> {
    const { quota, usage } = await navigator.storage.estimate()
    return quota === undefined || usage === undefined ? undefined : quota - usage
  }

  get #path(): string[] {
    return [...RUNS, folderName(this.name)]
  }

  #folder(): Promise<FileSystemDirectoryHandle> {
    return folderOf(this.#path)
  }

  /** Does something while nobody else uses the run. @throws DataError if somebody goes on using it */
  async #whenFree(work: () => void | Promise<void>): Promise<void> {
    const signal = AbortSignal.timeout(RELEASE)
    try {
      await navigator.locks.request(`unrolled run ${this.name}`, { signal }, work)
    } catch (error) {
      if (error !== signal.reason) throw error
      throw new DataError(
        `${this.name}: another tab or worker is training there; wait for its end or close it, or choose another name`,
        [],
        'in-use',
      )
    }
  }
}

/** A file that is read part by part. */
const fileSource = (file: File): ByteSource => ({
  size: file.size,
  read: async (offset, length) => new Uint8Array(await file.slice(offset, offset + length).arrayBuffer()),
})

/** The runs that this site keeps in the browser's own file system, by name; `OpfsStore` and `runModel` read them. */
export const savedRuns = {
  /** The names of all runs. */
  async names(): Promise<string[]> {
    const folder = (await folderAt(RUNS)) as unknown as AsyncIterable<[string, FileSystemHandle]> | undefined
    const names: string[] = []
    for await (const [name] of folder ?? []) names.push(decodeURIComponent(name))
    return names
  },

  /** Removes a run with its model; a missing one is no error. @throws DataError if a training is using it */
  async remove(name: string): Promise<void> {
    await new OpfsStore(name).refuseBusy()
    await removeFrom(await folderOf(RUNS), folderName(name))
  },
}
