import { constants, openSync } from 'node:fs'
import { Socket } from 'node:net'
import { addAbortSignal, Readable } from 'node:stream'

/**
 * The bytes of a named pipe, or of a pipe that a shell made (`<(…)`). It is read as a socket, which waits for the pipe's writer
 * in the event loop: a file would be opened in a thread that waits for good, and with it the process, if there is none.
 */
export function openPipe(file: string): Readable {
  const fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK)
  return new Socket({ fd, readable: true, writable: false })
}

/**
 * Opens a stream, which may stay silent forever, until the signal aborts it.
 * @throws the signal's reason if it has already: then nothing is opened, so that nothing is left open
 */
export function until<T>(signal: AbortSignal | undefined, open: () => T): T {
  // A stream that is aborted before anything listens to it ends the process.
  signal?.throwIfAborted()
  const stream = open()
  if (signal && stream instanceof Readable) addAbortSignal(signal, stream)
  return stream
}
