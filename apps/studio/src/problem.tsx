import { Coded } from './coded'
import { type Fault, problem } from './faults'
import { words } from './language'

/** A fault in a sentence, with what the library says about it. */
export function FaultNote({ fault }: { fault: Fault }) {
  const { faults } = words.value
  return (
    <div class="bad" role="alert">
      <p>
        <Coded text={faults[fault.kind](fault.name ?? '')} />
      </p>
      {fault.detail && (
        <p class="detail" lang="en">
          {fault.detail}
        </p>
      )}
    </div>
  )
}

/** What went wrong last, if anything did. */
export const Problem = () => (problem.value ? <FaultNote fault={problem.value} /> : null)
