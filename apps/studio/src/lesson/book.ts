import type { Book } from './run/messages'

/** The text of the lesson: what the command that serves the page has found, or else the text that comes with the page. */
export async function book(): Promise<Book> {
  const found = (await (await fetched('./texts/book.json')).json()) as Book | null
  if (found) return found
  const text = await (await fetched('./texts/moby-dick.txt')).text()
  return { text, source: 'Moby Dick, which comes with the page' }
}

async function fetched(address: string): Promise<Response> {
  const response = await fetch(address)
  if (!response.ok) throw new Error(`${address}: ${response.status} ${response.statusText}`)
  return response
}
