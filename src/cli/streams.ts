let outlived = false

/** From now on the command continues even if its output ends, because it has work to save. */
export function outliveOutput(): void {
  outlived = true
}

/**
 * Decides what happens when the output cannot be written any more. A command that only prints ends: quietly if the
 * reader has closed, as in `unrolled generate … | head`, and otherwise with an error message. A command that has work to
 * save continues without output.
 */
export function watchOutput(): void {
  const told = new Set<NodeJS.WriteStream>()
  const watch = (stream: NodeJS.WriteStream, name: string) => {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (!outlived) {
        if (error.code === 'EPIPE') process.exit(0)
        console.error(`error: ${name} cannot be written (${error.message}); make room, or send it elsewhere`)
        process.exit(2)
      }
      if (told.has(stream)) return
      told.add(stream)
      if (stream === process.stdout) {
        console.error(`warning: ${name} cannot be written any more (${error.message}); the work goes on without it`)
      }
    })
  }
  watch(process.stdout, 'standard output')
  watch(process.stderr, 'standard error')
}
