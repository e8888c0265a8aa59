import { useSignal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { goOnWith } from '../go-on'
import { significant, words } from '../language'
import { addressOf } from '../route'
import type { Session } from '../session'
import { kinds, parsed } from '../setup'

interface ControlsOptions {
  now: Session | undefined
  /** Begins a training as it is set up, with another learning rate if one is given. */
  start: (changed?: { lr: number }) => unknown
  /** The setup that is shown, for a link. */
  query: URLSearchParams
  /** The run that the page showed before it was loaded again. */
  kept?: string | undefined
  /** What can be done besides, when nothing trains. */
  children?: ComponentChildren
}

/** The buttons of a training: what can be done with it now. */
export function Controls({ now, start, query, kept, children }: ControlsOptions) {
  const { train: t } = words.value
  const state = now?.state.value
  const copied = useSignal(false)
  const isOver = state === undefined || state === 'stopped' || state === 'done' || state === 'failed'
  const share = async () => {
    const address = new URL(addressOf('train', query), location.href)
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
      {isOver && <Main text={now && !now.isOpened ? t.again : t.start} act={() => start()} />}
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
      {now && state === 'done' && !now.isOpened && <MoreEpochs now={now} />}
      <button type="button" class="quiet" onClick={share}>
        {copied.value ? t.copied : t.share}
      </button>
      {isOver && children}
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
function Advice({ now, start }: { now: Session; start: ControlsOptions['start'] }) {
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
