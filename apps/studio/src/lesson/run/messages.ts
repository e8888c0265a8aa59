import type { LinePlot } from './plot'

/** The book's text, and a line that says where it comes from. */
export interface Book {
  text: string
  source: string
}

/** What the page tells the worker that runs cells. */
export type ToCells =
  | { type: 'begin'; book: Book; stop?: Int32Array }
  | { type: 'run'; name: string; program: string; code: string }
  | { type: 'stop' }

/** A part of what a cell puts out. */
export type Output =
  | { type: 'text'; text: string; warning?: boolean }
  | { type: 'plot'; plot: LinePlot }
  /** The line of the cell is missing where the error comes from elsewhere. */
  | { type: 'error'; text: string; line?: number }

/** How a run ended. */
export type Ending = 'done' | 'failed' | 'stopped'

/** What the worker tells the page. */
export type FromCells =
  | { type: 'output'; name: string; outputs: Output[] }
  | { type: 'end'; name: string; ending: Ending }
