import { useSignal } from '@preact/signals'
import { useEffect, useLayoutEffect } from 'preact/hooks'
import { base, setupWith } from '../base'
import { lookedUp } from '../faults'
import { words } from '../language'
import { route } from '../route'
import { series } from '../series/chosen'
import { LinkedSeries } from '../series/linked-series'
import { linked } from '../series/setup'
import { lastRun } from '../session'
import { queryOf, type Setup, setup, setupOf } from '../setup'
import { chosen, nameOf } from '../text'
import { begin, textSession } from '../text-session'
import { Controls } from './controls'
import { Curve } from './curve'
import { Figures } from './figures'
import { Samples } from './samples'
import { SetupDialog } from './setup-dialog'
import { SetupLine } from './setup-line'
import './train.css'

/** A training, live: on a table of numbers if a link names one or one was chosen, or else on a text. */
export function TrainView() {
  const link = linked(route.value.query)
  if (link) return <LinkedSeries link={link} />
  const View = series.value?.View ?? TextView
  return <View />
}

/** A training on a text: what it is, its figures, its curve, and what it writes. */
function TextView() {
  const { train: t, cells, setup: s } = words.value
  const now = textSession.value
  const editing = useSignal(false)
  const kept = useSignal<string | undefined>(undefined)
  const { query } = route.value
  // A link brings its configuration, before anybody can begin with another.
  useLayoutEffect(() => {
    if (query.size > 0) setup.value = setupOf(query, chosen.peek().own?.reading)
  }, [query])
  // The training before a reload waits to go on.
  useEffect(() => {
    void lookedUp(async () => {
      kept.value = await lastRun()
    })
  }, [])
  now?.tick.value
  const training = now?.isTraining ?? false
  const shown = training ? now!.setup : setupWith(setup.value, base.value)
  const textName = training ? now!.textName : nameOf(chosen.value, s.mobyDick)
  const start = (changed: Partial<Setup> = {}) => {
    setup.value = { ...setup.value, ...changed }
    return begin({ ...shown, ...changed }, chosen.value, nameOf(chosen.value, s.mobyDick), base.value)
  }
  return (
    <>
      <div class="headline">
        <h1>{t.title(cells[shown.cell], textName)}</h1>
        <Controls now={now} start={start} query={queryOf(shown)} kept={kept.value} />
      </div>
      <SetupLine
        setup={shown}
        from={training ? undefined : base.value?.name}
        change={
          training
            ? undefined
            : () => {
                editing.value = true
              }
        }
      />
      <Figures />
      <div class="beside">
        <Curve />
        <Samples />
      </div>
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
