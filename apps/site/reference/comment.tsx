import { Html } from '../html'
import { render } from '../markdown'
import type { PublicNames } from './names'
import type { Comment, CommentPart } from './typedoc'

const markdownOf = (parts: readonly CommentPart[]): string => parts.map(({ text }) => text).join('')

/** The words of a comment without its marks, to search in. */
export const wordsOf = (comment: Comment | undefined): string =>
  markdownOf(comment?.summary ?? [])
    .replaceAll('`', '')
    .replace(/\s+/g, ' ')

/** The first sentence of a comment, as Markdown. */
export const firstSentence = (comment: Comment | undefined): string => {
  const [paragraph] = markdownOf(comment?.summary ?? []).split(/\n\s*\n|\n```/)
  const text = paragraph.replace(/\s+/g, ' ').trim().replace(/:$/, '.')
  return /^.*?\.(?= [A-Z`‘[])/.exec(text)?.[0] ?? text
}

const labels: Record<string, string> = { '@throws': 'Throws', '@returns': 'Returns', '@see': 'See' }

interface ProseProps {
  names: PublicNames
  markdown: string
}

/** Markdown of a comment, with links from names in code to their descriptions. */
export function Prose({ names, markdown }: ProseProps) {
  const { html } = render(markdown, { link: (address) => address, code: (text) => names.addressOfCode(text) })
  return <Html class="prose" html={html} />
}

/** What a comment says, and what it says about results and errors. */
export function Description({ names, comment }: { names: PublicNames; comment: Comment | undefined }) {
  if (!comment) return null
  return (
    <>
      <Prose names={names} markdown={markdownOf(comment.summary)} />
      {comment.blockTags?.map(({ tag, content }) => (
        <div key={tag} class="tag">
          <span class="soft">{labels[tag] ?? tag.slice(1)}</span>
          <Prose names={names} markdown={markdownOf(content)} />
        </div>
      ))}
    </>
  )
}

/** What is said about the arguments of a call. */
export const parameterText = (comment: Comment | undefined): string => markdownOf(comment?.summary ?? [])
