import { useSignal } from '@preact/signals'
import { base } from '../base'
import { significant, words } from '../language'
import { addressOf } from '../route'
import { begin, goOnWith, type Session, session } from '../session'
import { kinds, parsed, queryOf, type Setup, setup } from '../setup'
import { chosen, nameOf } from '../text'

interface ControlsOptions {
  /** The setup that is shown, for a link. */
  shown: Setup
  /** The run that the page showed before it was loaded again. */
  kept: string | undefined
}

/** The buttons of a training: what can be done with it now. */
export function Controls({ shown, kept }: ControlsOptions) {
  const { train: t, setup: s } = words.value
  const now = session.value
  const state = now?.state.value
  const copied = useSignal(false)
  const isOver = state === undefined || state === 'stopped' || state === 'done' || state === 'failed'
  const start = (changed: Partial<Setup> = {}) => {
    setup.value = { ...setup.value, ...changed }
    return begin({ ...shown, ...changed }, chosen.value, nameOf(chosen.value, s.mobyDick), base.value)
  }
  const share = async () => {
    const address = new URL(addressOf('train', queryOf(shown)), location.href)
    history.replaceState(null, '', address)
    await navigator.clipboard?.writeText(address.href)
    copied.value = true
  }
  return (
    <div class="actions">
      {state === 'running' && <Main text={t.pause} act={() => now?.pause()} />}
      {state === 'paused' && <Main text={t.goOn} act={() => now?.goOn()} />}
      {(state === 'running' || state === 'paused') && (
        <button type="button" onClick={() => now?.stop()}>
          {t.stop}
        </button>
      )}
      {isOver && <Main text={now ? t.again : t.start} act={() => start()} />}
      {!now && kept !== undefined && (
        <button type="button" onClick={() => goOnWith(kept)}>
          {t.goOnWith(kept)}
        </button>
      )}
      {now && state === 'failed' && now.advice && <Advice now={now} start={start} />}
      {now && (state === 'stopped' || (state === 'failed' && !now.advice && now.canGoOn)) && (
        <button type="button" onClick={() => goOnWith(now.name)}>
          {t.goOn}
        </button>
      )}
      {now && state === 'done' && <MoreEpochs now={now} />}
      <button type="button" class="quiet" onClick={share}>
        {copied.value ? t.copied : t.share}
      </button>
    </div>
  )
}

function Main({ text, act }: { text: string; act: () => void }) {
  return (
    <button type="button" class="main" onClick={act}>
      {text}
    </button>
  )
}

/** After an explosion: the way on that the library advises. */
function Advice({ now, start }: { now: Session; start: (changed: Partial<Setup>) => void }) {
  const { train: t } = words.value
  const { resumable, options } = now.advice!
  const lr = Number(options.lr)
  const rate = significant(lr)
  return (
    <button type="button" onClick={() => (resumable ? goOnWith(now.name, options) : start({ lr }))}>
      {resumable ? t.goOnAtRate(rate) : t.againAtRate(rate)}
    </button>
  )
}

/** Lets a training that is done go on for some more epochs. */
function MoreEpochs({ now }: { now: Session }) {
  const { train: t } = words.value
  const { epochs } = now.setup
  const more = useSignal(String(epochs))
  const { least, most } = kinds.epochs
  return (
    <form
      class="more"
      onSubmit={(event) => {
        event.preventDefault()
        const asked = parsed('epochs', more.value)
        if (asked !== undefined) void goOnWith(now.name, { epochs: now.epoch + Number(asked) })
      }}
    >
      <input
        type="number"
        aria-label={t.moreEpochs}
        value={more.value}
        min={least}
        max={most}
        step={1}
        required
        onInput={({ currentTarget }) => {
          more.value = currentTarget.value
        }}
      />
      <button type="submit">{t.moreEpochs}</button>
    </form>
  )
}
