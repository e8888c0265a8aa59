import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import path from 'node:path'
import type { Option } from 'commander'
import { DataError, OptionError } from '../core/errors.js'
import {
  array,
  boolean,
  finite,
  fitting,
  object,
  oneOf,
  optional,
  type Parsed,
  type Schema,
  string,
  whole,
} from '../core/parse.js'
import { CHECKPOINT, loadCheckpoint } from '../node/checkpoint.js'
import type { Training } from '../node.js'
import type { TrainingProgress } from '../train/state.js'
import { numberOrAll, number as parseNumber } from './arguments.js'
import { changing, flagOf, resumable, type TrainingOptions, trainingOptions } from './options.js'

type Recorded = string | number | boolean

const recorded = fitting<Recorded>('(string | number | boolean)', (value) =>
  ['string', 'number', 'boolean'].includes(typeof value),
)
const numberOrWord = fitting<number | 'all'>('(number | "all")', (value) => value === 'all' || Number.isFinite(value))

/** What a recorded option may be, by what the command line takes for it. */
function optionSchema({ argChoices, parseArg, required }: Option): Schema<Recorded> {
  if (argChoices) return oneOf(...argChoices)
  if (!required) return boolean
  if (parseArg === parseNumber) return finite
  return parseArg === numberOrAll ? numberOrWord : string
}

const optionSchemas = trainingOptions().map((option) => [option.attributeName(), optional(optionSchema(option))])

const runSchema = object({
  /** The texts' absolute paths; none for The Time Machine. */
  texts: array(string),
  options: object<Record<string, Recorded>>(Object.fromEntries(optionSchemas), recorded),
  /** Tells the text from another. */
  text: string,
  /** Whether the training came to its end. */
  finished: boolean,
  /** Bytes of the history that are older than the checkpoint. */
  historyBytes: whole(0),
})

/** What a checkpoint keeps of the command that made it. */
export type RunRecord = Parsed<typeof runSchema>

/** Options as JSON keeps them. */
export function recordOf(options: TrainingOptions): RunRecord['options'] {
  const { out: _, resume: __, json: ___, ...kept } = options
  const entries = Object.entries(kept).map(([name, value]) => [name, value === Infinity ? 'all' : value])
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined))
}

export function parseRun(value: unknown, where: string): RunRecord {
  return runSchema(value, where, 'run')
}

/**
 * The options of a training that goes on: as they were, but for what was said now.
 * @param said names of the options on the command line
 * @throws OptionError for one that would make it another training
 */
export function resumedOptions(run: RunRecord, now: TrainingOptions, said: readonly string[]): TrainingOptions {
  const fixed = said.filter((name) => !resumable.includes(name as keyof TrainingOptions))
  if (fixed.length > 0) {
    throw new OptionError(
      `train: ${fixed.map(flagOf).join(', ')} cannot be changed when a training goes on; leave it out, or begin another with --init-from`,
    )
  }
  const before = Object.entries(run.options).map(([name, value]) => [name, value === 'all' ? Infinity : value])
  const changed = Object.entries(now).filter(([name]) => said.includes(name))
  const recorded: TrainingOptions = { ...now, ...Object.fromEntries(before), threads: threadsHere(run.options.threads) }
  return { ...recorded, ...Object.fromEntries(changed), json: now.json, resume: now.resume }
}

/** Threads of a training that began on another machine, as far as this one has use for them. */
const threadsHere = (recorded: unknown): number | undefined =>
  typeof recorded === 'number' ? Math.min(recorded, Math.max(8, availableParallelism())) : undefined

/** What was said now of a training that goes on, where it was not so before. */
export function changedOptions(
  run: RunRecord,
  options: TrainingOptions,
  said: readonly string[],
): RunRecord['options'] {
  const now = recordOf(options)
  return Object.fromEntries(
    said
      .filter((name) => changing.includes(name as keyof TrainingOptions) && now[name] !== run.options[name])
      .map((name) => [name, now[name]]),
  )
}

/** @throws OptionError where more epochs are done, or begun, than the training is to have */
export function checkEpochs(out: string, { epochs }: TrainingOptions, { epoch, batch }: TrainingProgress): void {
  const least = batch > 0 ? epoch : epoch - 1
  if (epochs >= least) return
  const done = batch > 0 ? `${epoch - 1} are done, and epoch ${epoch} has begun` : `${least} are done`
  throw new OptionError(`train: --epochs is ${epochs}, expected at least ${least} for the training in ${out}: ${done}`)
}

/** The progress of a training that goes on at another learning rate; a schedule changes that one from now on. */
export function withRate(progress: TrainingProgress, lr: number): TrainingProgress {
  const changed = (values: Record<string, number>) =>
    Object.fromEntries(
      Object.entries(values).map(([name, value]) => [name, /^(base_)?lr\.\d+$/.test(name) ? lr : value]),
    )
  return { ...progress, optimizer: changed(progress.optimizer), schedule: changed(progress.schedule) }
}

/** The error of a training that is to go on and has nothing left to do; what it advises lets it go on. */
export function isOver(out: string, { ended, epoch }: Training, { patience }: TrainingOptions): OptionError {
  const advice =
    ended === 'patience'
      ? `--patience and a larger number than ${patience}`
      : `--epochs and a larger number than ${epoch - 1}`
  return new OptionError(`train: the training in ${out} is over, after epoch ${epoch - 1}; go on with ${advice}`)
}

/** @throws DataError where a training lies that could go on */
export async function refuseUnfinished(out: string): Promise<void> {
  const file = path.join(out, CHECKPOINT)
  if (!existsSync(file)) return
  const { run } = await loadCheckpoint(file)
  if (parseRun(run, file).finished) return
  throw new DataError(
    `${out}: a training that is not over lies there; go on with --resume ${out}, or choose another folder`,
  )
}
