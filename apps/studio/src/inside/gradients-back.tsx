import { number, scientific, words } from '../language'
import { Plot } from '../plot'
import { type Inspector, useAnswer } from './inspector'
import type { Questions } from './messages'

/** Norms of gradients back through time, beside those of an RNN and an LSTM that have learned nothing. */
export function GradientsBack(props: { inspector: Inspector; read: Questions['gradients']; explained: string }) {
  const { inspector, read, explained } = props
  const { inside: t } = words.value
  const found = useAnswer(inspector, 'gradients', read)
  const line = (label: string, norms: number[], colour: number, dashed = false) => {
    // A logarithmic axis has no zero.
    const kept = norms.map((norm, i) => [i + 1, norm]).filter(([, norm]) => norm > 0)
    return { label, steps: kept.map(([step]) => step), values: kept.map(([, norm]) => norm), colour, dashed }
  }
  const own = found?.own ?? []
  return (
    <section class="card">
      <h2>{t.gradients}</h2>
      <p class="explains">{explained}</p>
      {found && own.length > 0 && (
        <Plot
          told={t.gradientsTold(number(own.length), scientific(own[0]), scientific(own[own.length - 1]))}
          x={t.stepsBack}
          powersOfTen
          lines={[line(t.thisModel, own, 0), line(t.newRnn, found.rnn, 1, true), line(t.newLstm, found.lstm, 2, true)]}
        />
      )}
    </section>
  )
}
