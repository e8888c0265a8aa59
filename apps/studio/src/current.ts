import { signal, untracked } from '@preact/signals'
import { type DroppedFile, type LoadedModel, savedModels, type Trainer } from 'unrolled/browser'
import { told } from './faults'
import { freeName, modelNames, modelOf } from './kept'
import { type MachineRun, machineModel } from './machine'
import { readModelFiles } from './model-files'
import { textSession } from './text-session'

/** Where a model of the page comes from: a training, a model that the browser keeps, or a training of the machine. */
export type Kind = 'run' | 'model' | 'machine'

/** A model that views look at; that of a training as it was last fetched. */
export interface Current extends LoadedModel {
  kind: Kind
  name: string
}

export const current = signal<Current | undefined>(undefined)

/** Counts the changes of what the browser keeps, so that lists of it are read again. */
export const keptChanges = signal(0)

const take = (kind: Kind, name: string, load: () => Promise<LoadedModel>): Promise<boolean> =>
  told(async () => {
    current.value = { kind, name, ...(await load()) }
  }, name)

/** The trainer of a run that this page trains now, also while it pauses. */
export function liveTrainer({ kind, name }: Pick<Current, 'kind' | 'name'>): Trainer | undefined {
  const now = textSession.value
  const isLive = kind === 'run' && now?.name === name && ['running', 'paused'].includes(now.state.value)
  return isLive ? now.trainer : undefined
}

/** A copy of the model that is training now, or else that of the kept run of this name. */
export async function loadRun(name: string): Promise<LoadedModel> {
  const trainer = untracked(() => liveTrainer({ kind: 'run', name }))
  if (trainer) return trainer.model()
  const now = textSession.peek()
  // It keeps what it has learned when it stops.
  if (now?.name === name && now.state.peek() === 'stopped') await now.over
  return modelOf(name)
}

export const takeRun = (name: string): Promise<boolean> => take('run', name, () => loadRun(name))

/** Takes the model of a training again, as it is now; one that has ended in the meantime stays as it was. */
export async function takeAgain(name: string): Promise<void> {
  const loaded = await loadRun(name).catch(() => undefined)
  if (loaded && current.value?.kind === 'run' && current.value.name === name) {
    current.value = { kind: 'run', name, ...loaded }
  }
}

/** Takes a model that the browser keeps. */
export const takeModel = (name: string): Promise<boolean> => take('model', name, () => savedModels.load(name))

/** Takes the model of a training of the machine that serves the page. */
export const takeMachineRun = (run: MachineRun): Promise<boolean> => take('machine', run.name, () => machineModel(run))

/** Opens a model from files, keeps it in the browser, and looks at it. */
export const openModel = (files: readonly DroppedFile[]): Promise<boolean> =>
  told(async () => {
    const { name: found, ...loaded } = await readModelFiles(files)
    const name = freeName(found, await modelNames())
    await savedModels.save(name, loaded.model, loaded.vocab, loaded.config.training)
    current.value = { kind: 'model', name, ...loaded }
    keptChanges.value++
  })
