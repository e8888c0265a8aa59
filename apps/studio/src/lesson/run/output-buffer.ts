import type { Output } from './messages'

/** Milliseconds between two messages to the page. */
const PACE = 50

/** The outputs of a cell that a page can still show. */
const MOST = 1000

/** Hands on what a cell puts out, a few times a second, and not without end. */
export class OutputBuffer {
  #waiting: Output[] = []
  #count = 0
  #last = Number.NEGATIVE_INFINITY
  #timer: ReturnType<typeof setTimeout> | undefined
  readonly #send: (outputs: Output[]) => void

  constructor(send: (outputs: Output[]) => void) {
    this.#send = send
  }

  put(output: Output): void {
    this.#count++
    // An error is the last thing that a cell says.
    if (this.#count > MOST && output.type !== 'error') {
      if (this.#count === MOST + 1) this.#waiting.push({ type: 'text', text: '…', warning: true })
      return
    }
    this.#waiting.push(output)
    // A loop without a pause lets no timer run.
    if (performance.now() - this.#last >= PACE) this.flush()
    else this.#timer ??= setTimeout(() => this.flush(), PACE)
  }

  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#last = performance.now()
    if (this.#waiting.length === 0) return
    this.#send(this.#waiting)
    this.#waiting = []
  }
}
