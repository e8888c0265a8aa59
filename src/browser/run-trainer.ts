import { checkMethods } from '../core/check.js'
import { DataError, OptionError } from '../core/errors.js'
import type { RunEvent } from '../run/run-events.js'
import { type Begin, errorOf, type Question, type RunFacts, type ToPage, type ToWorker } from './messages.js'

/** How the worker of a trainer is made, and what stops it. */
export interface RunTrainerSetup {
  /** Stops the training as `stop` does. During the preparation, the trainer fails with the signal's reason. */
  signal?: AbortSignal
  /**
   * Makes the worker, if the page's bundler does not find its script by itself: a module worker that runs
   * `unrolled/trainer-worker`.
   */
  worker?: () => Worker
}

/** What all setups have. */
export const setupOptions = { signal: 'signal', worker: 'function' } as const

/**
 * What `Trainer` and `SeriesTrainer` share: a run that trains in a worker, so that the page stays responsive, and is saved in
 * the browser's own file system under a name: after a reload, `resume` continues it to the same bits. It uses all threads if
 * the page is isolated from other origins. If the GPU that it trains on is lost, it goes on from the last checkpoint, on a GPU
 * again or on the CPU, and events of the type 'warning' say so.
 */
export abstract class RunTrainer<F extends RunFacts = RunFacts> {
  /** Sentences about what was loaded, and about options without an effect. */
  notes: readonly string[] = []
  warnings: readonly string[] = []
  /** What is known before the first step; after the loss of a device, before the next one. */
  facts!: F
  readonly #class: string
  readonly #worker: Worker
  #events: RunEvent[] = []
  /** For each message whose events are not all read yet, how many of them are unread. */
  #unread: number[] = []
  #reading = false
  #over = false
  #error: Error | undefined
  #wake = () => {}
  /** Resolves when no more events will come. */
  readonly #ended: Promise<void>
  #end!: () => void
  readonly #closing = new AbortController()
  #ready!: { resolve: () => void; reject: (error: Error) => void }
  readonly #answers = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>()
  #questions = 0

