import { readFileSync } from 'node:fs'
import type { Plugin } from 'vite'
import { cellsOf } from './cells'
import { declarations } from './declarations'
import { highlighted } from './highlight'

/** The examples of the lesson. */
const programs = ['rnn-concise', 'rnn-model', 'rnn-scratch', 'overfit', 'layers', 'sine']

const modules: Record<string, () => unknown> = {
  'virtual:lesson-cells': () =>
    programs
      .flatMap((program) => cellsOf(program, readFileSync(`examples/${program}.ts`, 'utf8')))
      .map((cell) => ({ ...cell, tokens: highlighted(cell.code) })),
  'virtual:lesson-declarations': declarations,
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
