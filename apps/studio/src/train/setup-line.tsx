import { number, words } from '../language'
import type { Setup } from '../setup'

/** A training's configuration in a line of small marks. */
export function SetupLine({ setup, change }: { setup: Setup; change?: () => void }) {
  const w = words.value
  const marks = [
    setup.cell.toUpperCase(),
    w.units(number(setup.hiddenSize)),
    w.layers(setup.numLayers),
    w.steps(number(setup.numSteps)),
    w.batch(number(setup.batchSize)),
    w.rate(setup.optimizer, String(setup.lr)),
    w.characters(number(setup.maxTokens)),
  ]
  return (
    <div class="marks">
      {marks.map((mark) => (
        <span key={mark}>{mark}</span>
      ))}
      {change && (
        <button type="button" class="mark-button" onClick={change}>
          {w.train.change}
        </button>
      )}
    </div>
  )
}
