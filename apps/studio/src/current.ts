import { signal, untracked } from '@preact/signals'
import { type DroppedFile, type LoadedModel, type RunTrainer, savedModels, Trainer } from 'unrolled/browser'
import { told } from './faults'
import { freeName, isOnSeries, modelNames, modelOf } from './kept'
import { type MachineRun, machineModel } from './machine'
import { readModelFiles } from './model-files'
import { addressOf } from './route'
import { session } from './session'

/** Where a model of the page comes from: a training, a model that the browser keeps, or a training of the machine. */
export type Kind = 'run' | 'model' | 'machine'

/** A model that views look at. */
export type Current = CurrentText | CurrentSeries

/** A model of texts; that of a training as it was last fetched. */
export interface CurrentText extends LoadedModel {
  kind: Kind
  name: string
}

/** The model of a training on series that the browser keeps, which only workers load. */
export interface CurrentSeries {
  kind: 'run'
  name: string
}

/** Whether a model reads texts, and can write. */
export const isOfText = (model: Current | undefined): model is CurrentText => model !== undefined && 'vocab' in model

export const current = signal<Current | undefined>(undefined)

/** Counts the changes of what the browser keeps, so that lists of it are read again. */
export const keptChanges = signal(0)

const take = (name: string, load: () => Promise<Current>): Promise<boolean> =>
  told(async () => {
    current.value = await load()
  }, name)

/** The trainer of a run that this page trains now, also while it pauses. */
export function liveTrainer({ kind, name }: Pick<Current, 'kind' | 'name'>): RunTrainer | undefined {
  const now = session.value
  const isLive = kind === 'run' && now?.name === name && ['running', 'paused'].includes(now.state.value)
  return isLive ? now.trainer : undefined
}

/** Waits until a training of this page that was stopped has kept what it has learned. */
export async function untilKept(name: string): Promise<void> {
  const now = session.peek()
  if (now?.name === name && now.state.peek() === 'stopped') await now.over
}

/** A copy of the model that is training on a text now, or else that of the kept run of this name. */
export async function loadRun(name: string): Promise<LoadedModel> {
  const trainer = untracked(() => liveTrainer({ kind: 'run', name }))
  if (trainer instanceof Trainer) return trainer.model()
  await untilKept(name)
  return modelOf(name)
}

export const takeRun = (name: string): Promise<boolean> =>
  take(name, async () => ({ kind: 'run', name, ...(!(await isOnSeries(name)) && (await loadRun(name))) }))

/** Takes the model of a training on a text again, as it is now; one that has ended in the meantime stays as it was. */
export async function takeAgain(name: string): Promise<void> {
  const loaded = await loadRun(name).catch(() => undefined)
  if (loaded && isOfText(current.value) && current.value.kind === 'run' && current.value.name === name) {
    current.value = { kind: 'run', name, ...loaded }
  }
}

/** Takes a model that the browser keeps. */
export const takeModel = (name: string): Promise<boolean> =>
  take(name, async () => ({ kind: 'model', name, ...(await savedModels.load(name)) }))

/** Takes the model of a training of the machine that serves the page. */
export const takeMachineRun = (run: MachineRun): Promise<boolean> =>
  take(run.name, async () => ({ kind: 'machine', name: run.name, ...(await machineModel(run)) }))

/** Opens a model from files, keeps it in the browser, and looks at it; one of series in the library. */
export const openModel = (files: readonly DroppedFile[]): Promise<boolean> =>
  told(async () => {
    const read = await readModelFiles(files)
    if ('series' in read) {
      await (await import('./series/opened')).keepForecaster(read.name, read.series)
      keptChanges.value++
      // There it asks for its table.
      location.hash = addressOf('library')
      return
    }
    const { name: found, ...loaded } = read
    const name = freeName(found, await modelNames())
    await savedModels.save(name, loaded.model, loaded.vocab, loaded.config.training)
    current.value = { kind: 'model', name, ...loaded }
    keptChanges.value++
  })
