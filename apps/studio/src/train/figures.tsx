import { Coded } from '../coded'
import type { RunKind } from '../kept'
import { number, short, significant, words } from '../language'
import { FaultNote } from '../problem'
import type { Session } from '../session'
import { textSession } from '../text-session'

/** Seconds as a clock shows them. */
export const clock = (seconds: number): string => {
  const whole = Math.round(seconds)
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60]
  const two = (value: number) => String(value).padStart(2, '0')
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`
}

/** A perplexity, with as many digits as tell something. */
export const perplexity = (value: number | undefined): string =>
  value === undefined
    ? '–'
    : short(value, (value) => (Number.isFinite(value) ? number(value, value < 100 ? 2 : 0) : '∞'))

/** An error of forecasts or a cross entropy, with as many digits as tell something. */
export const error = (value: number | undefined): string => (value === undefined ? '–' : short(value, significant))

/** How the measure of a kind of trainings is told. */
export const measured = (kind: RunKind): ((value: number | undefined) => string) =>
  kind === 'text' ? perplexity : error

/** Figures, each above its name. */
export const FigureList = ({ figures }: { figures: readonly (readonly [name: string, value: string])[] }) => (
  <dl class="figures">
    {figures.map(([name, value]) => (
      <div key={name}>
        <dt>{name}</dt>
        <dd>{value}</dd>
      </div>
    ))}
  </dl>
)

/** The figures of the training, and how it stands. */
export function Figures() {
  const { train: t } = words.value
  const now = textSession.value
  now?.tick.value
  const state = now?.state.value
  const figures: [string, string][] = [
    [t.figures.perplexity, perplexity(now?.perplexity ?? now?.trained.last)],
    [t.figures.heldOut, perplexity(now?.heldOut.last)],
    [t.figures.speed, now?.itemsPerSecond ? number(now.itemsPerSecond) : '–'],
    [t.figures.gradient, now?.gradNorm === undefined ? '–' : short(now.gradNorm, (norm) => number(norm, 2))],
    [t.figures.left, state === 'running' && now?.secondsLeft !== undefined ? clock(now.secondsLeft) : '–'],
  ]
  const says = {
    preparing: t.preparing,
    running: now && now.epoch > 0 ? t.epoch(number(now.epoch), number(now.setup.epochs)) : t.preparing,
    paused: t.paused,
    stopped: t.stopped,
    done: t.done,
    failed: now?.fault.value?.kind === 'inUse' ? t.elsewhere : t.failed,
  }
  return (
    <section>
      <FigureList figures={figures} />
      <Standing now={now} says={state ? says[state] : t.ready} />
    </section>
  )
}

/** How a training stands, where it is computed, and what went wrong or is to be known. */
export function Standing({ now, says }: { now: Session | undefined; says: string }) {
  const { train: t, faults } = words.value
  now?.tick.value
  const facts = now?.facts
  return (
    <>
      <p class="standing" role="status">
        {says}
        {facts && ` · ${t.computedOn(facts.kernels, t.threads(facts.threads))}`}
      </p>
      {now?.fault.value && <FaultNote fault={now.fault.value} />}
      {facts?.options.device === 'auto' && facts.device === facts.kernels && <p class="standing">{t.onCpu}</p>}
      {!crossOriginIsolated && (
        <p class="standing">
          <Coded text={faults.notIsolated()} />
        </p>
      )}
      {[...(now?.notes ?? [])].map((note) => (
        <p key={note} class="standing" lang="en">
          {note}
        </p>
      ))}
    </>
  )
}
