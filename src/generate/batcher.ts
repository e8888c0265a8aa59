import { checkWhole } from '../core/check.js'
import { checkOptions, type OptionKinds } from '../core/check-options.js'
import { OptionError } from '../core/errors.js'
import { Turns } from '../core/turn.js'
import type { Vocab } from '../data/vocab.js'
import type { StepState } from '../device/device.js'
import { checkGenerationArguments } from './check-arguments.js'
import { continuedTexts, type GenerateOptions, generateOptions } from './continuations.js'
import type { ContinuedText, MadeToken } from './continued-text.js'
import { prefixOf } from './prefix.js'
import { TextBatch } from './text-batch.js'
import type { TokenModel } from './token-model.js'

/** The options of a batcher. */
export interface BatcherOptions {
  /** Texts that are made side by side; others wait until one of them ends. Default 32. */
  maxBatch?: number
}

const batcherOptions: OptionKinds<BatcherOptions> = { maxBatch: 'any' }

const MOST_ROWS = 65536

/**
 * Tokens that are made ahead of their reader. A text whose reader is slower gives its row to other texts until the
 * reader has caught up.
 */
const TOKENS_AHEAD = 256

/** A text that somebody waits for. */
interface TextRequest {
  readonly text: ContinuedText
  readonly measured: boolean
  /** Tokens that were not read yet. */
  readonly made: MadeToken[]
  /** The model's state, while the text has no row. */
  state?: StepState
  place: 'waiting' | 'working' | 'parked' | 'over'
  error?: unknown
  /** Resumes its reader. */
  wake: () => void
}

/**
 * Makes texts for many readers at the same time, as a server or a page does: requests join between two tokens, leave when
 * they end, and share each step of the model. Each has its own prefix, length, sampling and random numbers, and gets the
 * text that it would get alone from the same generator (with kernels of a BLAS, whose sums depend on the sizes of its
 * products, the probabilities differ in the last digits). The weights are those of when the batcher was made.
 */
export class Batcher {
  readonly #batch: TextBatch
  readonly #waiting: TextRequest[] = []
  readonly #working = new Map<ContinuedText, TextRequest>()
  /** Texts that left during a step: their rows keep their places until all have drawn. */
  #left: ContinuedText[] | undefined
  /**
   * Kept from one call of `#work` to the next: with quick readers each is short, and a new one each time would never
   * give the event loop a turn.
   */
  readonly #pace = new Turns()
  #driven = false
  #closed = false
  #freed = false

  /** @throws OptionError for a model, a vocabulary or an option that does not fit, and for a bidirectional model */
  constructor(
    readonly model: TokenModel,
    readonly vocab: Vocab,
    options: BatcherOptions = {},
  ) {
    checkGenerationArguments('Batcher', model, vocab, options, batcherOptions)
    const { maxBatch = 32 } = options
    checkWhole('Batcher', 'maxBatch', maxBatch, 1, MOST_ROWS)
    this.#batch = new TextBatch(model, maxBatch, true)
  }

  /** Texts that are made now, or wait for a row. */
  get size(): number {
    return this.#working.size + this.#waiting.length
  }

  /** Continues a prefix as the function `generate` does, side by side with the other texts of this batcher. */
  generate(options: GenerateOptions = {}): AsyncGenerator<string, void> {
    return this.#read('Batcher.generate', options, false, ({ text }) => text)
  }

  /** Like `generate`, with the probability of each token. */
  generateTokens(options: GenerateOptions = {}): AsyncGenerator<MadeToken, void> {
    return this.#read('Batcher.generateTokens', options, true, (made) => made)
  }

