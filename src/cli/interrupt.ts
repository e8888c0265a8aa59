/** Ends work in hand at Ctrl-C or a termination; a second signal ends the process at once. */
export class Interrupt {
  readonly #abort = new AbortController()
  readonly #codes = { SIGINT: 130, SIGTERM: 143 } as const

  constructor() {
    for (const [signal, code] of Object.entries(this.#codes)) {
      process.on(signal, () => {
        if (this.signal.aborted) process.exit(code)
        process.exitCode = code
        this.#abort.abort()
      })
    }
  }

  get signal(): AbortSignal {
    return this.#abort.signal
  }
}
