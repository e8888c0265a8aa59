import type { ErrorFacts } from 'unrolled/config'
import { Coded } from './coded'
import { type Fault, problem } from './faults'
import { words } from './language'

/** A fault in a sentence, with where it is, or with what the library says about it. */
export function FaultNote({ fault }: { fault: Fault }) {
  const { faults } = words.value
  const { kind, name = '', facts = {}, detail } = fault
  const where = placeOf(facts)
  return (
    <div class="bad" role="alert">
      <p>
        <Coded text={faults[kind](name, facts)} />
      </p>
      {where && <p class="detail">{where}</p>}
      {detail && (
        <p class="detail" lang="en">
          {detail}
        </p>
      )}
    </div>
  )
}

/** Where in a table something is wrong; empty if nothing is known of that. */
function placeOf(facts: ErrorFacts): string {
  const { place: t } = words.value
  const named = (['series', 'row', 'column'] as const).filter((name) => facts[name])
  const where = named.map((name) => `${t[name]} ${facts[name]}`).join(', ')
  const { cell, before } = facts
  const after = before === undefined ? '' : ` ${t.after} “${before}”`
  return `${where.charAt(0).toUpperCase()}${where.slice(1)}${cell === undefined ? '' : `: “${cell}”${after}`}`
}

/** What went wrong last, if anything did. */
export const Problem = () => (problem.value ? <FaultNote fault={problem.value} /> : null)
