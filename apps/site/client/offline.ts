// Keeps the whole site in the browser, so that it works off line, and isolates it from other origins, which threads need and
// which many hosts have no headers for.

/** In a session of the browser the page is loaded again once at most. */
const LOADED_AGAIN = 'unrolled loaded again'

/** What a reader has begun is not interrupted: there are threads from the next page on. */
let begun = false
const begin = () => {
  begun = true
}
for (const event of ['pointerdown', 'keydown', 'wheel']) addEventListener(event, begin, { once: true })

const { serviceWorker } = navigator
if (serviceWorker) {
  serviceWorker.addEventListener('controllerchange', () => {
    if (crossOriginIsolated || begun || sessionStorage.getItem(LOADED_AGAIN)) return
    sessionStorage.setItem(LOADED_AGAIN, 'yes')
    location.reload()
  })
  // A host or a browser without service workers shows the site all the same.
  serviceWorker.register(new URL(/* @vite-ignore */ '../sw.js', import.meta.url)).then(
    async () => (await serviceWorker.ready).active?.postMessage('keep'),
    () => undefined,
  )
}
