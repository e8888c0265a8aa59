import { fork } from 'node:child_process'
import { setTimeout } from 'node:timers/promises'
import { DataError, FolderStore } from '../node.js'
import type { TrialMessage, TrialTask } from './sweep/messages.js'

/** Seconds that a training has for its last step and for saving, after the process of its sweep was killed. */
const PATIENCE = 60

/**
 * Runs a trial in a process of its own until it has ended.
 * @param onEpoch is told of each epoch
 * @param signal makes the training stop after its current step, and save
 * @returns the last message
 */
export async function runTrial(
  task: TrialTask,
  onEpoch: (epoch: number) => void,
  signal: AbortSignal,
): Promise<TrialMessage> {
  await untilFree(new FolderStore(task.folder), signal)
  if (signal.aborted) return { type: 'stopped' }
  // The build bundles this file into the folder in which it lies.
  const child = fork(new URL('./trial.js', import.meta.url), { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
  let [said, last] = ['', undefined as TrialMessage | undefined]
  child.stderr!.on('data', (text) => (said = `${said}${text}`.slice(-1000)))
  child.on('message', (message: TrialMessage) => {
    if (message.type === 'epoch') onEpoch(message.epoch)
    else last = message
  })
  const stop = () => child.connected && child.disconnect()
  signal.addEventListener('abort', stop)
  try {
    return await new Promise<TrialMessage>((resolve, reject) => {
      child.on('error', reject)
      // Not 'close', which does not come after this side has disconnected.
      child.on('exit', (code, killer) => {
        const how = `its process ended with ${killer ?? `exit code ${code}`}: ${said.trim().split('\n').at(-1) ?? ''}`
        resolve(last ?? (signal.aborted ? { type: 'stopped' } : { type: 'failed', name: 'DataError', message: how }))
      })
      child.send(task)
    })
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

/** Waits for a training that an earlier process of the sweep has left, and which is just saving. */
async function untilFree(store: FolderStore, signal: AbortSignal): Promise<void> {
  for (const start = performance.now(); !signal.aborted; await setTimeout(100)) {
    try {
      return await store.refuseBusy()
    } catch (error) {
      if (!(error instanceof DataError) || performance.now() > start + PATIENCE * 1000) throw error
    }
  }
}