  /** Frees the memory. Texts that have not ended fail with an OptionError. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    for (const request of [...this.#waiting, ...this.#working.values()]) request.wake()
    if (!this.#driven) this.#free()
  }

  async *#read<T>(
    where: string,
    options: GenerateOptions,
    measured: boolean,
    pick: (made: MadeToken) => T,
  ): AsyncGenerator<T, void> {
    checkOptions(where, options, generateOptions)
    const { length = 50, signal } = options
    checkWhole(where, 'length', length, 0)
    const prefix = prefixOf(where, this.vocab, options.prefix)
    const [text] = continuedTexts(where, this.vocab, [prefix], options, length)
    signal?.throwIfAborted()
    if (length === 0) return
    const request: TextRequest = { text, measured, made: [], place: 'waiting', wake: () => {} }
    const wake = () => request.wake()
    signal?.addEventListener('abort', wake)
    this.#waiting.push(request)
    try {
      while (!this.#closed && !signal?.aborted) {
        const made = request.made.shift()
        if (made) {
          yield pick(made)
          continue
        }
        if (request.place === 'over') break
        if (request.place === 'parked') this.#comeBack(request)
        const woken = new Promise<void>((resolve) => {
          request.wake = resolve
        })
        this.#drive()
        await woken
      }
      if (request.error !== undefined) throw request.error
      // A reader that has the whole text gets no error for a late abort.
      if (request.place === 'over' && request.made.length === 0) return
      signal?.throwIfAborted()
      throw new OptionError(`${where}: the batcher was closed before the text ended, expected an open batcher`)
    } finally {
      signal?.removeEventListener('abort', wake)
      this.#leave(request, 'over')
    }
  }

  /** Starts the work if it is not running. */
  #drive(): void {
    if (this.#driven || this.#closed) return
    this.#driven = true
    void this.#work()
  }

  /** Makes tokens while any reader has room for them. An error is passed to the readers that wait. */
  async #work(): Promise<void> {
    try {
      for (this.#fill(); this.#working.size > 0 && !this.#closed; this.#fill()) {
        this.#left = []
        const next = this.#batch.step()
        const scores = next instanceof Promise ? await next : next
        for (const request of [...this.#working.values()]) this.#draw(request, scores)
        this.#giveRows()
        await this.#pace.take()
        await this.#parkFull()
      }
    } catch (error) {
      for (const request of [...this.#working.values(), ...this.#waiting]) this.#fail(request, error)
    } finally {
      // A step that failed left the rows as they were.
      this.#giveRows()
      this.#driven = false
      if (this.#closed) this.#free()
    }
  }

  /** Gives up the rows of texts that left during a step. */
  #giveRows(): void {
    const left = this.#left ?? []
    this.#left = undefined
    if (!this.#freed) for (const text of left) this.#batch.leave(text)
  }

  #free(): void {
    this.#freed = true
    this.#batch.free()
  }

  /** Gives free rows to the texts that have waited longest. */
  #fill(): void {
    while (this.#waiting.length > 0 && this.#working.size < this.#batch.rows) {
      const request = this.#waiting.shift()!
      request.place = 'working'
      this.#working.set(request.text, request)
      this.#batch.join(request.text, request.state)
      request.state = undefined
    }
  }

  #draw(request: TextRequest, scores: Parameters<TextBatch['draw']>[1]): void {
    const { text, measured, made } = request
    try {
      this.#batch.draw(text, scores, measured, made)
      if (text.ended) this.#leave(request, 'over')
    } catch (error) {
      this.#fail(request, error)
    }
    if (made.length > 0 || text.ended) request.wake()
  }

  /**
   * Takes the rows of texts whose readers fell behind. First it gives the event loop a turn, so that readers that are
   * only waiting for one can read.
   */
  async #parkFull(): Promise<void> {
    const full = [...this.#working.values()].filter(({ made }) => made.length >= TOKENS_AHEAD)
    if (full.length === 0) return
    await this.#pace.give()
    for (const request of full) {
      if (request.place === 'working' && request.made.length >= TOKENS_AHEAD) this.#leave(request, 'parked')
    }
  }

  #fail(request: TextRequest, error: unknown): void {
    request.error = error
    this.#leave(request, 'over')
    request.wake()
  }

  /** A reader caught up. */
  #comeBack(request: TextRequest): void {
    request.place = 'waiting'
    this.#waiting.push(request)
  }

  #leave(request: TextRequest, to: 'parked' | 'over'): void {
    const { text, place } = request
    if (place === 'waiting') this.#waiting.splice(this.#waiting.indexOf(request), 1)
    if (place === 'working') {
      if (to === 'parked') request.state = this.#batch.stateOf(text)
      this.#working.delete(text)
      if (this.#left) this.#left.push(text)
      else if (!this.#freed) this.#batch.leave(text)
    }
    if (place !== 'over') request.place = to
  }
}
