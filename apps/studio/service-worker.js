// Keeps the files of the page, so that it works off line, and adds the headers that isolate it, which threads need, where its
// host does not send them. The build puts the names of the files in and a version made of them.
const files = self.FILES
const name = `unrolled studio ${self.VERSION}`

const isolated = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
  'cross-origin-resource-policy': 'same-origin',
}

self.addEventListener('install', (event) => {
  event.waitUntil(
    (async () => {
      await (await caches.open(name)).addAll(files)
      await self.skipWaiting()
    })(),
  )
})

self.addEventListener('activate', (event) => {
  event.waitUntil(
    (async () => {
      for (const other of await caches.keys()) {
        if (other.startsWith('unrolled studio ') && other !== name) await caches.delete(other)
      }
      await self.clients.claim()
    })(),
  )
})

self.addEventListener('fetch', (event) => {
  const { request } = event
  const { origin, pathname } = new URL(request.url)
  const { pathname: scope } = new URL(self.registration.scope)
  // Trainings of the machine are there only while its server is.
  const isOurs = origin === location.origin && pathname.startsWith(scope) && !pathname.startsWith(`${scope}machine/`)
  if (request.method === 'GET' && isOurs) event.respondWith(answer(request, pathname.startsWith(`${scope}assets/`)))
})

/** @param fixed whether the file's name says its content */
async function answer(request, fixed) {
  const cache = await caches.open(name)
  const kept = await cache.match(request, { ignoreSearch: true })
  if (kept && fixed) return withHeaders(kept)
  try {
    return withHeaders(await fetch(request))
  } catch (error) {
    if (kept) return withHeaders(kept)
    throw error
  }
}

function withHeaders(response) {
  if (response.type !== 'basic' && response.type !== 'default') return response
  const headers = new Headers(response.headers)
  for (const [header, value] of Object.entries(isolated)) if (!headers.has(header)) headers.set(header, value)
  const { status, statusText } = response
  const empty = [204, 205, 304].includes(status)
  return new Response(empty ? null : response.body, { status, statusText, headers })
}
