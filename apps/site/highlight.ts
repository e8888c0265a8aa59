import hljs from 'highlight.js/lib/core'
import bash from 'highlight.js/lib/languages/bash'
import json from 'highlight.js/lib/languages/json'
import python from 'highlight.js/lib/languages/python'
import typescript from 'highlight.js/lib/languages/typescript'

for (const [names, language] of [
  [['ts', 'js'], typescript],
  [['py', 'python'], python],
  [['sh'], bash],
  [['json'], json],
] as const) {
  for (const name of names) hljs.registerLanguage(name, language)
}

const escapes: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

/** A text as HTML that shows it. */
export const escaped = (text: string): string => text.replace(/[&<>"]/g, (character) => escapes[character])

/** Code as HTML with its parts in spans; text in a language that is not known, such as a drawing, stays plain. */
export const highlighted = (code: string, language: string): string =>
  hljs.getLanguage(language) ? hljs.highlight(code, { language }).value : escaped(code)
