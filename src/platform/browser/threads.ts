import { type Crew, type CrewTask, type WorkerTask, warnOfThreads } from '../platform.js'
import { script } from './worker-script.js'

/**
 * A page has shared memory only if it is isolated from other origins (by the headers Cross-Origin-Opener-Policy and
 * Cross-Origin-Embedder-Policy), and only workers may block: on a page's main thread the kernels use no other threads.
 */
export const hasThreads = (): boolean =>
  (globalThis as { crossOriginIsolated?: boolean }).crossOriginIsolated === true && typeof document === 'undefined'

class BrowserCrew implements Crew {
  readonly workers: Worker[] = []
  ended = false

  end(): void {
    for (const worker of this.workers) worker.terminate()
  }
}

export function startCrew(task: CrewTask, wanted: number): Crew {
  const crew = new BrowserCrew()
  const serving = new Int32Array(new SharedArrayBuffer(4 * wanted))
  const url = URL.createObjectURL(new Blob([script], { type: 'text/javascript' }))
  try {
    while (crew.workers.length < wanted) startWorker(crew, url, { ...task, serving, number: crew.workers.length })
  } catch (error) {
    warnOfThreads(crew.workers.length, wanted, (error as Error).message)
  }
  return crew
}

function startWorker(crew: BrowserCrew, url: string, task: WorkerTask): void {
  const worker = new Worker(url)
  worker.onerror = ({ message }) => {
    if (Atomics.load(task.serving, task.number)) crew.ended = true
    else {
      const why = message || 'a worker did not start; the content security policy needs worker-src blob:'
      warnOfThreads(crew.workers.length - 1, task.serving.length, why)
    }
  }
  worker.postMessage(task)
  crew.workers.push(worker)
}
