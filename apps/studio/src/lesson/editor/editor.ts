import {
  autocompletion,
  type CompletionContext,
  type CompletionResult,
  closeBrackets,
  closeBracketsKeymap,
  completionKeymap,
} from '@codemirror/autocomplete'
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands'
import { javascript } from '@codemirror/lang-javascript'
import { bracketMatching, indentOnInput, syntaxHighlighting } from '@codemirror/language'
import { setDiagnostics } from '@codemirror/lint'
import { EditorState } from '@codemirror/state'
import { drawSelection, EditorView, hoverTooltip, keymap } from '@codemirror/view'
import { classHighlighter } from '@lezer/highlight'
import { effect } from '@preact/signals'
import { language } from '../../language'
import { type Cell, cellsOf, edit } from '../cells'
import { run } from '../runner'
import { ask } from './compiler'
import { theme } from './theme'

/** Milliseconds without a key until the compiler looks at the code. */
const PAUSE = 300

/** TypeScript's words for what CodeMirror has icons for. */
const kinds: Record<string, string> = { const: 'constant', let: 'variable', var: 'variable', getter: 'property' }

/** The names that may stand at the cursor. */
const completions =
  (cell: Cell) =>
  async (context: CompletionContext): Promise<CompletionResult | null> => {
    const word = context.matchBefore(/[\w$]*/)
    const afterDot = context.matchBefore(/\.[\w$]*/) !== null
    if (!context.explicit && !afterDot && (!word || word.from === word.to)) return null
    const found = await ask('complete', cell, context.pos).catch(() => [])
    const options = found.map(({ label, kind }) => ({ label, type: kinds[kind] ?? kind }))
    return { from: word?.from ?? context.pos, options, validFor: /^[\w$]*$/ }
  }

/** What the name under the pointer is. */
const explanations = (cell: Cell) =>
  hoverTooltip(async (_, at) => {
    const found = await ask('explain', cell, at).catch(() => null)
    if (!found) return null
    const { from, to, signature, documentation } = found
    const create = () => {
      const dom = document.createElement('div')
      dom.className = 'explanation'
      const [code, text] = [document.createElement('code'), document.createElement('p')]
      code.textContent = signature
      text.textContent = documentation
      dom.append(code, ...(documentation ? [text] : []))
      return { dom }
    }
    return { pos: from, end: to, create }
  })

/** Positions in a code: where a selection begins, and where the cursor is. */
export interface Selected {
  anchor: number
  head: number
}

/**
 * An editor of a cell. It lies in a shadow tree, where its styles need no exception of the page's security policy.
 * @param label what a screen reader calls it
 * @param focused whether it gets the focus
 * @param selected what is selected in the code, if anything is
 */
export function mount(
  host: HTMLElement,
  cell: Cell,
  label: string,
  focused: boolean,
  selected?: Selected,
): { destroy(): void } {
  const root = host.shadowRoot ?? host.attachShadow({ mode: 'open' })
  const runCell = () => {
    run(cell)
    return true
  }
  const state = EditorState.create({
    doc: cell.code.peek(),
    selection: selected,
    extensions: [
      history(),
      drawSelection({ cursorBlinkRate: matchMedia('(prefers-reduced-motion: reduce)').matches ? 0 : 1200 }),
      indentOnInput(),
      bracketMatching(),
      closeBrackets(),
      javascript({ typescript: true }),
      syntaxHighlighting(classHighlighter),
      autocompletion({ override: [completions(cell)], icons: false }),
      explanations(cell),
      keymap.of([
        { key: 'Mod-Enter', run: runCell },
        { key: 'Shift-Enter', run: runCell },
        ...closeBracketsKeymap,
        ...defaultKeymap,
        ...historyKeymap,
        ...completionKeymap,
      ]),
      EditorView.contentAttributes.of({ 'aria-label': label, spellcheck: 'false', autocapitalize: 'off' }),
      EditorView.updateListener.of((update) => {
        if (update.docChanged) edit(cell, update.state.doc.toString())
      }),
      theme,
    ],
  })
  const view = new EditorView({ state, root, parent: root })
  if (focused) view.focus()

  // The code also changes when the reader takes the original back.
  const follow = effect(() => {
    const code = cell.code.value
    const shown = view.state.doc.toString()
    if (code !== shown) view.dispatch({ changes: { from: 0, to: shown.length, insert: code } })
  })
  let pause: ReturnType<typeof setTimeout> | undefined
  const look = async () => {
    const { doc } = view.state
    // Completions without a compiler are just missing; here the reader is told.
    const failed = ({ message }: Error) => [{ from: 0, to: 0, line: 1, message }]
    const problems = await ask('check', cell).catch(failed)
    if (view.state.doc !== doc) return
    cell.problems.value = problems
    const marks = problems.map(({ from, to, message }) => ({ from, to, message, severity: 'error' as const }))
    view.dispatch(setDiagnostics(view.state, marks))
  }
  // An edit of one cell may be wrong for another, and what is wrong is told in the language of the page.
  const recheck = effect(() => {
    void language.value
    for (const { code } of cellsOf(cell.program)) code.value
    clearTimeout(pause)
    pause = setTimeout(look, PAUSE)
  })
  return {
    destroy() {
      clearTimeout(pause)
      follow()
      recheck()
      view.destroy()
    },
  }
}
