/** A part of a training's live status lines. */
export interface StatusPart {
  text: string
  /** Parts with low importance are left out first if there is no room for all. */
  importance: number
}

const GAP = '  '
const MAX_LINES = 2

/**
 * Arranges parts in their order in at most two lines of `columns`. If they don't fit, the least important are left
 * out; if even the most important does not fit, it is cut off.
 * @param strong formats the most important part; must not change its width
 */
export function statusLines(parts: readonly StatusPart[], columns: number, strong = (text: string) => text): string[] {
  const ranked = parts.toSorted((a, b) => a.importance - b.importance)
  const most = ranked.at(-1)!
  for (const [i] of ranked.entries()) {
    const kept = new Set(ranked.slice(i))
    const lines = wrap(
      parts.filter((part) => kept.has(part)),
      columns,
    )
    if (lines.length <= MAX_LINES && lines.every((line) => width(line) <= columns)) {
      return lines.map((line) => line.map((part) => (part === most ? strong(part.text) : part.text)).join(GAP))
    }
  }
  return [strong(most.text.slice(0, columns))]
}

const width = (line: readonly StatusPart[]): number => line.map(({ text }) => text).join(GAP).length

function wrap(parts: readonly StatusPart[], columns: number): StatusPart[][] {
  const lines: StatusPart[][] = []
  for (const part of parts) {
    const last = lines.at(-1)
    if (last && width([...last, part]) <= columns) last.push(part)
    else lines.push([part])
  }
  return lines
}
