import type { Answers, FromSeries, Kind, Questions, ToSeries } from './messages'

interface Asked {
  resolve: (answer: never) => void
  reject: (error: Error) => void
  progress: (share: number) => void
}

/** The page's side of the worker that reads tables and forecasts them. */
export class SeriesWorker {
  readonly #worker = new Worker(new URL('./series-worker.ts', import.meta.url), { type: 'module' })
  readonly #asked = new Map<number, Asked>()
  #ids = 0

  constructor() {
    this.#worker.onmessage = ({ data }: MessageEvent<FromSeries>) => this.#hear(data)
    this.#worker.onerror = ({ message }) => {
      const error = new Error(message || 'The worker that reads tables cannot be loaded, or has ended.')
      for (const { reject } of this.#asked.values()) reject(error)
    }
  }

  /** @param progress is told how much of a table is read */
  ask<K extends Kind>(
    kind: K,
    question: Questions[K],
    progress: (share: number) => void = () => {},
  ): Promise<Answers[K]> {
    const id = this.#ids++
    return new Promise((resolve, reject) => {
      this.#asked.set(id, { resolve, reject, progress })
      this.#worker.postMessage({ kind, id, question } as ToSeries)
    })
  }

  close(): void {
    this.#worker.terminate()
  }

  #hear(message: FromSeries): void {
    const { resolve, reject, progress } = this.#asked.get(message.id)!
    if ('share' in message) progress(message.share)
    else if ('answer' in message) resolve(message.answer as never)
    else reject(Object.assign(new Error(message.error.message), message.error))
    if (!('share' in message)) this.#asked.delete(message.id)
  }
}

/** The answer to a question that needs a worker only for itself. */
export async function asked<K extends Kind>(
  kind: K,
  question: Questions[K],
  progress?: (share: number) => void,
): Promise<Answers[K]> {
  const worker = new SeriesWorker()
  try {
    return await worker.ask(kind, question, progress)
  } finally {
    worker.close()
  }
}
