import type { Options } from 'minisearch'

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

/** Words, and the parts of names in camel case: `clipGradNorm` is found by itself, and by `grad norm`. */
const tokenize = (text: string): string[] =>
  (text.match(/[\p{L}\p{N}_]+/gu) ?? []).flatMap((word) => {
    const parts = word.match(/\p{Lu}+(?!\p{Ll})|\p{Lu}?[\p{Ll}]+|\p{N}+/gu) ?? []
    return parts.length > 1 ? [word, ...parts] : [word]
  })

/** The index is made with these options when the site is built, and read with the same ones in the page. */
export const searchOptions: Options<Found> = {
  fields: ['title', 'where', 'text'],
  storeFields: ['title', 'where', 'address', 'excerpt'],
  tokenize,
  searchOptions: {
    prefix: true,
    fuzzy: 0.15,
    boost: { title: 5, where: 1.5 },
    combineWith: 'AND',
    // A function of a name is rather looked for than a field of it.
    boostDocument: (_id, _term, stored) => (/^\w+\.\w+$/.test(String(stored?.title)) ? 0.5 : 1),
  },
}
