import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { words } from '../language'
import type { Cell } from './cells'

/** The code of a cell. The editor is loaded when somebody first touches it. */
export function CodeBox({ cell }: { cell: Cell }) {
  const { lesson: t } = words.value
  const touched = useSignal(false)
  const failed = useSignal<string | undefined>(undefined)
  const ready = useSignal(false)
  const host = useRef<HTMLDivElement>(null)
  const box = useRef<HTMLDivElement>(null)
  const pointer = useRef<{ x: number; y: number }>(undefined)
  const label = t.code(cell.number)
  useEffect(() => {
    if (!touched.value) return
    let editor: { destroy(): void } | undefined
    let gone = false
    void import('./editor/editor').then(
      ({ mount }) => {
        if (gone) return
        ready.value = true
        // What is hidden cannot have the focus, and the page is drawn again only later.
        host.current!.hidden = false
        // Who has gone on meanwhile is left alone.
        editor = mount(host.current!, cell, label, document.activeElement === box.current, pointer.current)
      },
      (error: Error) => {
        failed.value = error.message
      },
    )
    return () => {
      gone = true
      editor?.destroy()
    }
  }, [touched.value])
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
          onFocus={() => {
            touched.value = true
          }}
          onPointerDown={({ clientX: x, clientY: y }) => {
            pointer.current = { x, y }
          }}
          onPointerCancel={() => {
            pointer.current = undefined
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
