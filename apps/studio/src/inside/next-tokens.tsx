import type { Signal } from '@preact/signals'
import { number, words } from '../language'
import type { ShownText } from './messages'
import { visible } from './visible'

/** Tokens before the place that are shown. */
const BEFORE = 24

/** The likeliest tokens after a place of the text. */
export function NextTokens({ reading, position }: { reading: ShownText; position: Signal<number> }) {
  const { inside: t } = words.value
  const { tokens, expected } = reading
  const at = Math.min(position.value, tokens.length - 1)
  const before = tokens.slice(Math.max(0, at - BEFORE), at + 1).map(visible)
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
          {expected[at].map(({ probability, token }) => (
            <tr key={token}>
              <th scope="row">{visible(token)}</th>
              <td>
                <meter min={0} max={1} value={probability} aria-label={visible(token)} />
              </td>
              <td class="number">{number(100 * probability, 1)} %</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}
