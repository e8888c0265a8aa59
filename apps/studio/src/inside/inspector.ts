import { signal, useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import type { Fault } from '../faults'
import type { Answers, Kind, Looked, Questions, ToPage, ToWorker } from './messages'

/** What is needed of a worker. */
type Channel = Pick<Worker, 'postMessage' | 'terminate' | 'addEventListener'>

/** A question of a part of the page, which is asked again for each model. */
interface Asked {
  question: Questions[Kind]
  take: (answer: never) => void
  /** The number of its last asking. */
  id: number
}

/** Looks into a model in a worker. Of each kind of questions, only the answer to the latest one is taken. */
export class Inspector {
  /** What goes wrong, if anything does. */
  readonly fault = signal<Fault | undefined>(undefined)
  readonly #channel: Channel
  readonly #asked = new Map<Kind, Asked>()
  readonly #unanswered = new Set<number>()
  /** What went wrong with questions of a kind, or with the worker. */
  readonly #failed = new Map<Kind | 'worker', string>()
  #ids = 0
  #hasModel = false
  #settle = () => {}

  constructor(channel: Channel = newWorker()) {
    this.#channel = channel
    channel.addEventListener('message', (event) => this.#hear((event as MessageEvent<ToPage>).data))
    channel.addEventListener('error', (event) => {
      event.preventDefault()
      this.#fail('worker', (event as ErrorEvent).message || 'The worker that looks into models cannot be loaded.')
    })
  }

  /**
   * Looks into another model from here on, or into the same one as it is now.
   * @param model whose files are moved to the worker
   * @returns when all questions are answered
   */
  async look(model: Looked): Promise<void> {
    this.#settle()
    this.#tell(
      { kind: 'model', model },
      Object.values(model.files ?? {}).map(({ buffer }) => buffer as ArrayBuffer),
    )
    this.#hasModel = true
    for (const kind of this.#asked.keys()) this.#send(kind)
    if (this.#unanswered.size === 0) return
    await new Promise<void>((resolve) => {
      this.#settle = resolve
    })
  }

  /**
   * Asks about the model, in place of the question of that kind before; about each model that follows, too.
   * @param take takes the answers
   * @returns what ends that
   */
  ask<K extends Kind>(kind: K, question: Questions[K], take: (answer: Answers[K]) => void): () => void {
    const id = this.#asked.get(kind)?.id ?? -1
    const asked: Asked = { question, take, id }
    this.#asked.set(kind, asked)
    if (this.#hasModel) this.#send(kind)
    return () => {
      if (this.#asked.get(kind) !== asked) return
      this.#asked.delete(kind)
      this.#answered(asked.id)
    }
  }

  /** Ends the worker, and with it whatever it computes. */
  close(): void {
    this.#channel.terminate()
    this.#asked.clear()
    this.#settle()
  }

  #send(kind: Kind): void {
    const asked = this.#asked.get(kind)!
    this.#unanswered.delete(asked.id)
    asked.id = this.#ids++
    this.#unanswered.add(asked.id)
    this.#tell({ kind, id: asked.id, question: asked.question } as ToWorker)
  }

  #tell(message: ToWorker, moved: Transferable[] = []): void {
    this.#channel.postMessage(message, moved)
  }

  #hear({ kind, id, answer, error }: ToPage): void {
    const asked = this.#asked.get(kind)
    // It is out of date.
    if (asked?.id !== id) return
    if (!error) asked.take(answer as never)
    this.#fail(kind, error?.message)
    this.#answered(id)
  }

  #fail(of: Kind | 'worker', message: string | undefined): void {
    if (message === undefined) this.#failed.delete(of)
    else this.#failed.set(of, message)
    const [detail] = this.#failed.values()
    this.fault.value = detail === undefined ? undefined : { kind: 'other', detail }
  }

  #answered(id: number): void {
    this.#unanswered.delete(id)
    if (this.#unanswered.size === 0) this.#settle()
  }
}

const newWorker = (): Worker => new Worker(new URL('./inside-worker.ts', import.meta.url), { type: 'module' })

/** The answer to a question about the model that is looked into: to an earlier one, as long as there is no other. */
export function useAnswer<K extends Kind>(
  inspector: Inspector,
  kind: K,
  question: Questions[K],
): Answers[K] | undefined {
  const answer = useSignal<Answers[K] | undefined>(undefined)
  useEffect(
    () =>
      inspector.ask(kind, question, (found) => {
        answer.value = found
      }),
    [inspector, ...Object.values(question)],
  )
  return answer.value
}
