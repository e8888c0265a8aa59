import { number, words } from '../language'
import { textSession } from '../text-session'

/** What the model wrote while it trained, the latest first. */
export function Samples() {
  const { train: t } = words.value
  const now = textSession.value
  now?.tick.value
  const samples = now?.samples ?? []
  return (
    <section class="card">
      <h2 id="samples-title">{t.samples}</h2>
      {samples.length === 0 && <p class="soft">{t.noSamples}</p>}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: many samples are scrolled, also from the keyboard */}
      <ol class="samples" tabIndex={0} aria-labelledby="samples-title">
        {samples.slice(0, 50).map(({ epoch, text }, i) => (
          <li key={samples.length - i}>
            <span class="soft">{epoch === 'end' ? t.atEnd : number(epoch)}</span> {text}
          </li>
        ))}
      </ol>
    </section>
  )
}
