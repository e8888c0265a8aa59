import * as unrolled from 'unrolled'
import type { Book, Output } from './messages'
import type { LinePlot } from './plot'

/** What cells may import, by name. */
export type CellModules = Readonly<Record<string, Readonly<Record<string, unknown>>>>

/** What belongs to one run of a cell. */
export interface CellRun {
  /** Stops what the library does for long. */
  readonly signal: AbortSignal
  put(output: Output): void
}

/**
 * The modules of the cells: the library, whose trainings end when the cell is stopped, with the functions of the examples
 * that read files and draw, as a page can do it.
 * @param now the run that is going on
 */
export function cellModules(book: Book, now: () => CellRun): CellModules {
  const stoppable = <T extends { signal?: AbortSignal }>(options?: T) => ({ signal: now().signal, ...options })
  const train: typeof unrolled.train = (model, data, vocab, options) =>
    unrolled.train(model, data, vocab, stoppable(options))
  const trainSteps: typeof unrolled.trainSteps = (model, data, options) =>
    unrolled.trainSteps(model, data, stoppable(options))
  /** As in Node: cleaned, and cut to the first tokens as in the book. */
  const loadTimeMachine = async (options: unrolled.LoadOptions = {}) => ({
    ...unrolled.sequencesFromText(book.text, { clean: true, maxTokens: unrolled.BOOK_TOKENS, ...options }),
    source: book.source,
  })
  const show = async (plot: LinePlot) => now().put({ type: 'plot', plot: plain(plot) })
  return { unrolled: { ...unrolled, train, trainSteps, loadTimeMachine }, './show.js': { show } }
}

/** A chart that can be sent to the page. */
const plain = ({ title, note, xLabel, yLabel, yScale, series }: LinePlot): LinePlot => ({
  ...{ title, note, xLabel, yLabel, yScale },
  series: series.map(({ name, x, y, dots, dashed }) => ({ name, x: Array.from(x), y: Array.from(y), dots, dashed })),
})
