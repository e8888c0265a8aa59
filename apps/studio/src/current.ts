import { signal } from '@preact/signals'
import { type LoadedModel, loadModel } from 'unrolled/browser'
import { modelOf } from './kept'
import { type MachineRun, machineModel } from './machine'
import { session } from './session'

/** A model that views look at: that of the training as it was last fetched, a kept one, or one from a file. */
export interface Current extends LoadedModel {
  name: string
}

export const current = signal<Current | undefined>(undefined)

/** Why a model could not be had. */
export const unavailable = signal<string | undefined>(undefined)

async function take(name: string, load: () => Promise<LoadedModel>): Promise<void> {
  try {
    current.value = { name, ...(await load()) }
    unavailable.value = undefined
  } catch (error) {
    unavailable.value = (error as Error).message
  }
}

/** Takes a copy of the model that is training now, or else of the kept run of this name. */
export const takeRun = (name: string): Promise<void> => {
  const now = session.peek()
  const live = now?.name === name && now.state.peek() !== 'done' && now.trainer
  return take(name, () => (live ? live.model() : modelOf(name)))
}

/** Takes a model out of a zip. */
export const takeModelFile = (file: File): Promise<void> =>
  take(file.name.replace(/\.zip$/i, ''), () => loadModel(file))

/** Takes the model of a training of the machine that serves the page. */
export const takeMachineRun = (run: MachineRun): Promise<void> => take(run.name, () => machineModel(run))
