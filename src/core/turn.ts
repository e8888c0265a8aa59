import { platform } from '#platform'

/** Milliseconds of work between two turns of the event loop. */
const TURN = 40

/** Lets the event loop go round now and then during long work. */
export class Turns {
  #last = performance.now()

  /** To be awaited often: waits for a turn where the last one was a while ago. */
  async take(): Promise<void> {
    if (performance.now() - this.#last < TURN) return
    await platform.nextTurn()
    this.#last = performance.now()
  }
}
