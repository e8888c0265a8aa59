import { number, words } from '../language'
import { Plot } from '../plot'
import { textSession } from '../text-session'
import { perplexity } from './figures'

const none = { steps: [], values: [] }

/** Perplexity of the training and of the held-out text over the steps. */
export function Curve() {
  const { train: t } = words.value
  const now = textSession.value
  now?.tick.value
  const [trained, heldOut] = [now?.trained ?? none, now?.heldOut ?? none]
  const told = t.curveIs(number(now?.step ?? 0), perplexity(trained.values.at(-1)), perplexity(heldOut.values.at(-1)))
  const lines = [
    { label: t.training, steps: trained.steps, values: trained.values, colour: 0 },
    { label: t.heldOutText, steps: heldOut.steps, values: heldOut.values, colour: 1, dashed: true },
  ]
  return (
    <section class="card">
      <h2>{t.curve}</h2>
      <Plot told={told} lines={lines} />
    </section>
  )
}
