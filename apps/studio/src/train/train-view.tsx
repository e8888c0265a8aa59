import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { words } from '../language'
import { addressOf, route } from '../route'
import { begin, goOnWith, lastRun, session } from '../session'
import { queryOf, setup, setupOf } from '../setup'
import { chosen, nameOf, refused } from '../text'
import { Curve } from './curve'
import { Figures } from './figures'
import { Samples } from './samples'
import { SetupDialog } from './setup-dialog'
import { SetupLine } from './setup-line'
import './train.css'

/** A training, live: what it is, its figures, its curve, and what it writes. */
export function TrainView() {
  const { train: t, cells, setup: s } = words.value
  const now = session.value
  const editing = useSignal(false)
  const copied = useSignal(false)
  const kept = useSignal<string | undefined>(undefined)
  // A link brings its configuration; the training before a reload waits to go on.
  useEffect(() => {
    setup.value = setupOf(route.value.query)
    void lastRun().then((name) => {
      kept.value = name
    })
  }, [])
  const state = now?.state.value
  const training = state === 'preparing' || state === 'running' || state === 'paused'
  const shown = training ? now!.setup : setup.value
  const textName = nameOf(chosen.value, s.mobyDick)
  const start = () => begin(setup.value, chosen.value, textName)
  const share = async () => {
    const address = new URL(addressOf('train', queryOf(shown)), location.href)
    history.replaceState(null, '', address)
    await navigator.clipboard?.writeText(address.href)
    copied.value = true
  }
  return (
    <>
      <div class="headline">
        <h1>{t.title(cells[shown.cell], training ? now!.textName : textName)}</h1>
        <div class="actions">
          {!training && (
            <button type="button" class="main" onClick={start}>
              {now ? t.again : t.start}
            </button>
          )}
          {!now && kept.value !== undefined && (
            <button type="button" onClick={() => goOnWith(kept.value!)}>
              {t.goOnWith(kept.value)}
            </button>
          )}
          {state === 'running' && (
            <button type="button" class="main" onClick={() => now?.pause()}>
              {t.pause}
            </button>
          )}
          {state === 'paused' && (
            <button type="button" class="main" onClick={() => now?.goOn()}>
              {t.goOn}
            </button>
          )}
          {(state === 'running' || state === 'paused') && (
            <button type="button" onClick={() => now?.stop()}>
              {t.stop}
            </button>
          )}
          <button type="button" class="quiet" onClick={share}>
            {copied.value ? t.copied : t.share}
          </button>
        </div>
      </div>
      <SetupLine
        setup={shown}
        change={
          training
            ? undefined
            : () => {
                editing.value = true
              }
        }
      />
      {refused.value && (
        <p class="bad" role="alert">
          {refused.value}
        </p>
      )}
      <Figures />
      <Curve />
      <Samples />
      {editing.value && (
        <SetupDialog
          close={() => {
            editing.value = false
          }}
        />
      )}
    </>
  )
}
