import { EditorView } from '@codemirror/view'

/** The page's colours, which reach the shadow tree as custom properties: see lesson.css. */
export const theme = EditorView.theme({
  '&': { color: 'var(--ink)', backgroundColor: 'transparent' },
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': { fontFamily: 'var(--mono)', fontSize: 'var(--code-size)', lineHeight: 'var(--code-line)' },
  '.cm-content': { padding: 'var(--code-padding)', caretColor: 'var(--accent)' },
  '.cm-line': { padding: '0' },
  '.cm-cursor': { borderLeftColor: 'var(--accent)', borderLeftWidth: '2px' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': {
    backgroundColor: 'var(--selection)',
  },
  '&.cm-focused .cm-matchingBracket': { backgroundColor: 'var(--selection)' },
  '.cm-tooltip': {
    border: '1px solid var(--line)',
    borderRadius: '8px',
    backgroundColor: 'var(--card)',
    color: 'var(--ink)',
    boxShadow: '0 4px 16px rgb(0 0 0 / 15%)',
    maxWidth: 'min(36rem, 90vw)',
  },
  '.cm-tooltip-autocomplete > ul': { fontFamily: 'var(--mono)', fontSize: 'var(--code-size)' },
  '.cm-tooltip-autocomplete > ul > li[aria-selected]': {
    backgroundColor: 'var(--accent)',
    color: 'var(--on-accent)',
  },
  '.explanation': { padding: '8px 12px', fontSize: '0.85rem' },
  '.explanation code': { fontFamily: 'var(--mono)', whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' },
  '.explanation p': { margin: '6px 0 0' },
  '.tok-keyword, .tok-bool': { color: 'var(--code-keyword)' },
  '.tok-string, .tok-string2': { color: 'var(--code-string)' },
  '.tok-number': { color: 'var(--code-number)' },
  '.tok-comment': { color: 'var(--soft)', fontStyle: 'italic' },
  '.tok-typeName, .tok-className': { color: 'var(--code-type)' },
})
