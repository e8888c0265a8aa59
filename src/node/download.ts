import { createHash } from 'node:crypto'

/** How much of a download has arrived. */
export interface DownloadProgress {
  /** Bytes so far. */
  received: number
  /** Bytes in all, if the server says so. */
  total?: number
}

export interface DownloadOptions {
  /** SHA-1 of the bytes, in hexadecimal. */
  sha1: string
  /** Milliseconds to wait for an answer, and between two of its pieces; the whole answer may take twenty times as long. */
  timeout: number
  /** The most bytes; a longer answer is given up. */
  maxBytes: number
  onProgress?: (progress: DownloadProgress) => void
  signal?: AbortSignal
}

/**
 * The bytes from the first address that answers with the right ones; undefined if none does. All addresses are asked
 * at once, so that a network that drops every packet costs one time-out, not one for each address.
 * @throws the reason of the signal
 */
export async function download(
  addresses: readonly string[],
  options: DownloadOptions,
): Promise<Uint8Array | undefined> {
  const { signal } = options
  signal?.throwIfAborted()
  const requests = addresses.map((address) => ask(address, options.timeout))
  const end = () => {
    for (const { abort } of requests) abort.abort()
  }
  signal?.addEventListener('abort', end)
  try {
    for (const request of requests) {
      const bytes = await receive(request, options).catch(() => undefined)
      signal?.throwIfAborted()
      if (bytes && createHash('sha1').update(bytes).digest('hex') === options.sha1) return bytes
    }
    return undefined
  } finally {
    signal?.removeEventListener('abort', end)
    end()
  }
}

interface PendingResponse {
  answer: Promise<Response>
  abort: AbortController
}

function ask(address: string, timeout: number): PendingResponse {
  const abort = new AbortController()
  const answer = inTime(timeout, fetch(address, { signal: abort.signal }))
  // Another address may succeed first; nobody handles this rejection then.
  answer.catch(() => undefined)
  return { answer, abort }
}

async function receive({ answer }: PendingResponse, options: DownloadOptions): Promise<Uint8Array> {
  const { timeout, maxBytes, onProgress } = options
  const end = performance.now() + 20 * timeout
  const response = await answer
  if (!response.ok || !response.body) throw new Error(`status ${response.status}`)
  const total = Number(response.headers.get('content-length')) || undefined
  const reader = response.body.getReader()
  const chunks: Uint8Array[] = []
  let received = 0
  while (performance.now() < end) {
    const { done, value } = await inTime(timeout, reader.read())
    if (done) return Buffer.concat(chunks)
    chunks.push(value)
    received += value.length
    if (received > maxBytes) throw new Error('too long')
    onProgress?.({ received, total })
  }
  throw new Error('too slow')
}

/**
 * Rejects if the promise takes too long. It uses its own timer, because on Node 20 a timed signal may be collected as
 * garbage before it fires (nodejs/node#57736).
 */
function inTime<T>(timeout: number, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('too slow')), timeout)
    promise.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}
