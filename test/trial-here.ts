import { existsSync } from 'node:fs'
import path from 'node:path'
import type { TrialMessage, TrialTask } from '../src/cli/sweep/messages.js'
import {
  DivergenceError,
  ExplodedError,
  FolderStore,
  fileTexts,
  OptionError,
  planned,
  resumeRun,
  startRun,
} from '../src/node.js'

/** Trains a trial of a sweep in this process: a process of its own runs what is built, and takes long to start. */
export async function runTrial({ folder, texts, options, epochs }: TrialTask): Promise<TrialMessage> {
  const [store, text] = [new FolderStore(folder), fileTexts(texts)]
  try {
    const run = existsSync(path.join(folder, 'checkpoint.safetensors'))
      ? await resumeRun(store, text, { epochs })
      : await startRun(store, text, { ...planned(options), epochs })
    try {
      for await (const _ of run.events());
    } finally {
      await run.close()
    }
  } catch (error) {
    if (error instanceof ExplodedError) return { type: 'trained' }
    if (error instanceof DivergenceError) return { type: 'diverged' }
    // A trial that has ended early needs no more epochs.
    if (error instanceof OptionError && error.options.includes('epochs')) return { type: 'trained' }
    return { type: 'failed', name: (error as Error).name, message: (error as Error).message }
  }
  return { type: 'trained' }
}
