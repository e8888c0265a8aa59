import type { Current } from '../current'
import { number, words } from '../language'
import type { Reading } from './states'
import { visible } from './units'

const MOST = 8

/** The likeliest tokens after a place of the text. */
export function NextTokens({ reading, model, position }: { reading: Reading; model: Current; position: number }) {
  const { inside: t } = words.value
  const { probabilities, tokens } = reading
  const { size } = model.vocab
  const here = probabilities.subarray(position * size, (position + 1) * size)
  const best = Array.from(here, (p, token) => ({ p, token }))
    .sort((a, b) => b.p - a.p)
    .slice(0, MOST)
  const before = tokens.slice(Math.max(0, position - 24), position + 1).map(visible)
  return (
    <section class="card">
      <h2>{t.next}</h2>
      <p class="explains">{t.nextExplained}</p>
      <p class="context">
        {before.join('')}
        <b>?</b>
      </p>
      <table class="bars">
        <tbody>
          {best.map(({ p, token }) => (
            <tr key={token}>
              <th scope="row">{visible(model.vocab.tokenOf(token))}</th>
              <td>
                <meter min={0} max={1} value={p} aria-label={visible(model.vocab.tokenOf(token))} />
              </td>
              <td class="number">{number(100 * p, 1)} %</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}
