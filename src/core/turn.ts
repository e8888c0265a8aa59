import { platform } from '#platform'

/** Milliseconds of work between turns of the event loop. */
const TURN = 40

/** Gives the event loop a turn now and then during long work. */
export class Turns {
  #last = performance.now()

  /** Long work awaits this often; it waits for a turn only when the last one was a while ago. */
  async take(): Promise<void> {
    if (performance.now() - this.#last < TURN) return
    await this.give()
  }

  /** Waits for a turn in any case. */
  async give(): Promise<void> {
    await platform.nextTurn()
    this.#last = performance.now()
  }
}
