import type { Prose as Text } from './outline'

const MARKS = /`([^`]+)`|\*([^*]+)\*|\[([^\]]+)\]\(([^)]+)\)/

/** A text with its marks as elements. */
function inline(text: string): preact.ComponentChildren[] {
  const found = MARKS.exec(text)
  if (!found) return [text]
  const [all, code, emphasis, link, address] = found
  const made =
    code !== undefined ? (
      <code>{code}</code>
    ) : emphasis !== undefined ? (
      <em>{emphasis}</em>
    ) : (
      <a href={address} target="_blank" rel="noreferrer">
        {inline(link)}
      </a>
    )
  return [text.slice(0, found.index), made, ...inline(text.slice(found.index + all.length))]
}

/** Paragraphs and lists. */
export function Prose({ text }: { text: Text }) {
  return (
    <>
      {text.map((part, i) =>
        typeof part === 'string' ? (
          <p key={i}>{inline(part)}</p>
        ) : (
          <ul key={i}>
            {part.map((point) => (
              <li key={point}>{inline(point)}</li>
            ))}
          </ul>
        ),
      )}
    </>
  )
}
