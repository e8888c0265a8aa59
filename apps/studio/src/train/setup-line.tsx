import { base } from '../base'
import { number, significant, words } from '../language'
import { cellLabels, type Setup } from '../setup'

interface SetupLineOptions {
  setup: Setup
  /** The name of the model that the training begins with. */
  from?: string
  change?: () => void
}

/** A training's configuration in a line of small marks. */
export function SetupLine({ setup, from, change }: SetupLineOptions) {
  const w = words.value
  const marks = [
    cellLabels[setup.cell],
    w.units(number(setup.hiddenSize)),
    w.layers(setup.numLayers),
    w.steps(number(setup.numSteps)),
    w.batch(number(setup.batchSize)),
    w.rate(setup.optimizer, significant(setup.lr)),
    w.characters(number(setup.maxTokens)),
    setup.clean ? w.cleaned : w.unchanged,
  ]
  return (
    <div class="marks">
      {marks.map((mark) => (
        <span key={mark}>{mark}</span>
      ))}
      {from !== undefined && (
        <BaseMark
          from={from}
          remove={() => {
            base.value = undefined
          }}
        />
      )}
      {change && (
        <button type="button" class="mark-button" onClick={change}>
          {w.train.change}
        </button>
      )}
    </div>
  )
}

/** The model that a training begins with, which can be removed. */
export function BaseMark({ from, remove }: { from: string; remove: () => void }) {
  const { train: t } = words.value
  return (
    <span class="base">
      {t.beginsWith(from)}
      <button type="button" aria-label={t.withoutBase} title={t.withoutBase} onClick={remove}>
        ×
      </button>
    </span>
  )
}
