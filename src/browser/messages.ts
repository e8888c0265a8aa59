import * as errors from '../core/errors.js'
import type { LoadSeriesOptions } from '../data/series/load-series.js'
import type { TextChanges } from '../data/text.js'
import { ExplodedError } from '../run/explosion.js'
import { UnsavedModelError } from '../run/keeper.js'
import type { RunEvent } from '../run/run-events.js'
import type { RunOptions } from '../run/run-options.js'

// The messages between a page and its trainer's worker.

/** How series are read of a table and cut into windows, as plain data. */
export type SeriesReading = Omit<LoadSeriesOptions, 'batchSize' | 'generator'>

/** The first message to a trainer's worker. */
export interface Begin {
  kind: 'start' | 'resume'
  /** What the run trains on. */
  on: 'text' | 'series'
  /** The name of the run. */
  name: string
  /** The text, or the file that has it. Absent if a run continues with the text that it saved. */
  text?: string | Blob
  /** The name of the text. Absent if a run continues with the text that it saved. */
  textName?: string
  /** Which series of a table a new run trains on. */
  series?: SeriesReading
  options: Partial<RunOptions>
  /** The files of a saved model to begin with. */
  model?: Record<string, Uint8Array>
  /** The name of a lock that the worker holds as long as it lives. */
  life: string
}

/** The page's questions to the worker; an answer has the same `id`. */
export type Question =
  | { kind: 'predict'; id: number; prefix: string; numPreds: number; options: Record<string, unknown> }
  | { kind: 'model'; id: number }

/** All messages from the page to the worker. */
export type ToWorker =
  | { kind: 'begin'; begin: Begin }
  /** The page has read all events of one message, so the worker may send another. */
  | { kind: 'read' }
  | { kind: 'pause'; paused: boolean }
  | { kind: 'stop' }
  | Question

/** All messages from the worker to the page. */
export type ToPage =
  /** It comes again when the run goes on on another device. */
  | { kind: 'ready'; notes: readonly string[]; warnings: readonly string[]; facts: RunFacts }
  | { kind: 'events'; events: readonly RunEvent[] }
  /** No more events will come. */
  | { kind: 'over'; error?: Thrown }
  | { kind: 'answer'; id: number; value?: unknown; error?: Thrown }

/** What is known of a training of any kind before its first step. */
export interface RunFacts {
  /** Steps that were made before. */
  step: number
  /** The name of the text or table, also of one that the run saved. */
  source: string
  /** Numbers that are trained. */
  parameters: number
  /** The name of the device that computes. */
  device: string
  /** Name and threads of the kernels on the CPU. */
  kernels: string
  threads: number
  /** The options in force. */
  options: RunOptions
}

/** What is known of a training on a text. */
export interface TrainerFacts extends RunFacts {
  /** How much of the text was changed as it was loaded. */
  changes: TextChanges
  /** Beginnings for samples that suit the text; none if it has none. */
  prefixes: readonly string[]
  /** Tokens of the text, in all and of each part. */
  tokens: number
  sizes: Readonly<Record<string, number>>
  vocabSize: number
}

/** What is known of a training on series. */
export interface SeriesTrainerFacts extends RunFacts {
  /** How the table was read. */
  series: SeriesReading
  /** Steps of an epoch. */
  batches: number
  /** Values that are predicted at a step, one for each window, step of the horizon, and target. */
  batchItems: number
}

/** An error on its way from one thread to another. */
export interface Thrown {
  name: string
  message: string
  /** The additional fields that some error classes have. */
  fields: Record<string, unknown>
}

export function thrownOf(error: unknown): Thrown {
  const { name = 'Error', message = String(error) } = error as Error
  return { name, message, fields: { ...(error as object) } }
}

const classes = { ...errors, ExplodedError, UnsavedModelError } as Record<string, new (...parts: never[]) => Error>

/**
 * Makes the error again, with its own class if that is one of the library's. It begins as an error, because consoles show the
 * message of those alone: of any other object with the class's prototype, they show the name of the class.
 */
export function errorOf({ name, message, fields }: Thrown): Error {
  const found = Object.hasOwn(classes, name) ? classes[name] : undefined
  const error = Object.setPrototypeOf(new Error(message), found?.prototype ?? Error.prototype)
  return Object.defineProperties(Object.assign(error, fields), {
    name: { value: name, configurable: true, writable: true },
    message: { value: message, configurable: true, writable: true },
    stack: { value: `${name}: ${message}`, configurable: true, writable: true },
  })
}
