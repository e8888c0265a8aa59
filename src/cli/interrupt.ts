const codes = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const

const listeners = new Map<keyof typeof codes, () => void>()
let heard: AbortSignal | undefined

/**
 * Does work that Ctrl-C, a termination or a closed terminal can stop: the first signal aborts it, another Ctrl-C ends the
 * process at once. Afterwards, signals have their usual effect again.
 */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const abort = new AbortController()
  heard = abort.signal
  for (const name of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) {
    listeners.set(name, () => {
      // A closed terminal sends its signal more than once: directly, and through the shell. So does `timeout`, to the process and
      // to its group.
      if (abort.signal.aborted && name === 'SIGINT') process.exit(codes[name])
      if (abort.signal.aborted) return
      process.exitCode = codes[name]
      abort.abort()
    })
  }
  listen()
  try {
    return await work(abort.signal)
  } finally {
    ignore()
    listeners.clear()
    heard = undefined
  }
}

/**
 * Does long work that blocks the event loop and has nothing to lose. Signals end the process meanwhile, because their
 * handlers could not run.
 * @throws the reason of the work's signal if a signal came before
 */
export async function endable<T>(work: () => T): Promise<T> {
  // The event loop asks for signals once in each turn. It may have asked in this turn already, so a signal that came since
  // is heard in the next one. If the listeners were taken off before, the signal would be lost.
  for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve))
  heard?.throwIfAborted()
  ignore()
  try {
    return work()
  } finally {
    listen()
  }
}

function listen(): void {
  for (const [name, listener] of listeners) process.on(name, listener)
}

function ignore(): void {
  for (const [name, listener] of listeners) process.off(name, listener)
}
