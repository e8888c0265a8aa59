const codes = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const

const listeners = new Map<keyof typeof codes, () => void>()

/**
 * Does work that Ctrl-C, a termination or a terminal that closes ends: the first signal aborts, a second ends the
 * process at once. Afterwards signals are as they were.
 */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const abort = new AbortController()
  for (const name of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) {
    listeners.set(name, () => {
      // A terminal that closes sends its signal more than once: by itself, and through the shell.
      if (abort.signal.aborted && name !== 'SIGHUP') process.exit(codes[name])
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
  }
}

/**
 * Long work that gives the event loop no turn, and with which nothing is lost: signals end the process meanwhile, as
 * nobody would hear of them.
 */
export function endable<T>(work: () => T): T {
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
