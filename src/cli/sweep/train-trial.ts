import { existsSync } from 'node:fs'
import path from 'node:path'
import {
  BOOK_TOKENS,
  DivergenceError,
  ExplodedError,
  FolderStore,
  fileTexts,
  OptionError,
  planned,
  type Run,
  resumeRun,
  type SweepPlan,
  startRun,
  type TextSource,
  timeMachineText,
} from '../../node.js'
import type { TrialMessage, TrialTask } from './messages.js'

/**
 * Begins or resumes the training of a trial, in this process.
 * @param onEpoch is told of each epoch
 * @param signal makes the training stop after its current step, and save
 * @returns how it ended
 */
export async function trainTrial(
  task: TrialTask,
  onEpoch: (epoch: number) => void | Promise<void>,
  signal: AbortSignal,
): Promise<TrialMessage> {
  try {
    const run = await begin(task, signal)
    if (run) await follow(run, onEpoch)
  } catch (error) {
    const { name, message } = error as Error
    // Whether its best model is worth anything is told by what it saved, also to a sweep that was killed just now.
    if (error instanceof ExplodedError) return { type: 'trained' }
    if (error instanceof DivergenceError) return { type: 'diverged' }
    if (!signal.aborted) return { type: 'failed', name, message }
  }
  return { type: signal.aborted ? 'stopped' : 'trained' }
}

/** The text of all trials. */
export const trialText = (texts: readonly string[]): TextSource =>
  texts.length === 0 ? timeMachineText() : fileTexts(texts)

/** The options that The Time Machine has if a plan says nothing. */
export const ofText = (texts: readonly string[]): SweepPlan['options'] =>
  texts.length === 0 ? { maxTokens: BOOK_TOKENS, clean: true } : {}

async function follow(run: Run, onEpoch: (epoch: number) => void | Promise<void>): Promise<void> {
  try {
    for await (const event of run.events()) {
      if (event.type === 'epoch') await onEpoch(event.epoch)
    }
  } finally {
    await run.close()
  }
}

/** @returns undefined if the training has come so far already, before its sweep was killed */
async function begin({ folder, texts, options, epochs }: TrialTask, signal: AbortSignal): Promise<Run | undefined> {
  const store = new FolderStore(folder)
  const text = trialText(texts)
  if (!existsSync(path.join(folder, 'checkpoint.safetensors'))) {
    return startRun(store, text, { ...planned({ ...ofText(texts), ...options }), epochs }, { signal })
  }
  try {
    return await resumeRun(store, text, { epochs }, { signal })
  } catch (error) {
    const isThere = error instanceof OptionError && error.options.some((name) => ['epochs', 'patience'].includes(name))
    if (isThere) return undefined
    throw error
  }
}
