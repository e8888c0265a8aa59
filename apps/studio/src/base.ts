import { signal } from '@preact/signals'
import { type LoadedModel, type RunOptions, savedText } from 'unrolled/browser'
import type { Setup } from './setup'

/** A kept model that the next training begins with. */
export interface Base extends LoadedModel {
  name: string
}

export const base = signal<Base | undefined>(undefined)

/** The parts of a setup that a saved model fixes. */
export const fixed = ['cell', 'hiddenSize', 'numLayers', 'clean'] as const satisfies readonly (keyof Setup)[]

/** A setup as it is with the model that the training begins with. */
export function setupWith(setup: Setup, from: Base | undefined): Setup {
  if (!from) return setup
  const { cell, hiddenSize, numLayers } = from.config
  return { ...setup, cell, hiddenSize, numLayers, clean: savedText(from).clean }
}

/** The options of a training with this setup. */
export function optionsOf(setup: Setup, from: Base | undefined): Partial<RunOptions> {
  if (!from) return setup
  const free = Object.entries(setup).filter(([name]) => !(fixed as readonly string[]).includes(name))
  return { ...Object.fromEntries(free), initFrom: from.name, extendVocab: true }
}
