/** How a text is cut into tokens. */
export type TokenKind = 'char' | 'word'

/**
 * The book's cleaning: line by line, every run of characters outside A–Z and a–z becomes one space, the ends
 * are stripped, and capitals become small. Empty lines stay, as nothing.
 */
export function cleanLines(text: string): string[] {
  return [...cleanedLines(text)]
}

/** One line after another: a long text is never there a second time. */
function* cleanedLines(text: string): Generator<string> {
  for (const [line] of text.matchAll(/[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+/g)) {
    yield line
      .replace(/[^A-Za-z]+/g, ' ')
      .trim()
      .toLowerCase()
  }
}

/** A text in pieces: its cleaned lines, or all of it. The book joins the lines with nothing between them. */
export function piecesOf(text: string, clean: boolean): Iterable<string> {
  return clean ? cleanedLines(text) : [text]
}

/**
 * Tokens of a text, one after another without being collected: characters (Unicode code points) or words
 * (between white space). Under `clean` the text goes through `cleanLines` first, and its lines are joined
 * with nothing between them, as in the book.
 */
export function* tokensOf(text: string, kind: TokenKind, clean: boolean): Generator<string> {
  for (const piece of piecesOf(text, clean)) {
    if (kind === 'char') yield* piece
    else for (const [word] of piece.matchAll(/\S+/g)) yield word
  }
}
