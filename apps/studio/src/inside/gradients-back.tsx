import { useMemo } from 'preact/hooks'
import type { Current } from '../current'
import { number, scientific, words } from '../language'
import { Plot } from '../plot'
import { gradientNorms, newModels } from './gradients'
import type { Reading } from './states'

/** Steps that gradients are followed back. */
const STEPS = 60

/** Norms of gradients back through time, beside those of an RNN and an LSTM that have learned nothing. */
export function GradientsBack({ model, reading }: { model: Current; reading: Reading }) {
  const { inside: t } = words.value
  const tokens = model.vocab.encode(reading.tokens.slice(0, STEPS + 1))
  const text = reading.tokens.slice(0, STEPS + 1).join('')
  const fresh = useMemo(() => newModels(model), [model.vocab.size, model.model.rnn.hiddenSize])
  const compared = useMemo(
    () => ({ rnn: gradientNorms(fresh.rnn, tokens), lstm: gradientNorms(fresh.lstm, tokens) }),
    [fresh, text],
  )
  const own = useMemo(() => gradientNorms(model.model, tokens), [model, text])
  const line = (label: string, norms: number[], colour: number, dashed = false) => {
    // A logarithmic axis has no zero.
    const kept = norms.map((norm, i) => [i + 1, norm]).filter(([, norm]) => norm > 0)
    return { label, steps: kept.map(([step]) => step), values: kept.map(([, norm]) => norm), colour, dashed }
  }
  const last = own.at(-1) ?? 0
  return (
    <section class="card">
      <h2>{t.gradients}</h2>
      <p class="explains">{t.gradientsExplained}</p>
      <Plot
        told={t.gradientsTold(number(own.length), scientific(own[0]), scientific(last))}
        x={t.stepsBack}
        powersOfTen
        lines={[
          line(t.thisModel, own, 0),
          line(t.newRnn, compared.rnn, 1, true),
          line(t.newLstm, compared.lstm, 2, true),
        ]}
      />
    </section>
  )
}
