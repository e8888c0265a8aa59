import { readFileSync } from 'node:fs'
import type { Plugin } from 'vite'
import { type CellSource, cellsOf } from './cells.ts'
import { declarations } from './declarations.ts'
import { highlighted, type Token } from './highlight.ts'
import { portugueseMessages } from './portuguese-messages.ts'

/** A cell as the page gets it: its code in coloured pieces. */
export type HighlightedCell = Omit<CellSource, 'code'> & { tokens: Token[] }

/** The examples of the lesson. */
const programs = ['rnn-concise', 'rnn-model', 'rnn-scratch', 'overfit', 'layers', 'sine']

const modules: Record<string, () => unknown> = {
  'virtual:lesson-cells': () =>
    programs
      .flatMap((program) => cellsOf(program, readFileSync(`examples/${program}.ts`, 'utf8')))
      .map(({ name, program, code }): HighlightedCell => ({ name, program, tokens: highlighted(code) })),
  'virtual:lesson-declarations': declarations,
  'virtual:lesson-portuguese-messages': portugueseMessages,
}

/** Makes the lesson's cells of the examples, so that both are always the same, and what the compiler in the page knows. */
export const lesson = (): Plugin => ({
  name: 'lesson',
  resolveId: (id) => (id in modules ? `\0${id}` : undefined),
  load: (id) => {
    const make = modules[id.slice(1)]
    return make && `export default JSON.parse(${JSON.stringify(JSON.stringify(make()))})`
  },
})
