/// <reference lib="webworker" />
import { CELL_WORKER, cellPolicy } from '../../src/server/cell-policy'

/** The files of the page or the site, and a name for exactly these: keeping.ts puts them in. */
declare const FILES: readonly string[]
declare const VERSION: string

const worker = globalThis as unknown as ServiceWorkerGlobalScope
const { scope } = worker.registration
const PREFIX = `unrolled ${scope} `
const CACHE = `${PREFIX}${VERSION}`

// Nothing is kept yet at this point, so that a first visit is isolated at once.
worker.addEventListener('install', (event) => {
  if (!worker.registration.active) event.waitUntil(worker.skipWaiting())
})
worker.addEventListener('activate', (event) => event.waitUntil(worker.clients.claim()))

/** Fetches what is not kept yet, then forgets what former versions of the site kept. */
async function keepAll(): Promise<void> {
  const cache = await caches.open(CACHE)
  for (const file of FILES) {
    const url = new URL(file, scope).href
    if (await cache.match(url)) continue
    // The content of these files is in their name, so that a former version may have had them.
    const former = file.startsWith('assets/') ? await caches.match(url) : undefined
    if (former) await cache.put(url, former)
    else await cache.add(new Request(url, { cache: 'no-cache' }))
  }
  const others = (await caches.keys()).filter((name) => name.startsWith(PREFIX) && name !== CACHE)
  await Promise.all(others.map((name) => caches.delete(name)))
}

worker.addEventListener('message', (event) => {
  // Where the network or the room ends, the next page tries again.
  if (event.data === 'keep') event.waitUntil(keepAll().catch(() => undefined))
})

/** The key of what is kept: a folder is its page, and what follows a question mark changes nothing. */
function keyOf(request: Request): string {
  const { origin, pathname } = new URL(request.url)
  return `${origin}${pathname.endsWith('/') ? `${pathname}index.html` : pathname}`
}

/** Files whose name tells their content come from the cache, and all others from the host if it answers. */
async function answer(request: Request): Promise<Response> {
  const key = keyOf(request)
  if (key.startsWith(`${scope}assets/`)) return (await caches.match(key)) ?? fetch(request)
  try {
    return await fetch(request)
  } catch (error) {
    const kept = await caches.match(key)
    if (kept) return kept
    throw error
  }
}

/** The same answer with the headers that isolate a page from other origins, and that take the network from the lesson's cells. */
function isolated(response: Response, path: string): Response {
  if (response.status === 0) return response
  const headers = new Headers(response.headers)
  headers.set('cross-origin-opener-policy', 'same-origin')
  headers.set('cross-origin-embedder-policy', 'require-corp')
  headers.set('cross-origin-resource-policy', 'same-origin')
  if (CELL_WORKER.test(path)) headers.set('content-security-policy', cellPolicy)
  const { status, statusText } = response
  // These have no body, and may not be given one.
  const empty = [204, 205, 304].includes(status)
  return new Response(empty ? null : response.body, { status, statusText, headers })
}

worker.addEventListener('fetch', (event) => {
  const { request } = event
  if (request.method !== 'GET' || !request.url.startsWith(scope)) return
  // Trainings of the machine are there only while its server is.
  if (request.url.startsWith(`${scope}machine/`)) return
  const path = new URL(request.url).pathname.slice(new URL(scope).pathname.length)
  event.respondWith(answer(request).then((response) => isolated(response, path)))
})
