import type { ModelFile } from '../formats/saved-model.js'
import type { ByteSource } from '../formats/source.js'
import type { TrainEvent } from '../train/training-events.js'

/** The last checkpoint of a run, with all that going on needs. */
export const CHECKPOINT = 'checkpoint.safetensors'
/** The best model so far, while the run goes on. */
export const BEST = 'best.safetensors'
/** The file that has an event a line. */
export const HISTORY = 'history.jsonl'
/** What the names of event files for TensorBoard begin with. */
export const EVENT_FILE = 'events.out.tfevents.'

/** A file that grows by whole records. */
export interface RecordFile {
  /** Its length. */
  readonly bytes: number
  /** The record is stored whole when this resolves. @throws DataError where it has to wait; it comes before the next */
  append(record: Uint8Array): Promise<void>
  /** Stores the records that wait. @throws DataError where they still have to */
  flush(): Promise<void>
}

/** What a run's events are written to beside its history. */
export interface Reporter {
  /** @throws DataError where the event cannot be written now */
  write(event: TrainEvent): Promise<void>
}

/**
 * Where a run keeps itself: a folder, the browser's own file system, memory. Only one process works there at a time.
 * Every file is written whole or not at all: at every instant the old or the new one is there. `test/run-store.ts` has
 * what every store must show.
 */
export interface RunStore {
  /** As people know the place, for messages. */
  readonly name: string

  /** Changes nothing. @throws DataError where another process works there */
  refuseBusy(): Promise<void>
  /** Leaves everything as it is. @throws DataError where a model may not be saved, as beside foreign files */
  check(): Promise<void>
  /** Takes the place for this process, and makes it where it is missing. @throws DataError where another works there */
  enter(): Promise<void>
  /** Gives the place back. */
  leave(): Promise<void>

  /** The names of its files. None where there is no such place. */
  names(): Promise<string[]>
  /** Has `work` read a file, and gives what it returns; undefined where there is no such file. */
  read<T>(name: string, work: (file: ByteSource) => Promise<T>): Promise<T | undefined>
  /** Writes a file whole. @throws DataError where it cannot be written; the old one then stays */
  write(name: string, bytes: Uint8Array): Promise<void>
  /** Removes a file; one that is not there is no error. */
  remove(name: string): Promise<void>
  /** Gives a file another name. */
  rename(name: string, to: string): Promise<void>
  /** Opens a file to be written at its end, cut to its first `kept` bytes. It goes on through `saveModel`. */
  append(name: string, kept: number): Promise<RecordFile>
  /** Puts the files of a saved model into the place of those of an earlier one, all at once, and removes BEST. */
  saveModel(files: Readonly<Record<ModelFile, Uint8Array>>): Promise<void>

  /** Bytes that are free there; undefined where nobody knows. */
  freeBytes?(): Promise<number | undefined>
  /** Writes a file to another place, where its own takes it no more. @returns the name of that place */
  rescue?(name: string, bytes: Uint8Array): Promise<string>
  /** Begins an event file for TensorBoard. @param after the step that the run goes on after */
  openBoard?(after: number): Promise<Reporter>
}
