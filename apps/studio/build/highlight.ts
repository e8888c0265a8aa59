import { classHighlighter, highlightCode } from '@lezer/highlight'
import { parser } from '@lezer/javascript'

/** A piece of code with the classes of its colours. */
export type Token = readonly [text: string, classes: string]

const typescript = parser.configure({ dialect: 'ts' })

/** Code in the classes that the editor gives it, so that it looks the same before the editor is loaded. */
export function highlighted(code: string): Token[] {
  const tokens: Token[] = []
  highlightCode(
    code,
    typescript.parse(code),
    classHighlighter,
    (text, classes) => tokens.push([text, classes]),
    () => tokens.push(['\n', '']),
  )
  return tokens
}
