import { Worker } from 'node:worker_threads'
import { type Crew, type CrewTask, type WorkerTask, warnOfThreads } from '../platform.js'
import { closeGate, type Gate, newGate } from './gate.js'
import { roomForWorkers } from './room.js'
import { script } from './worker-script.js'

/** The task of a worker in Node, which loads its BLAS inside the gate. */
export interface NodeTask extends WorkerTask {
  gate: Gate
}

export const hasThreads = (): boolean => typeof SharedArrayBuffer === 'function'

/** The gates of all crews, and whether they will be closed when the process ends. */
const gates = new Set<Gate>()
let watching = false

class NodeCrew implements Crew {
  readonly workers: Worker[] = []
  readonly gate = newGate()
  ended = false

  end(): void {
    closeGate(this.gate)
    gates.delete(this.gate)
    for (const worker of this.workers) worker.terminate()
  }
}

export function startCrew(task: CrewTask, wanted: number): Crew {
  const crew = new NodeCrew()
  const serving = new Int32Array(new SharedArrayBuffer(4 * wanted))
  if (!watching) process.on('exit', () => gates.forEach(closeGate))
  watching = true
  gates.add(crew.gate)
  try {
    const room = roomForWorkers()
    while (crew.workers.length < Math.min(wanted, room.workers)) startWorker(crew, { ...task, serving })
    if (crew.workers.length < wanted) warnOfThreads(crew.workers.length, wanted, room.limit)
  } catch (error) {
    warnOfThreads(crew.workers.length, wanted, (error as Error).message)
  }
  return crew
}

/** Starts one more worker. */
function startWorker(crew: NodeCrew, task: Omit<WorkerTask, 'number'>): void {
  const number = crew.workers.length
  const workerData: NodeTask = { ...task, number, gate: crew.gate }
  const worker = new Worker(script, { eval: true, workerData, execArgv: [] })
  worker.unref()
  let started = true
  worker.on('error', ({ message }) => {
    if (Atomics.load(task.serving, number)) return
    started = false
    warnOfThreads(crew.workers.length - 1, task.serving.length, message)
  })
  worker.on('exit', () => {
    // A worker that could not start has taken no work, and the others work without it.
    if (started) crew.ended = true
  })
  crew.workers.push(worker)
}
