/** How a text is cut into tokens. */
export type TokenKind = 'char' | 'word'

/** The characters that end a line. */
const lineEnd = /\r\n|\r|\n/

/**
 * The book's cleaning: line by line, every run of characters outside A–Z and a–z becomes one space, the ends
 * are stripped, and capitals become small. Empty lines stay, as nothing.
 */
export function cleanLines(text: string): string[] {
  return text
    .replace(/(?:\r\n|\r|\n)$/, '')
    .split(lineEnd)
    .map((line) =>
      line
        .replace(/[^A-Za-z]+/g, ' ')
        .trim()
        .toLowerCase(),
    )
}

/**
 * Tokens of a text, one after another without being collected: characters (Unicode code points) or words
 * (between white space). Under `clean` the text goes through `cleanLines` first, and its lines are joined
 * with nothing between them, as in the book.
 */
export function* tokensOf(text: string, kind: TokenKind, clean: boolean): Generator<string> {
  const lines = clean ? cleanLines(text) : [text]
  for (const line of lines) {
    if (kind === 'char') yield* line
    else for (const [word] of line.matchAll(/\S+/g)) yield word
  }
}
