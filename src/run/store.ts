import { checkMethods } from '../core/check.js'
import type { ModelFile } from '../formats/read-model.js'
import type { ByteSource } from '../formats/source.js'
import type { TrainEvent } from '../train/training-events.js'

/** The last checkpoint of a run, with everything needed to resume it. */
export const CHECKPOINT = 'checkpoint.safetensors'
/** The best model so far, while the run goes on. */
export const BEST = 'best.safetensors'
/** The file with one event per line. */
export const HISTORY = 'history.jsonl'
/** What the names of event files for TensorBoard begin with. */
export const EVENT_FILE = 'events.out.tfevents.'

/** A file that grows by whole records. */
export interface RecordFile {
  /** Its length. */
  readonly bytes: number
  /** The record is stored whole when this resolves. @throws DataError if it has to wait; it is written before the next */
  append(record: Uint8Array): Promise<void>
  /** Stores the records that wait. @throws DataError if they still have to wait */
  flush(): Promise<void>
}

/** Somewhere else that a run's events are written to, besides its history. */
export interface Reporter {
  /** @throws DataError if the event cannot be written now */
  write(event: TrainEvent): Promise<void>
}

/** Short texts about this machine, by name, which every later run finds that is saved on it. */
export interface MachineNotes {
  /** Fails if there is no such text. */
  read(name: string): Promise<string>
  /** Replaces a text as a whole. */
  write(name: string, text: string): Promise<void>
}

/**
 * The place where a run is saved: a folder, the browser's own file system, or memory. Only one process uses it at a time.
 * Every file is written whole or not at all: at every instant the old or the new one is there. Every store must pass
 * the tests in `test/run-store.ts`.
 */
export interface RunStore {
  /** The name of the place in messages. */
  readonly name: string

  /** Changes nothing. @throws DataError if another process is using the store */
  refuseBusy(): Promise<void>
  /** Changes nothing. @throws DataError if a model may not be saved here, for example among unrelated files */
  check(): Promise<void>
  /** Locks the store for this process, creating it if needed. @throws DataError if another process is using it */
  enter(): Promise<void>
  /** Releases the lock. */
  leave(): Promise<void>

  /** The names of the store's files; none if the store does not exist yet. */
  names(): Promise<string[]>
  /** Lets `work` read a file and returns its result; undefined if there is no such file. */
  read<T>(name: string, work: (file: ByteSource) => Promise<T>): Promise<T | undefined>
  /** Writes a whole file. @throws DataError if it cannot be written; the old one then stays */
  write(name: string, bytes: Uint8Array): Promise<void>
  /** Removes a file; a missing one is no error. */
  remove(name: string): Promise<void>
  /** Renames a file. */
  rename(name: string, to: string): Promise<void>
  /** Truncates a file to its first `kept` bytes and opens it for appending. It stays open through `saveModel`. */
  append(name: string, kept: number): Promise<RecordFile>
  /** Replaces the files of an earlier saved model with these, all at once, and removes BEST. A model of series has no vocabulary. */
  saveModel(files: Readonly<Partial<Record<ModelFile, Uint8Array>>>): Promise<void>

  /** What is known of the machine, if the store keeps it; otherwise the process does. */
  readonly machine?: MachineNotes
  /** Free bytes in the store; undefined if unknown. */
  freeBytes?(): Promise<number | undefined>
  /** Writes a file to another place if the store no longer can. @returns the name of that place @throws DataError if that fails, too */
  rescue?(name: string, bytes: Uint8Array): Promise<string>
  /** Begins an event file for TensorBoard. @param after the step after which the run goes on */
  openBoard?(after: number): Promise<Reporter>
}

/** @throws OptionError unless a value has the methods of a store */
export function checkStore(where: string, store: unknown): void {
  const methods = ['refuseBusy', 'check', 'enter', 'leave', 'names', 'read', 'write', 'remove', 'rename', 'append']
  checkMethods(where, 'store', store, [...methods, 'saveModel'], 'a RunStore such as MemoryStore')
}
