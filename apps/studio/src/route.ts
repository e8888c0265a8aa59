import { signal } from '@preact/signals'

/** The views of the studio, in the order of the navigation. */
export const views = ['lesson', 'train', 'inside', 'write', 'library'] as const
export type View = (typeof views)[number]

/** Where the page is: a view, and what its address says after the question mark. */
export interface Route {
  view: View
  query: URLSearchParams
}

// The part after the hash never reaches a server, so the page works on any host.
const read = (): Route => {
  const [name, query] = location.hash.replace(/^#\/?/, '').split('?')
  return { view: views.find((view) => view === name) ?? views[0], query: new URLSearchParams(query) }
}

export const route = signal(read())
addEventListener('hashchange', () => {
  route.value = read()
})

/** The address of a view. */
export const addressOf = (view: View, query?: URLSearchParams): string => `#/${view}${query?.size ? `?${query}` : ''}`
