import { type Signal, useSignal } from '@preact/signals'
import { useEffect, useMemo } from 'preact/hooks'
import { encodeModel } from 'unrolled/browser'
import { type Current, isOfText, liveTrainer, loadRun, untilKept } from '../current'
import { faultOf } from '../faults'
import { session } from '../session'
import { Inspector } from './inspector'
import type { Looked } from './messages'

/** Least milliseconds between two looks at a model that is training. */
const PACE = 1500

/** How many times longer than a look takes the view rests after it, so that it leaves the processors to the training. */
const REST = 9

/** A model that is not training; that of a kept training as it is now, because it may have gone on since it was taken. */
async function keptModel(taken: Current): Promise<Looked> {
  if (!isOfText(taken)) {
    await untilKept(taken.name)
    return {}
  }
  const { model, vocab, config } = taken.kind === 'run' ? await loadRun(taken.name) : taken
  return { files: await encodeModel(model, vocab, config.training) }
}

/** Looks into a model: again and again while it trains, and once more when it pauses or has ended. */
export function useLooks(model: Current): Inspector {
  const inspector = useMemo(() => new Inspector(), [])
  useEffect(() => () => inspector.close(), [inspector])
  const trainer = liveTrainer(model)
  const running = trainer !== undefined && session.value?.state.value === 'running'
  useEffect(() => {
    let wanted = true
    let timer: ReturnType<typeof setTimeout>
    const look = async () => {
      const begin = performance.now()
      if (!running || !document.hidden) {
        // A training that ends in the meantime is looked at again, as it is kept.
        const files = await trainer?.modelFiles().catch(() => undefined)
        const found = trainer ? files && { files } : await keptModel(model)
        if (!wanted) return
        if (found) await inspector.look(isOfText(model) ? found : { ...found, seriesRun: model.name })
      }
      if (wanted && running) timer = setTimeout(told, Math.max(PACE, REST * (performance.now() - begin)))
    }
    const told = () =>
      look().catch((error: Error) => {
        inspector.fault.value = faultOf(error)
      })
    void told()
    return () => {
      wanted = false
      clearTimeout(timer)
    }
  }, [inspector, trainer ?? (model.kind === 'run' ? model.name : model), running])
  return inspector
}

/** What of a reading is shown: a signal of a layer, a unit and a step. */
export interface Place {
  layer: Signal<number>
  signal: Signal<string>
  unit: Signal<number>
  step: Signal<number>
}

export const usePlace = (): Place => ({
  layer: useSignal(0),
  signal: useSignal('h'),
  unit: useSignal(0),
  step: useSignal(0),
})
