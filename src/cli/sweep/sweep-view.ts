import { runOptionKinds } from '../../config.js'
import type { SweepPlan, Trial, TrialResult } from '../../node.js'
import { movesCursor } from '../output.js'
import { table } from '../table.js'
import { flagOf } from '../training-flags.js'

/** What a trial is doing, for people. */
export interface TrialRow {
  trial: Trial
  state: 'waiting' | 'training' | 'compared' | 'stopped early' | 'exploded' | 'done'
  epochs: number
  /** The result of its last rung. */
  result?: TrialResult
}

/** Milliseconds between two drawings. */
const INTERVAL = 200

/** The table of a sweep: drawn again and again on a terminal, elsewhere a line for each result. */
export class SweepView {
  readonly #stream: NodeJS.WriteStream
  readonly #live: boolean
  readonly #rows: () => readonly TrialRow[]
  readonly #total: number
  #drawn = 0
  #timer: NodeJS.Timeout | undefined

  /** @param total epochs of a whole trial */
  constructor(rows: () => readonly TrialRow[], total: number, stream: NodeJS.WriteStream = process.stderr) {
    this.#rows = rows
    this.#total = total
    this.#stream = stream
    this.#live = movesCursor(stream)
    if (!this.#live) return
    this.#timer = setInterval(() => this.#draw(), INTERVAL)
    this.#draw()
  }

  result(row: TrialRow): void {
    if (!this.#live) this.#stream.write(`${lineOf(row)}\n`)
  }

  end(): void {
    clearInterval(this.#timer)
    if (this.#live) this.#erase()
  }

  #draw(): void {
    const { rows = 24, columns = 80 } = this.#stream
    const lines = sweepTable(ranked(this.#rows()), this.#total).split('\n')
    const room = Math.max(rows - 2, 4)
    const shown = lines.length > room ? [...lines.slice(0, room - 1), `and ${lines.length - room + 1} more`] : lines
    this.#erase()
    this.#stream.write(shown.map((line) => `${line.slice(0, columns - 1)}\n`).join(''))
    this.#drawn = shown.length
  }

  #erase(): void {
    if (this.#drawn > 0) this.#stream.write(`\x1b[${this.#drawn}A\x1b[J`)
    this.#drawn = 0
  }
}

/** Those with more epochs first, and the best of them; those without a result as they come. */
export const ranked = (rows: readonly TrialRow[]): TrialRow[] =>
  rows.toSorted(
    (a, b) =>
      (b.result?.epochs ?? 0) - (a.result?.epochs ?? 0) ||
      (a.result?.loss ?? Infinity) - (b.result?.loss ?? Infinity) ||
      a.trial.number - b.trial.number,
  )

/** All trials, with the options that differ. */
export function sweepTable(rows: readonly TrialRow[], total: number): string {
  const names = Object.keys(rows[0].trial.options)
  const heads = ['trial', ...names.map((name) => shownName(name)), 'epochs', 'loss', 'perplexity', '']
  const cells = rows.map(({ trial, state, epochs, result }) => [
    String(trial.number),
    ...names.map((name) => String(trial.options[name])),
    'epochs' in trial.options ? String(epochs) : `${epochs}/${total}`,
    result?.loss?.toFixed(4) ?? '–',
    result?.loss === undefined ? '–' : Math.exp(result.loss).toFixed(2),
    state,
  ])
  return table([heads, ...cells], '')
}

/** A result in one line. */
function lineOf({ trial, epochs, result, state }: TrialRow): string {
  const loss =
    result?.loss === undefined
      ? state
      : `loss ${result.loss.toFixed(4)}, perplexity ${Math.exp(result.loss).toFixed(2)}`
  return `trial ${trial.number} (${describeTrial(trial)}): ${loss} after ${epochsCounted(epochs)}`
}

/** The options of a trial, for people. */
export const describeTrial = ({ options }: Trial): string =>
  Object.entries(options)
    .map(([name, value]) => `${shownName(name)} ${value}`)
    .join(', ')

/** How many trainings a plan has, for people. */
export const describePlan = ({ search, halving }: SweepPlan, trials: number, rungs: readonly number[]): string =>
  `${trials === 1 ? '1 trial' : `${trials} trials`}, ${search === 'grid' ? 'all combinations' : 'drawn at random'}${
    halving
      ? `; the best 1/${halving.factor} go on after ${rungs.slice(0, -1).join(', ')} of ${rungs.at(-1)} epochs`
      : ''
  }`

export const epochsCounted = (count: number): string => (count === 1 ? '1 epoch' : `${count} epochs`)

/** An option as a plan's file may name it: its flag without the dashes. */
export const shownName = (name: string): string => flagOf(name).slice(2)

/** A message of the library that names options as most plans do, such as num-layers. */
export const inFileWords = (message: string): string =>
  message.replace(/(?<![\w./-])[a-z]+[A-Z]\w*/g, (word) => (word in runOptionKinds ? shownName(word) : word))
