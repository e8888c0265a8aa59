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
  startRun,
  timeMachineText,
} from '../../node.js'
import type { TrialMessage, TrialTask } from './messages.js'

/*
 * The process of one trial: begins or resumes a training, and saves it when it is told to stop or when the process of the
 * sweep has gone.
 */

const abort = new AbortController()
const { signal } = abort
// Ctrl-C in a terminal reaches all of its processes: the sweep's own decides what it means.
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => {})
process.on('disconnect', () => abort.abort())
process.once('message', (task: TrialTask) => void work(task).finally(() => process.disconnect?.()))

const tell = (message: TrialMessage): Promise<void> =>
  new Promise((resolve) => (process.connected ? process.send!(message, () => resolve()) : resolve()))

async function work(task: TrialTask): Promise<void> {
  try {
    const run = await begin(task)
    if (run) await follow(run)
    await tell({ type: signal.aborted ? 'stopped' : 'trained' })
  } catch (error) {
    const { name, message } = error as Error
    // Whether its best model is worth anything is told by what it saved, also to a sweep that was killed just now.
    if (error instanceof ExplodedError) await tell({ type: 'trained' })
    else if (error instanceof DivergenceError) await tell({ type: 'diverged' })
    else if (signal.aborted) await tell({ type: 'stopped' })
    else await tell({ type: 'failed', name, message })
  }
}

async function follow(run: Run): Promise<void> {
  try {
    for await (const event of run.events()) {
      if (event.type === 'epoch') await tell({ type: 'epoch', epoch: event.epoch })
    }
  } finally {
    await run.close()
  }
}

/** @returns undefined if the training has come so far already, before its sweep was killed */
async function begin({ folder, texts, options, epochs }: TrialTask): Promise<Run | undefined> {
  const store = new FolderStore(folder)
  const book = texts.length === 0
  const text = book ? timeMachineText() : fileTexts(texts)
  if (!existsSync(path.join(folder, 'checkpoint.safetensors'))) {
    const ofBook = book ? { maxTokens: BOOK_TOKENS, clean: true } : {}
    return startRun(store, text, { ...ofBook, ...planned(options), epochs }, { signal })
  }
  try {
    return await resumeRun(store, text, { epochs }, { signal })
  } catch (error) {
    const isThere = error instanceof OptionError && error.options.some((name) => ['epochs', 'patience'].includes(name))
    if (isThere) return undefined
    throw error
  }
}
