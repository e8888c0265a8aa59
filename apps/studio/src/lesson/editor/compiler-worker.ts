// TypeScript's language service, which checks cells and completes names. The worker's name is the language of its messages.

import declared from 'virtual:lesson-declarations'
import ts from 'page-typescript'
import type { Answers, Completion, Explanation, Problem, Question, ToCompiler } from './messages'
import { platformDeclarations } from './platform-declarations'

const options: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  lib: ['/lib/lib.es2023.d.ts'],
  types: [],
  strict: true,
  skipLibCheck: true,
  noEmit: true,
}

/** What the page adds to the library: see run/cell-modules.ts. */
const added = {
  '/unrolled/cells.d.ts': `export * from './index.js'
import type { LoadedText, LoadOptions } from './index.js'
/** The book as batches, with its vocabulary. Unless options say otherwise, it is cleaned and cut to 10,000 tokens. */
export declare function loadTimeMachine(options?: LoadOptions): Promise<LoadedText & { source: string }>
`,
  '/unrolled/show.d.ts': `import type { LinePlot } from './node/line-plot.js'
/** Draws a chart below the cell. */
export declare function show(plot: LinePlot): Promise<void>
`,
  '/platform.d.ts': platformDeclarations,
}

/** What cells import, by the names that they use. */
const imported: Record<string, string> = { unrolled: '/unrolled/cells.d.ts', './show.js': '/unrolled/show.d.ts' }

const files = new Map<string, string>(Object.entries({ ...declared, ...added }))
const programs = new Map<string, { text: string; version: number }>()

const host: ts.LanguageServiceHost = {
  getCompilationSettings: () => options,
  getScriptFileNames: () => ['/platform.d.ts', ...programs.keys()],
  getScriptVersion: (name) => String(programs.get(name)?.version ?? 0),
  getScriptSnapshot: (name) => {
    const text = host.readFile(name)
    return text === undefined ? undefined : ts.ScriptSnapshot.fromString(text)
  },
  getCurrentDirectory: () => '/',
  getDefaultLibFileName: () => '/lib/lib.es2023.d.ts',
  fileExists: (name) => host.readFile(name) !== undefined,
  readFile: (name) => programs.get(name)?.text ?? files.get(name),
  resolveModuleNameLiterals: (literals, from) =>
    literals.map(({ text }) => {
      const inLibrary = from.startsWith('/unrolled/') && text.startsWith('.')
      const resolvedFileName = inLibrary
        ? new URL(text.replace(/\.js$/, '.d.ts'), `file://${from}`).pathname
        : imported[text]
      if (!resolvedFileName || !files.has(resolvedFileName)) return { resolvedModule: undefined }
      return { resolvedModule: { resolvedFileName, extension: ts.Extension.Dts } }
    }),
}

/** TypeScript's own messages in the language of the page; English ones where they cannot be loaded. */
const messages =
  self.name === 'pt-BR'
    ? import('virtual:lesson-portuguese-messages').then(
        (loaded) => loaded.default,
        () => undefined,
      )
    : undefined

const begun = Promise.resolve(messages).then((messages) =>
  ts.createLanguageService({ ...host, getLocalizedDiagnosticMessages: () => messages }),
)

/** Where a cell is in the text of its program. */
interface Place {
  file: string
  from: number
  to: number
}

/** Makes the program what the question says it is: its cells, one after another. */
function placeOf({ program, cells, cell }: Question): Place {
  const file = `/examples/${program}.ts`
  // Without an import or export it would be a script, which may not await.
  const text = `${cells.map(({ code }) => code).join('\n')}\nexport {}\n`
  const known = programs.get(file)
  if (known?.text !== text) programs.set(file, { text, version: (known?.version ?? 0) + 1 })
  const at = cells.findIndex(({ name }) => name === cell)
  const from = cells.slice(0, at).reduce((sum, { code }) => sum + code.length + 1, 0)
  return { file, from, to: from + cells[at].code.length }
}

function check(service: ts.LanguageService, question: Question): Problem[] {
  const { file, from, to } = placeOf(question)
  const { code } = question.cells.find(({ name }) => name === question.cell)!
  const found = [...service.getSyntacticDiagnostics(file), ...service.getSemanticDiagnostics(file)]
  return found.flatMap(({ start = 0, length = 0, messageText }) => {
    if (start < from || start > to) return []
    const at = start - from
    const line = code.slice(0, at).split('\n').length
    const message = ts.flattenDiagnosticMessageText(messageText, '\n')
    return [{ from: at, to: Math.min(at + length, to - from), message, line }]
  })
}

function complete(service: ts.LanguageService, question: Question, at: number): Completion[] {
  const { file, from } = placeOf(question)
  const found = service.getCompletionsAtPosition(file, from + at, {})
  return (found?.entries ?? []).map(({ name, kind }) => ({ label: name, kind }))
}

function explain(service: ts.LanguageService, question: Question, at: number): Explanation | null {
  const { file, from } = placeOf(question)
  const found = service.getQuickInfoAtPosition(file, from + at)
  if (!found) return null
  const { textSpan, displayParts, documentation } = found
  const begin = textSpan.start - from
  const signature = ts.displayPartsToString(displayParts)
  return {
    ...{ from: begin, to: begin + textSpan.length, signature },
    documentation: ts.displayPartsToString(documentation),
  }
}

function answer(service: ts.LanguageService, question: ToCompiler): Answers[keyof Answers] {
  if (question.type === 'check') return check(service, question)
  const { at } = question
  return question.type === 'complete' ? complete(service, question, at) : explain(service, question, at)
}

addEventListener('message', async ({ data }: MessageEvent<ToCompiler>) => {
  const service = await begun
  postMessage({ id: data.id, answer: answer(service, data) })
})
