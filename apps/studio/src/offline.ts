/** Remembers, as long as the tab is open, that the page was loaded again to become isolated. */
const AGAIN = 'unrolled isolated'

/**
 * Lets a service worker keep the page, so that it works off line, and send the headers that threads need, for hosts that do
 * not send them. Those of this load came from the host, so the page is loaded once more if it is not isolated.
 */
export async function workOffLine(): Promise<void> {
  if (!import.meta.env.PROD || !navigator.serviceWorker) return
  try {
    await navigator.serviceWorker.register('./service-worker.js')
    await navigator.serviceWorker.ready
  } catch {
    // Some browsers allow none in private windows; the page says what is missing then.
    return
  }
  if (crossOriginIsolated || sessionStorage.getItem(AGAIN)) return
  sessionStorage.setItem(AGAIN, 'yes')
  location.reload()
}