  /**
   * @internal
   * @param name of the class, for messages
   */
  protected constructor(name: string, make: () => Worker = defaultWorker) {
    const worker = workerOf(name, make)
    this.#class = name
    this.#worker = worker
    this.#ended = new Promise((resolve) => {
      this.#end = resolve
    })
    worker.addEventListener('message', ({ data }: MessageEvent<ToPage>) => this.#hear(data))
    worker.addEventListener('error', (event) => {
      event.preventDefault()
      const why = event.message || 'its script cannot be loaded'
      this.#fail(
        new DataError(
          `${name}: the worker failed (${why}); expected one that runs unrolled/trainer-worker: see the option worker, and worker-src of the content security policy`,
        ),
      )
    })
  }

  /**
   * Begins or resumes the run, and resolves when it is prepared.
   * @internal
   */
  protected async begin(told: Omit<Begin, 'life'>, signal: AbortSignal | undefined): Promise<this> {
    const ready = new Promise<void>((resolve, reject) => {
      this.#ready = { resolve, reject }
    })
    // A failure is reported where ready is awaited; without this it would count as unhandled when something throws first.
    ready.catch(() => undefined)
    const cancel = () => this.#fail(signal?.reason)
    signal?.addEventListener('abort', cancel)
    try {
      const life = `unrolled trainer ${Math.random()}`
      this.#tell({ kind: 'begin', begin: { ...told, life } })
      await ready
      signal?.throwIfAborted()
      this.#watch(life)
    } catch (error) {
      this.close()
      throw error
    } finally {
      signal?.removeEventListener('abort', cancel)
    }
    const stop = () => this.#tell({ kind: 'stop' })
    signal?.addEventListener('abort', stop, { signal: this.#closing.signal })
    return this
  }

  /**
   * Yields the events of the training until it is over or stopped, like `Run.events`. A loop over them may be left and
   * a new one begun later, and no event is lost. The training waits for a loop that falls behind.
   * @throws the errors of `Run.events`; DataError if the worker dies; OptionError for a second loop at the same time
   */
  async *events(): AsyncGenerator<RunEvent, void> {
    if (this.#reading) {
      throw new OptionError(`${this.#class}.events: another loop is reading the events, expected one loop at a time`)
    }
    this.#reading = true
    try {
      for (;;) {
        const event = this.#events.shift()
        if (event) {
          this.#count()
          yield event
        } else if (this.#error) throw this.#error
        else if (this.#over) return
        else {
          await new Promise<void>((resolve) => {
            this.#wake = resolve
          })
        }
      }
    } finally {
      this.#reading = false
    }
  }

  /** The files of the model as it is now, as a saved one has them: for another worker. */
  abstract modelFiles(): Promise<Readonly<Record<string, Uint8Array>>>

  /** Pauses the training after the current step, which a checkpoint keeps, until `goOn` is called. */
  pause(): void {
    this.#tell({ kind: 'pause', paused: true })
  }

  /** Ends a pause. */
  goOn(): void {
    this.#tell({ kind: 'pause', paused: false })
  }

  /**
   * Ends the training after the current step: what was learned is saved, and the last events come.
   * @returns when all of that is done, and another trainer may continue the run
   */
  async stop(): Promise<void> {
    this.#tell({ kind: 'stop' })
    await this.#ended
  }

  /** Ends the worker at once, as closing the page does: the run stays as its last checkpoint has it. */
  close(): void {
    this.#worker.terminate()
    this.#closing.abort()
    this.#fail(new OptionError(`${this.#class}: the trainer was closed, expected an open one`))
  }

  /** Counts an event as read, and tells the worker when it was the last of its message. */
  #count(): void {
    this.#unread[0]--
    if (this.#unread[0] > 0) return
    this.#unread.shift()
    this.#tell({ kind: 'read' })
  }

  /** @throws OptionError for options that cannot be sent, such as functions */
  #tell(message: ToWorker): void {
    try {
      this.#worker.postMessage(message)
    } catch (error) {
      throw new OptionError(
        `${this.#class}: the options cannot be sent to the worker (${(error as Error).message}), expected plain data`,
      )
    }
  }

  /** @internal */
  protected ask(question: Unnumbered<Question>): Promise<unknown> {
    if (this.#error) return Promise.reject(this.#error)
    const id = this.#questions++
    return new Promise((resolve, reject) => {
      this.#tell({ ...question, id } as Question)
      this.#answers.set(id, { resolve, reject })
    })
  }

  #hear(message: ToPage): void {
    if (message.kind === 'ready') {
      Object.assign(this, { notes: message.notes, warnings: message.warnings, facts: message.facts })
      this.#ready.resolve()
    } else if (message.kind === 'events') {
      this.#events.push(...message.events)
      this.#unread.push(message.events.length)
    } else if (message.kind === 'answer') {
      // A training that failed before the answer came has rejected the question already.
      const asked = this.#answers.get(message.id)
      this.#answers.delete(message.id)
      if (message.error) asked?.reject(errorOf(message.error))
      else asked?.resolve(message.value)
    } else if (message.error) this.#fail(errorOf(message.error))
    else this.#finish()
    this.#wake()
  }

  /** A worker can end without sending a message. The release of the lock that it held shows that it has. */
  #watch(life: string): void {
    const died = () =>
      this.#fail(
        new DataError(
          `${this.#class}: the worker ended unexpectedly, perhaps because memory ran out; continue the training with ${this.#class}.resume`,
          [],
          'worker-ended',
        ),
      )
    navigator.locks.request(life, { signal: this.#closing.signal }, died).catch(() => undefined)
  }

  #finish(): void {
    this.#over = true
    this.#end()
  }

  #fail(error: Error): void {
    this.#finish()
    this.#error ??= error
    this.#ready.reject(error)
    for (const { reject } of this.#answers.values()) reject(error)
    this.#answers.clear()
    this.#wake()
  }
}

/** Browsers do not start workers from scripts of other origins, and their error says little about why. */
function workerOf(where: string, worker: () => Worker): Worker {
  let made: Worker
  try {
    made = worker()
  } catch (error) {
    throw new DataError(
      `${where}: the worker cannot be started (${(error as Error).message}); expected a script of the page's own origin: see the option worker`,
    )
  }
  checkMethods(where, 'what the option worker returns', made, ['postMessage', 'terminate'], 'a Worker')
  return made
}

/** A question without its number. */
type Unnumbered<T> = T extends unknown ? Omit<T, 'id'> : never

/** Written so that Vite, webpack and others like them find the script and bundle it. */
const defaultWorker = (): Worker =>
  new Worker(new URL('./trainer-worker.js', import.meta.url), { type: 'module', name: 'unrolled trainer' })
