// The policy of the worker in which the studio runs what its readers write: it makes functions of text, but has no network. The
// server sends it, and where the page has another host, the page's service worker does; without both, the page sees to it.

/** The worker's script, in the folder of the page. */
export const CELL_WORKER = /^assets\/cell-worker-[\w-]+\.js$/

export const cellPolicy =
  "default-src 'none'; script-src 'self' 'unsafe-eval' 'wasm-unsafe-eval'; worker-src blob:; connect-src 'none'"
