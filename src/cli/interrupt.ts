const codes = { SIGINT: 130, SIGTERM: 143 } as const

/**
 * Does work that Ctrl-C or a termination ends: the first aborts the signal, a second ends the process at once.
 * Afterwards signals are as they were.
 */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const abort = new AbortController()
  const listeners = Object.entries(codes).map(([name, code]) => {
    const listener = () => {
      if (abort.signal.aborted) process.exit(code)
      process.exitCode = code
      abort.abort()
    }
    process.on(name, listener)
    return [name, listener] as const
  })
  try {
    return await work(abort.signal)
  } finally {
    for (const [name, listener] of listeners) process.off(name, listener)
  }
}
