import { words } from '../language'
import type { Cell } from './cells'
import { Chart } from './chart'
import type { Output } from './run/messages'

type Part = Exclude<Output, { type: 'text' }> | { type: 'text'; text: string; warning: boolean }

/** Lines that follow each other as one text. */
function joined(outputs: readonly Output[]): Part[] {
  const parts: Part[] = []
  for (const output of outputs) {
    const last = parts.at(-1)
    if (output.type !== 'text') parts.push(output)
    else if (last?.type === 'text' && last.warning === (output.warning ?? false)) last.text += `\n${output.text}`
    else parts.push({ type: 'text', text: output.text, warning: output.warning ?? false })
  }
  return parts
}

/** What a cell put out, in its order. */
export function Outputs({ cell }: { cell: Cell }) {
  const { lesson: t } = words.value
  return (
    <div class="outputs" role="log" aria-label={t.outputs(cell.number)}>
      {joined(cell.outputs.value).map((part, i) =>
        part.type === 'text' ? (
          <pre key={i} class={part.warning ? 'warning' : undefined}>
            {part.text}
          </pre>
        ) : part.type === 'plot' ? (
          <Chart key={i} plot={part.plot} />
        ) : (
          <Thrown key={i} cell={cell} text={part.text} line={part.line} />
        ),
      )}
    </div>
  )
}

/** An error, with the line of the cell that threw it. */
function Thrown({ cell, text, line }: { cell: Cell; text: string; line?: number }) {
  const { lesson: t } = words.value
  const code = line === undefined ? undefined : cell.ran?.split('\n')[line - 1]?.trim()
  return (
    <div class="thrown" role="alert">
      <strong>{t.threw}</strong>
      <pre>{text}</pre>
      {code && (
        <p>
          {t.line(line!)}: <code>{code}</code>
        </p>
      )}
    </div>
  )
}
