import { words } from '../language'
import type { Cell } from './cells'
import { edit } from './cells'
import { CodeBox } from './code-box'
import { Outputs } from './outputs'
import { run, stop } from './runner'

/** A cell: its code, what can be done with it, and what it put out. */
export function CellView({ cell }: { cell: Cell }) {
  const { lesson: t } = words.value
  const state = cell.state.value
  const label = t.cell(cell.number)
  const changed = (state === 'done' || state === 'failed') && cell.ran !== cell.code.value
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is for forms, and cannot be laid out freely
    <div class="cell" role="group" aria-label={label} data-state={state}>
      <CodeBox cell={cell} />
      <div class="bar">
        {state === 'running' ? (
          <button type="button" aria-label={t.stopCell(cell.number)} onClick={stop}>
            {t.stop}
          </button>
        ) : (
          <button
            type="button"
            aria-label={t.runCell(cell.number)}
            disabled={state === 'waiting'}
            onClick={() => run(cell)}
          >
            {t.run}
          </button>
        )}
        {cell.edited.value && (
          <button type="button" class="quiet" onClick={() => edit(cell, cell.original)}>
            {t.reset}
          </button>
        )}
        <span class="standing" role="status">
          {changed ? t.changed : t.states[state]}
        </span>
        <span class="standing number">{label}</span>
      </div>
      <Problems cell={cell} />
      <Outputs cell={cell} />
    </div>
  )
}

/** What the compiler says against the code. */
function Problems({ cell }: { cell: Cell }) {
  const { lesson: t } = words.value
  const problems = cell.problems.value
  return (
    <div role="status" class="problems">
      {problems.length > 0 && (
        <>
          <strong>{t.problems(problems.length)}</strong>
          <ul>
            {problems.map(({ line, message }) => (
              <li key={`${line} ${message}`}>
                {t.line(line)}: {message}
              </li>
            ))}
          </ul>
        </>
      )}
    </div>
  )
}
