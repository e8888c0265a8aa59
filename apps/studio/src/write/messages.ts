import type { CompleteOptions, Completions } from './complete'

// The messages between the page and the worker that writes.

export type ToWorker =
  /** The model that writes from here on, as files of `encodeModel`. */
  | { kind: 'model'; files: Record<string, Uint8Array> }
  /** A text to be continued, in the place of the one before. */
  | { kind: 'text'; id: number; text: string; options: CompleteOptions }

export type ToPage =
  | { id: number; made: Completions; error?: undefined }
  | { id: number; made?: undefined; error: { name: string; message: string; code?: string } }
