import { checkMethods } from '../core/check.js'
import { checkOptions } from '../core/check-options.js'
import { DataError, FormatError, OptionError } from '../core/errors.js'
import { Generator } from '../core/random.js'
import type { Module } from '../nn/module.js'
import { parseProgress, tensorsUnder } from '../train/progress.js'
import { BaseRun } from './base-run.js'
import { idleSchedule, optionsOf, stepsOf, tunedConfig } from './build.js'
import { json, unsealed } from './checkpoint.js'
import { checkEffects } from './effects.js'
import type { Job } from './job.js'
import { checkMemory } from './memory-need.js'
import { call, checkVacant, enterVacant, inForce, select } from './prepare.js'
import { checkEpochs, parseRecord, type RecordedOptions, type RunRecord, resumedOptions, withRate } from './record.js'
import { resumption } from './resume.js'
import { checkRunOptions, givenIn, type RunOptions, runDefaults, withoutAbsent } from './run-options.js'
import { CHECKPOINT, checkStore, type RunStore } from './store.js'
import { tableKeeping } from './table-keeping.js'
import type { TableConfig, TableKind, TableSource } from './table-kind.js'
import { tableRates } from './table-options.js'
import { trainingParts } from './training-parts.js'

/** What a run on a table begins with besides its options. */
export interface TableSetup<M extends Module, K> {
  /** A saved model to begin with, with what it knows of the table. */
  model?: { model: M } & K
  /** Stops the run after the current step. During the preparation, it fails with the signal's reason. */
  signal?: AbortSignal
  /** Called with work that blocks the event loop, such as making a large model. Default: calls it. */
  build?: <T>(work: () => T) => T | Promise<T>
}

/** A training on a table that is kept in a store and reported as events. */
export class TableRun<M extends Module, L> extends BaseRun<M> {
  readonly #record: RunRecord

  /** @internal */
  constructor(
    job: Omit<Job<M>, 'origin'>,
    /** What was read of the table. */
    readonly data: L,
  ) {
    const { record } = job
    super({ ...job, origin: { text: record.texts[0], fingerprint: record.text } })
    this.#record = record
  }

  protected override told(): RecordedOptions {
    return this.#record.options
  }
}

/** Begins a run of a kind. Nothing is written before everything that the run needs has been checked. */
export async function startTableRun<M extends Module, L extends K, K, C extends TableConfig>(
  kind: TableKind<M, L, K, C>,
  store: RunStore,
  source: TableSource<L, K>,
  given: Partial<RunOptions>,
  setup: TableSetup<M, K>,
): Promise<TableRun<M, L>> {
  const where = kind.start
  checkArguments(kind, where, store, source, given, setup)
  const { model: saved, signal, build = call } = setup
  const config = saved && tunedConfig(where, kind.configOf(saved.model, saved), given)
  const ofModel = config && { initFrom: 'a saved model', ...withoutAbsent(given), ...optionsOf(config) }
  const asked = { ...runDefaults, ...kind.defaults, ...withoutAbsent(given), ...ofModel }
  const notes: string[] = []
  const device = await select(where, asked, notes)
  await checkVacant(store)
  // The order of batches, initial values and dropout come from one generator, whose state a checkpoint has.
  const generator = new Generator(asked.seed)
  const how = { generator, batchSize: asked.batchSize }
  const data = await (saved ? source.readFor(saved, how, signal) : source.read(how, signal))
  signal?.throwIfAborted()
  const options = completed(kind, asked, given, data)
  checkEffects(where, options, givenIn(given))
  if (kind.batches(data).mostBatches === 0) {
    const problem = `${source.name}: nothing is left to train on, expected more rows, or less that is held out`
    throw new DataError(problem, [], 'nothing-to-train')
  }
  checkSizes(kind, where, options, data)
  const { model, training } = await build(() => {
    const model = kind.modelOf(config ?? kind.newConfig(options, data), generator)
    if (saved) model.loadStateDict(saved.model.stateDict())
    model.to(device)
    const parts = trainingParts(where, options, model, kind.batches(data), signal)
    return { model, training: kind.training(where, model, data, parts) }
  })
  const idle = given.schedule && idleSchedule(options, kind.batches(data))
  const record = {
    ...{ texts: [source.place], options: recorded(kind, options), text: await kind.fingerprint(data) },
    ...{ finished: false, historyBytes: 0 },
  }
  await enterVacant(store)
  const job = { options, model, device, training, store, record, notes, warnings: idle === undefined ? [] : [idle] }
  const rest = { changed: {}, earlierRate: training.optimizer.lr, limit: kind.limit(data) }
  return new TableRun({ ...job, ...rest, keeping: tableKeeping(kind, data, model) }, data)
}

