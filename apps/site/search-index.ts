import MiniSearch from 'minisearch'
import { type Found, searchOptions } from './client/search-options'
import type { WrittenPage } from './guides'
import { wordsOf } from './reference/comment'
import { ownMembers } from './reference/declaration'
import type { PublicNames } from './reference/names'
import { commentOf } from './reference/pages'

/** Characters of a text that a result shows. */
const EXCERPT = 150

/** The index over all guides and public names, as the page loads it. */
export function searchIndex(guides: readonly WrittenPage[], names: PublicNames): string {
  const sections = guides.flatMap(({ address, title, sections }) =>
    sections.map(({ anchor, name, text }, i) => ({
      title: name,
      where: title,
      address: i === 0 ? address : `${address}#${anchor}`,
      text: text.trim().replace(/\s+/g, ' '),
    })),
  )
  const entries = names.all.flatMap((found) => {
    const { declaration, topic } = found
    const addressOf = (id: number) => names.addressOf(id)!.replace('../', '')
    return [
      {
        title: declaration.name,
        where: topic.name,
        address: addressOf(declaration.id),
        text: wordsOf(commentOf(found)),
      },
      ...ownMembers(declaration).map(({ id, name, comment, signatures, getSignature }) => ({
        title: `${declaration.name}.${name}`,
        where: topic.name,
        address: addressOf(id),
        text: wordsOf(comment ?? signatures?.[0].comment ?? getSignature?.comment),
      })),
    ]
  })
  const index = new MiniSearch<Found>(searchOptions)
  index.addAll(
    [...sections, ...entries].map((one, id) => ({
      id,
      ...one,
      excerpt: one.text.length > EXCERPT ? `${one.text.slice(0, EXCERPT)}…` : one.text,
    })),
  )
  return JSON.stringify(index)
}
