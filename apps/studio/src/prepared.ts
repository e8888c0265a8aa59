import { cleanLines, type LoadedModel, savedText } from 'unrolled/browser'

/** A text as a model reads it: prepared as its own text was. */
export function preparedText(loaded: Pick<LoadedModel, 'vocab' | 'config'>, text: string): string {
  const { clean, lowercase } = savedText(loaded)
  return clean ? cleaned(text) : lowercase ? text.toLowerCase() : text
}

/** A text cleaned like the book's, with a space at its end if there is something else than a letter. */
function cleaned(text: string): string {
  const words = cleanLines(text.replaceAll('\n', ' ')).join(' ')
  return words === '' ? '' : `${words}${/[^A-Za-z]$/.test(text) ? ' ' : ''}`
}