/** Resumes a run of a kind from its last checkpoint, to the same bits. */
export async function resumeTableRun<M extends Module, L extends K, K, C extends TableConfig>(
  kind: TableKind<M, L, K, C>,
  store: RunStore,
  source: TableSource<L, K> | ((name: string) => TableSource<L, K>),
  given: Partial<RunOptions>,
  setup: Omit<TableSetup<M, K>, 'model'>,
): Promise<TableRun<M, L>> {
  const where = kind.resume
  checkArguments(kind, where, store, source, given, setup)
  const { signal, build = call } = setup
  await store.refuseBusy()
  const file = `${store.name}/${CHECKPOINT}`
  const expected = `the checkpoint of a training on ${kind.what}, expected one`
  const read = await store.read(CHECKPOINT, (source) => unsealed(source, file, [kind.format], expected))
  if (!read) throw new DataError(`${store.name}: there is no training to resume, expected ${CHECKPOINT}`)
  await store.enter()
  try {
    const { tensors, metadata } = read
    const { config, known } = kind.parse(metadata, file)
    const record = parseRecord(json(metadata.run ?? 'null', file), file)
    if (metadata.progress === undefined) throw new FormatError(`${file}: the progress of the training is missing`)
    const progress = parseProgress(json(metadata.progress, file), file)
    const options = resumedOptions(where, record, given)
    checkEpochs(where, store.name, options, progress)
    checkEffects(where, options, givenIn(given))
    const notes: string[] = []
    const device = await select(where, options, notes, given.device !== undefined)
    const table = typeof source === 'function' ? source(record.texts[0]) : source
    const generator = new Generator(options.seed)
    const data = await table.readFor(known, { generator, batchSize: options.batchSize }, signal)
    if ((await kind.fingerprint(data)) !== record.text) {
      throw new DataError(
        `${table.name}: the rows differ from those that the training in ${store.name} began with; restore that file, or start a new training from this model (initFrom)`,
        ['initFrom'],
      )
    }
    signal?.throwIfAborted()
    checkSizes(kind, where, options, data)
    const { model, training } = await build(() => {
      const model = kind.modelWith(config, tensorsUnder('model', tensors), file, generator)
      model.to(device)
      const parts = trainingParts(where, options, model, kind.batches(data), signal)
      const training = kind.training(where, model, data, parts)
      training.restore({ tensors, progress: given.lr === undefined ? progress : withRate(progress, given.lr) })
      return { model, training }
    })
    const job = { options, model, device, training, store, record, notes }
    const rest = resumption(where, job, given, recorded(kind, options))
    const keeping = tableKeeping(kind, data, model)
    return new TableRun({ ...job, ...rest, keeping, limit: kind.limit(data), warnings: [] }, data)
  } catch (error) {
    await store.leave()
    throw error
  }
}

function checkArguments<M extends Module, L extends K, K, C extends TableConfig>(
  kind: TableKind<M, L, K, C>,
  where: string,
  store: RunStore,
  source: unknown,
  given: Partial<RunOptions>,
  setup: TableSetup<M, K>,
): void {
  checkStore(where, store)
  if (where !== kind.resume || typeof source !== 'function') {
    checkMethods(where, 'the source', source, ['read', 'readFor'], 'a TableSource, such as seriesSource makes')
  }
  checkRunOptions(where, given)
  const other = givenIn(given).find((name) => !kind.options.includes(name))
  if (other !== undefined) {
    throw new OptionError(`${where}: ${other} has no effect on a training on ${kind.what}; leave it out`, [other])
  }
  checkOptions(where, setup, { model: 'any', signal: 'signal', build: 'function' })
}

/** The options with those values that depend on the data and on other options. */
function completed<L>(
  kind: Pick<TableKind<Module, L, L, TableConfig>, 'batches' | 'validation'>,
  asked: RunOptions,
  { warmup }: Partial<RunOptions>,
  data: L,
): RunOptions {
  const options = { ...asked, lr: asked.lr ?? tableRates[asked.optimizer], validation: kind.validation(data) }
  const rising = asked.schedule === 'cosine' ? Math.floor(stepsOf(options, kind.batches(data)) / 20) : asked.warmup
  return { ...options, warmup: warmup ?? rising }
}

/** @throws OptionError if the model that the options describe does not fit into the machine's memory */
function checkSizes<L>(
  kind: Pick<TableKind<Module, L, L, TableConfig>, 'sizes'>,
  where: string,
  options: RunOptions,
  data: L,
): void {
  const { inputSize: vocabSize, steps: numSteps, ...limits } = kind.sizes(data, options)
  const config = { ...options, vocabSize, bias: true, bidirectional: options.bidirectional ?? false }
  checkMemory(where, config, { ...options, numSteps }, undefined, limits)
}

/** The options as a checkpoint keeps them. */
const recorded = (kind: { options: readonly string[] }, options: RunOptions): RecordedOptions =>
  Object.fromEntries(
    Object.entries(inForce(options)).filter(([name]) => name === 'validation' || kind.options.includes(name)),
  )
