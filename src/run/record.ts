import { platform } from '#platform'
import { OptionError } from '../core/errors.js'
import { array, boolean, finite, fitting, object, oneOf, optional, type Schema, string, whole } from '../core/parse.js'
import type { TrainingProgress } from '../train/progress.js'
import {
  changingOptions,
  givenIn,
  type RunOptionKind,
  type RunOptions,
  resumableOptions,
  runDefaults,
  runOptionKinds,
  withoutAbsent,
} from './run-options.js'
import type { RunTraining } from './run-training.js'

/** Options as JSON keeps them; Infinity is the word `all`. */
export type RecordedOptions = Record<string, string | number | boolean>

type Recorded = string | number | boolean

/** The record of a run in its checkpoint. */
export interface RunRecord {
  /** The names by which the text is found again; empty for The Time Machine. */
  texts: string[]
  options: RecordedOptions
  /** The text's fingerprint. */
  text: string
  /** Whether the training is finished. */
  finished: boolean
  /** Length of the history, in bytes, when the checkpoint was made. */
  historyBytes: number
}

const numberOrWord = fitting<number | 'all'>('(number | "all")', (value) => value === 'all' || Number.isFinite(value))
const recorded = fitting<Recorded>('(string | number | boolean)', (value) =>
  ['string', 'number', 'boolean'].includes(typeof value),
)

const recordedKinds = { number: finite, limit: numberOrWord, text: string, flag: boolean }

const schemaOf = (kind: RunOptionKind): Schema<Recorded> =>
  typeof kind === 'string' ? recordedKinds[kind] : oneOf(...kind)

/** What each option may be in a file. */
export const optionSchemas = Object.fromEntries(
  Object.entries(runOptionKinds).map(([name, kind]) => [name, optional(schemaOf(kind))]),
) as Record<string, Schema<Recorded>>

const recordSchema = object<RunRecord>({
  texts: array(string),
  options: object<RecordedOptions>(optionSchemas, recorded),
  text: string,
  finished: boolean,
  historyBytes: whole(0),
})

/** @throws FormatError for a value that is not the record of a run */
export function parseRecord(value: unknown, where: string): RunRecord {
  return recordSchema(value, where, 'run')
}

/** The given options as JSON keeps them. */
export function recordOf(options: Partial<RunOptions>): RecordedOptions {
  const entries = givenIn(options).map((name) => [name, options[name] === Infinity ? 'all' : options[name]])
  return Object.fromEntries(entries)
}

/**
 * The options of a resumed run: those it had, except for those that are given now.
 * @throws OptionError for an option that cannot change when a run is resumed
 */
export function resumedOptions(where: string, { options }: RunRecord, now: Partial<RunOptions>): RunOptions {
  const fixed = givenIn(now).filter((name) => !resumableOptions.includes(name))
  if (fixed.length > 0) {
    throw new OptionError(
      `${where}: ${fixed.join(', ')} cannot be changed when a training is resumed; leave it out, or begin another with initFrom`,
      [...fixed, 'initFrom'],
    )
  }
  const before = Object.entries(options).map(([name, value]) => [name, value === 'all' ? Infinity : value])
  return { ...runDefaults, ...Object.fromEntries(before), threads: threadsHere(options.threads), ...withoutAbsent(now) }
}

/** The recorded number of threads, limited to what this machine has use for. */
const threadsHere = (recorded: unknown): number | undefined =>
  typeof recorded === 'number' ? Math.min(recorded, Math.max(8, platform.processors())) : undefined

/** The options given to a resumed run whose values differ from the recorded ones. */
export function changedOptions(record: RunRecord, now: Partial<RunOptions>): RecordedOptions {
  const values = recordOf(now)
  const changed = changingOptions.filter((name) => name in values && values[name] !== record.options[name])
  return Object.fromEntries(changed.map((name) => [name, values[name]]))
}

/** @throws OptionError if the training has already done or begun more epochs than `epochs` */
export function checkEpochs(
  where: string,
  store: string,
  { epochs }: RunOptions,
  { epoch, batch }: TrainingProgress,
): void {
  const least = batch > 0 ? epoch : epoch - 1
  if (epochs >= least) return
  const done = batch > 0 ? `${epoch - 1} are done, and epoch ${epoch} has begun` : `${least} are done`
  throw new OptionError(
    `${where}: epochs is ${epochs}, expected at least ${least} for the training in ${store}: ${done}`,
    ['epochs'],
  )
}

/** The progress of a training, with another learning rate, which its schedule then starts from. */
export function withRate(progress: TrainingProgress, lr: number): TrainingProgress {
  const changed = (values: Record<string, number>) =>
    Object.fromEntries(
      Object.entries(values).map(([name, value]) => [name, /^(base_)?lr\.\d+$/.test(name) ? lr : value]),
    )
  return { ...progress, optimizer: changed(progress.optimizer), schedule: changed(progress.schedule) }
}

/** The error for resuming a training that has nothing left to do. Following its advice lets the training go on. */
export function isOver(
  where: string,
  store: string,
  { ended, epoch }: RunTraining,
  { patience }: RunOptions,
): OptionError {
  const [name, value] = ended === 'patience' ? ['patience', patience] : ['epochs', epoch - 1]
  return new OptionError(
    `${where}: the training in ${store} has finished, after epoch ${epoch - 1}; to continue it, give ${name} a number larger than ${value}`,
    [name],
  )
}
