import { nextTurn } from '../core/turn.js'

/** Milliseconds of work between two turns of the event loop. */
const TURN = 40

/** Keeps long work from holding up signals, timers and the page. */
export class Pace {
  #turn = performance.now()

  /** Waits for a turn of the event loop if the last one was some time ago. */
  async rest(): Promise<void> {
    if (performance.now() - this.#turn < TURN) return
    await nextTurn()
    this.#turn = performance.now()
  }
}
