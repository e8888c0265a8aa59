import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { words } from '../language'
import { type Cell, edit } from './cells'
import type { Selected } from './editor/editor'
import { run } from './runner'

/** The code of a cell. The editor is loaded when somebody first touches it; until it is there, the browser itself edits the code. */
export function CodeBox({ cell }: { cell: Cell }) {
  const { lesson: t } = words.value
  const touched = useSignal(false)
  const failed = useSignal<string | undefined>(undefined)
  const ready = useSignal(false)
  const host = useRef<HTMLDivElement>(null)
  const box = useRef<HTMLDivElement>(null)
  const runs = useRef(false)
  const label = t.code(cell.number)
  const wanted = touched.value
  useEffect(() => {
    if (!wanted) return
    let editor: { destroy(): void } | undefined
    let gone = false
    void import('./editor/editor').then(
      ({ mount }) => {
        if (gone) return
        const [code, selected] = [box.current!.textContent, selectedIn(box.current!)]
        const focused = document.activeElement === box.current
        ready.value = true
        if (code !== cell.code.peek()) edit(cell, code)
        // What is hidden cannot have the focus, and the page is drawn again only later.
        host.current!.hidden = false
        // Who has gone on meanwhile is left alone.
        editor = mount(host.current!, cell, label, focused, selected)
        if (runs.current) run(cell)
      },
      (error: Error) => {
        failed.value = error.message
      },
    )
    return () => {
      gone = true
      editor?.destroy()
    }
  }, [wanted])
  return (
    <>
      {!ready.value && (
        // The editor that takes its place is no textarea either.
        // biome-ignore lint/a11y/useSemanticElements: a textarea has no coloured text
        <div
          ref={box}
          class="code"
          role="textbox"
          aria-multiline="true"
          aria-label={label}
          tabIndex={0}
          contentEditable="plaintext-only"
          spellcheck={false}
          autocapitalize="off"
          onFocus={() => {
            touched.value = true
          }}
          onKeyDown={(event) => {
            // With the keys that run a cell, what was typed is to run.
            if (event.key !== 'Enter' || !(event.shiftKey || event.ctrlKey || event.metaKey)) return
            event.preventDefault()
            runs.current = true
          }}
        >
          <code>
            {cell.edited.value
              ? cell.code.value
              : cell.tokens.map(([text, classes], i) =>
                  classes ? (
                    <span key={i} class={classes}>
                      {text}
                    </span>
                  ) : (
                    text
                  ),
                )}
          </code>
        </div>
      )}
      <div ref={host} class="editor" hidden={!ready.value} />
      {failed.value && (
        <p class="bad" role="alert">
          {failed.value}
        </p>
      )}
    </>
  )
}

/** What is selected in a place of the page, as positions in its text. */
function selectedIn(place: HTMLElement): Selected | undefined {
  const { anchorNode, anchorOffset, focusNode, focusOffset } = getSelection()!
  if (!place.contains(anchorNode) || !place.contains(focusNode)) return undefined
  const positionOf = (node: Node, offset: number) => {
    const before = document.createRange()
    before.setStart(place, 0)
    before.setEnd(node, offset)
    return before.toString().length
  }
  return { anchor: positionOf(anchorNode!, anchorOffset), head: positionOf(focusNode!, focusOffset) }
}
