let outlived = false

/** From now on the command goes on when its output ends: it has work to keep. */
export function outliveOutput(): void {
  outlived = true
}

/**
 * Says what becomes of a command whose output cannot be written any more. Where printing is all that it does, it
 * ends: quietly for a reader that has closed, as in `unrolled generate … | head`, and otherwise with a sentence.
 * Work that is to be kept goes on in silence.
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
