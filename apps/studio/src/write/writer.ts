import { encodeModel } from 'unrolled/browser'
import type { CurrentText } from '../current'
import type { CompleteOptions, Completions } from './complete'
import type { ToPage, ToWorker } from './messages'

/** What is needed of a worker. */
type Channel = Pick<Worker, 'postMessage' | 'terminate' | 'addEventListener'>

/** What becomes of the text that is being continued. */
interface Asked {
  id: number
  resolve: (made: Completions) => void
  reject: (error: Error) => void
}

/** Continues texts in a worker, the latest text alone. */
export class Writer {
  readonly #channel: Channel
  /** The model that the worker has. */
  #model: CurrentText | undefined
  #asked: Asked | undefined
  #broken: Error | undefined
  #ids = 0

  constructor(channel: Channel = newWorker()) {
    this.#channel = channel
    channel.addEventListener('message', (event) => this.#hear((event as MessageEvent<ToPage>).data))
    channel.addEventListener('error', (event) => {
      event.preventDefault()
      this.#broken = new Error((event as ErrorEvent).message || 'The worker that writes cannot be loaded.')
      this.#asked?.reject(this.#broken)
    })
  }

  /**
   * Continues a text, in the place of the one before, of which nothing more is heard.
   * @throws what goes wrong in the worker; the signal's reason
   */
  async complete(
    model: CurrentText,
    text: string,
    options: CompleteOptions,
    signal: AbortSignal,
  ): Promise<Completions> {
    if (this.#model !== model) {
      const files = await encodeModel(model.model, model.vocab, model.config.training)
      signal.throwIfAborted()
      const moved = Object.values(files).map(({ buffer }) => buffer as ArrayBuffer)
      this.#tell({ kind: 'model', files }, moved)
      this.#model = model
    }
    if (this.#broken) throw this.#broken
    const id = this.#ids++
    return new Promise((resolve, reject) => {
      this.#asked = { id, resolve, reject }
      signal.addEventListener('abort', () => reject(signal.reason))
      this.#tell({ kind: 'text', id, text, options })
    })
  }

  /** Ends the worker, and with it whatever it writes. */
  close(): void {
    this.#channel.terminate()
  }

  #tell(message: ToWorker, moved: Transferable[] = []): void {
    this.#channel.postMessage(message, moved)
  }

  #hear({ id, made, error }: ToPage): void {
    // It is out of date.
    if (this.#asked?.id !== id) return
    if (error) this.#asked.reject(Object.assign(new Error(error.message), error))
    else this.#asked.resolve(made)
  }
}

const newWorker = (): Worker => new Worker(new URL('./write-worker.ts', import.meta.url), { type: 'module' })
