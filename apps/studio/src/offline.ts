/** In a session of the browser the page is loaded again once at most. */
const LOADED_AGAIN = 'unrolled loaded again'

/**
 * Lets a service worker keep all files, so that they are there off line, and isolate the page from other origins, which threads
 * need and which many hosts have no headers for.
 * @param program the worker's file
 */
export function workOffLine(program: string | URL): void {
  const { serviceWorker } = navigator
  if (!serviceWorker) return
  // What a reader has begun is not interrupted: there are threads from the next page on.
  let begun = false
  const begin = () => {
    begun = true
  }
  for (const event of ['pointerdown', 'keydown', 'wheel']) addEventListener(event, begin, { once: true })
  serviceWorker.addEventListener('controllerchange', () => {
    if (crossOriginIsolated || begun || sessionStorage.getItem(LOADED_AGAIN)) return
    sessionStorage.setItem(LOADED_AGAIN, 'yes')
    location.reload()
  })
  // Where a host or a browser allows none, the page says what is missing then.
  serviceWorker.register(program).then(
    async () => (await serviceWorker.ready).active?.postMessage('keep'),
    () => undefined,
  )
}
