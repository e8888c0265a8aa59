import { DataError } from '../core/errors.js'
import type { ModelFile } from '../formats/read-model.js'
import { type ByteSource, joined, sourceOf } from '../formats/source.js'
import { BEST, type RecordFile, type RunStore } from './store.js'

/** Keeps a run in memory, for as long as the program holds it. */
export class MemoryStore implements RunStore {
  readonly files = new Map<string, Uint8Array>()
  #taken = false

  /** @param name the store's name in messages */
  constructor(readonly name = 'memory') {}

  async refuseBusy(): Promise<void> {
    if (this.#taken) {
      throw new DataError(`${this.name}: another run is in progress there; wait until it ends, or choose another store`)
    }
  }

  async check(): Promise<void> {}

  async enter(): Promise<void> {
    await this.refuseBusy()
    this.#taken = true
  }

  async leave(): Promise<void> {
    this.#taken = false
  }

  async names(): Promise<string[]> {
    return [...this.files.keys()]
  }

  async read<T>(name: string, work: (file: ByteSource) => Promise<T>): Promise<T | undefined> {
    const bytes = this.files.get(name)
    return bytes && work(sourceOf(bytes))
  }

  async write(name: string, bytes: Uint8Array): Promise<void> {
    this.files.set(name, bytes.slice())
  }

  async remove(name: string): Promise<void> {
    this.files.delete(name)
  }

  async rename(name: string, to: string): Promise<void> {
    const bytes = this.files.get(name)
    if (!bytes) return
    this.files.set(to, bytes)
    this.files.delete(name)
  }

  async append(name: string, kept: number): Promise<RecordFile> {
    const { files } = this
    files.set(name, (files.get(name) ?? new Uint8Array()).slice(0, kept))
    return {
      get bytes() {
        return files.get(name)?.length ?? 0
      },
      async append(record) {
        files.set(name, joined([files.get(name) ?? new Uint8Array(), record]))
      },
      async flush() {},
    }
  }

  async saveModel(files: Readonly<Partial<Record<ModelFile, Uint8Array>>>): Promise<void> {
    for (const [name, bytes] of Object.entries(files)) this.files.set(name, bytes.slice())
    this.files.delete(BEST)
  }
}
