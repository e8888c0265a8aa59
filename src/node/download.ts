import { createHash } from 'node:crypto'

export interface Progress {
  received: number
  /** Where the server tells it. */
  total?: number
}

export interface DownloadOptions {
  /** Of the bytes, in hexadecimal. */
  sha1: string
  /** Milliseconds until the first byte, and between two. */
  timeout: number
  /** Bytes at most; a longer answer is given up. */
  maxBytes: number
  onProgress?: (progress: Progress) => void
}

/** The bytes behind the first address that answers with the right ones; undefined where none does. */
export async function download(
  addresses: readonly string[],
  options: DownloadOptions,
): Promise<Uint8Array | undefined> {
  for (const address of addresses) {
    const bytes = await fetchBytes(address, options).catch(() => undefined)
    if (bytes && createHash('sha1').update(bytes).digest('hex') === options.sha1) return bytes
  }
  return undefined
}

async function fetchBytes(address: string, { timeout, maxBytes, onProgress }: DownloadOptions): Promise<Uint8Array> {
  const abort = new AbortController()
  let timer = setTimeout(() => abort.abort(), timeout)
  try {
    const response = await fetch(address, { signal: abort.signal })
    if (!response.ok || !response.body) throw new Error(`status ${response.status}`)
    const total = Number(response.headers.get('content-length')) || undefined
    const chunks: Uint8Array[] = []
    let received = 0
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      clearTimeout(timer)
      timer = setTimeout(() => abort.abort(), timeout)
      chunks.push(chunk)
      received += chunk.length
      if (received > maxBytes) throw new Error('too long')
      onProgress?.({ received, total })
    }
    return Buffer.concat(chunks)
  } finally {
    clearTimeout(timer)
    abort.abort()
  }
}
