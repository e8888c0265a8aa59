import type MiniSearch from 'minisearch'
import type { Options, SearchResult } from 'minisearch'

/** What can be found: a section of a guide, or a public name with its members. */
export interface Found {
  id: number
  /** The heading, or the name such as `RNN.forward`. */
  title: string
  /** The page. */
  where: string
  /** The address from the root of the site. */
  address: string
  text: string
  /** The beginning of the text. */
  excerpt: string
}

/** Something found, with what the index keeps of it. */
export type Result = SearchResult & Pick<Found, 'title' | 'where' | 'address' | 'excerpt'>

/** The parts of a name in camel case. */
const partsOf = (word: string): string[] => word.match(/\p{Lu}+(?!\p{Ll})|\p{Lu}?\p{Ll}+|\p{N}+/gu) ?? [word]

const wordsOf = (text: string): string[] => text.match(/[\p{L}\p{N}_]+/gu) ?? []

/** Names are indexed whole and in parts: `clipGradNorm` is found as `clipgradnorm`, and by `norm clip`. */
const indexed = (text: string): string[] =>
  wordsOf(text).flatMap((word) => {
    const parts = partsOf(word)
    return parts.length > 1 ? [word, ...parts] : [word]
  })

/** A name is rather looked for than one of its fields, or what was once changed about it. */
function weightOf({ title, address }: Found, term: string): number {
  if (title.toLowerCase() === term) return 3
  return /^\w+\.\w+$/.test(title) || /^docs\/(changelog|log)\./.test(address) ? 0.5 : 1
}

/** The index is made with these options when the site is built, and read with the same ones in the page. */
export const searchOptions: Options<Found> = {
  fields: ['title', 'where', 'text'],
  storeFields: ['title', 'where', 'address', 'excerpt'],
  tokenize: indexed,
  searchOptions: {
    tokenize: (query) => wordsOf(query).flatMap(partsOf),
    prefix: true,
    fuzzy: 0.15,
    boost: { title: 5, where: 1.5 },
    combineWith: 'AND',
    boostDocument: (_id, term, stored) => weightOf(stored as unknown as Found, term),
  },
}

/** What is found for a query: what has all of its words, or else what has some. */
export function find(index: MiniSearch<Found>, query: string): Result[] {
  const all = index.search(query)
  return (all.length > 0 ? all : index.search(query, { combineWith: 'OR' })) as Result[]
}
