import type { TrialMessage, TrialTask } from './sweep/messages.js'
import { trainTrial } from './sweep/train-trial.js'

/*
 * The process of one trial, which saves its training when it is told to stop or when the process of the sweep has gone.
 */

const abort = new AbortController()
// Ctrl-C in a terminal reaches all of its processes: the sweep's own decides what it means.
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => {})
process.on('disconnect', () => abort.abort())
process.once('message', (task: TrialTask) => void work(task).finally(() => process.disconnect?.()))

const tell = (message: TrialMessage): Promise<void> =>
  new Promise((resolve) => (process.connected ? process.send!(message, () => resolve()) : resolve()))

const work = async (task: TrialTask): Promise<void> =>
  tell(await trainTrial(task, (epoch) => tell({ type: 'epoch', epoch }), abort.signal))
