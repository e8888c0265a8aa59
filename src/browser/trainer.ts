import { checkMethods, checkString, checkWhole } from '../core/check.js'
import { checkOptions } from '../core/check-options.js'
import { DataError, OptionError } from '../core/errors.js'
import type { ModelFile } from '../formats/read-model.js'
import { decodeModel, encodeModel, type LoadedModel } from '../formats/saved-model.js'
import type { RunEvent } from '../run/run-events.js'
import type { RunOptions } from '../run/run-options.js'
import { type Begin, errorOf, type Question, type ToPage, type ToWorker, type TrainerFacts } from './messages.js'

/** What a trainer begins with, and how its worker is made. */
export interface TrainerSetup {
  /** A saved model to begin with: `Trainer.start` trains it further. */
  model?: LoadedModel

  /** The name of the text, for people and for the record. Default 'a text in memory', or the name that the run recorded. */
  textName?: string
  /** Stops the training as `stop` does. During the preparation, the trainer fails with the signal's reason. */
  signal?: AbortSignal
  /**
   * Makes the worker, if the page's bundler does not find its script by itself: a module worker that runs
   * `unrolled/trainer-worker`.
   */
  worker?: () => Worker
}

/** The sampling options that are plain data, and so can be sent to a worker. */
export interface TrainerPredictOptions {
  temperature?: number
  topK?: number
  topP?: number
  minP?: number
  stop?: string | readonly string[]
}

const setupOptions = { model: 'any', textName: 'any', signal: 'signal', worker: 'function' } as const
const predictOptions = { temperature: 'any', topK: 'any', topP: 'any', minP: 'any', stop: 'any' } as const

/**
 * A run that trains in a worker, so that the page stays responsive, and is saved in the browser's own file system under
 * a name: after a reload, `Trainer.resume` continues it to the same bits. It uses all threads if the page is isolated
 * from other origins. If the GPU that it trains on is lost, it goes on from the last checkpoint, on a GPU again or on the
 * CPU, and events of the type 'warning' say so.
 */
export class Trainer {
  /** Sentences about what was loaded, and about options without an effect. */
  notes: readonly string[] = []
  warnings: readonly string[] = []
  /** What is known before the first step; after the loss of a device, before the next one. */
  facts!: TrainerFacts
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

  private constructor(worker: Worker) {
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
          `Trainer: the worker failed (${why}); expected one that runs unrolled/trainer-worker: see the option worker, and worker-src of the content security policy`,
        ),
      )
    })
  }

  /**
   * Begins a training. See `startRun`, whose errors this throws, too.
   * @param name of the run
   * @param text to be trained on
   */
  static start(
    name: string,
    text: string,
    options: Partial<RunOptions> = {},
    setup: TrainerSetup = {},
  ): Promise<Trainer> {
    return Trainer.#begin('start', name, text, options, setup)
  }

  /**
   * Continues a training that was stopped, or whose page was closed, with the text that it saved. See `resumeRun`,
   * whose errors this throws, too.
   */
  static resume(
    name: string,
    options: Partial<RunOptions> = {},
    setup: Omit<TrainerSetup, 'model'> = {},
  ): Promise<Trainer> {
    return Trainer.#begin('resume', name, undefined, options, setup)
  }

  static async #begin(
    kind: Begin['kind'],
    name: string,
    text: string | undefined,
    options: Partial<RunOptions>,
    setup: TrainerSetup,
  ): Promise<Trainer> {
    const where = `Trainer.${kind}`
    checkString(where, 'name', name)
    if (kind === 'start') checkString(where, 'text', text)
    checkOptions(where, setup, setupOptions)
    const { model, textName, signal, worker = defaultWorker } = setup
    signal?.throwIfAborted()
    const files = model && (await encodeModel(model.model, model.vocab, model.config?.training))
    const trainer = new Trainer(workerOf(worker))
    const ready = new Promise<void>((resolve, reject) => {
      trainer.#ready = { resolve, reject }
    })
    // A failure is reported where ready is awaited; without this it would count as unhandled when something throws first.
    ready.catch(() => undefined)
    const cancel = () => trainer.#fail(signal?.reason)
    signal?.addEventListener('abort', cancel)
    try {
      const life = `unrolled trainer ${Math.random()}`
      trainer.#tell({ kind: 'begin', begin: { kind, name, text, textName, options, model: files, life } })
      await ready
      signal?.throwIfAborted()
      trainer.#watch(life)
    } catch (error) {
      trainer.close()
      throw error
    } finally {
      signal?.removeEventListener('abort', cancel)
    }
    const stop = () => trainer.#tell({ kind: 'stop' })
    signal?.addEventListener('abort', stop, { signal: trainer.#closing.signal })
    return trainer
  }

  /**
   * Yields the events of the training until it is over or stopped, like `Run.events`. A loop over them may be left and
   * a new one begun later, and no event is lost. The training waits for a loop that falls behind.
   * @throws the errors of `Run.events`; DataError if the worker dies; OptionError for a second loop at the same time
   */
  async *events(): AsyncGenerator<RunEvent, void> {
    if (this.#reading) {
      throw new OptionError('Trainer.events: another loop is reading the events, expected one loop at a time')
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

  /**
   * Continues a prefix with the model in training. A long text takes several training steps to make, and the model
   * changes during them.
   */
  async predict(prefix: string, numPreds: number, options: TrainerPredictOptions = {}): Promise<string> {
    checkString('Trainer.predict', 'prefix', prefix)
    checkWhole('Trainer.predict', 'numPreds', numPreds, 0)
    checkOptions('Trainer.predict', options, predictOptions)
    return (await this.#ask({ kind: 'predict', prefix, numPreds, options: { ...options } })) as string
  }

  /** A copy of the model as it is now. */
  async model(): Promise<LoadedModel> {
    return decodeModel(await this.modelFiles(), 'Trainer.model')
  }

  /**
   * The files of the model as it is now, as `encodeModel` makes them: for another worker, whose `decodeModel` makes the model
   * while the page stays responsive.
   */
  async modelFiles(): Promise<Record<ModelFile, Uint8Array>> {
    return (await this.#ask({ kind: 'model' })) as Record<ModelFile, Uint8Array>
  }

  /** Ends the worker at once, as closing the page does: the run stays as its last checkpoint has it. */
  close(): void {
    this.#worker.terminate()
    this.#closing.abort()
    this.#fail(new OptionError('Trainer: the trainer was closed, expected an open one'))
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
        `Trainer: the options cannot be sent to the worker (${(error as Error).message}), expected plain data`,
      )
    }
  }

  #ask(question: Unnumbered<Question>): Promise<unknown> {
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
          'Trainer: the worker ended unexpectedly, perhaps because memory ran out; continue the training with Trainer.resume',
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
function workerOf(worker: () => Worker): Worker {
  let made: Worker
  try {
    made = worker()
  } catch (error) {
    throw new DataError(
      `Trainer: the worker cannot be started (${(error as Error).message}); expected a script of the page's own origin: see the option worker`,
    )
  }
  checkMethods('Trainer', 'what the option worker returns', made, ['postMessage', 'terminate'], 'a Worker')
  return made
}

/** A question without its number. */
type Unnumbered<T> = T extends unknown ? Omit<T, 'id'> : never

/** Written so that Vite, webpack and others like them find the script and bundle it. */
const defaultWorker = (): Worker =>
  new Worker(new URL('./trainer-worker.js', import.meta.url), { type: 'module', name: 'unrolled trainer' })
