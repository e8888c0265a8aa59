import { useSignal } from '@preact/signals'
import { useEffect, useMemo } from 'preact/hooks'
import { encodeModel } from 'unrolled/browser'
import { type Current, liveTrainer, loadRun } from '../current'
import { faultOf } from '../faults'
import { words } from '../language'
import { FaultNote } from '../problem'
import { session } from '../session'
import { GradientsBack } from './gradients-back'
import { Inspector, useAnswer } from './inspector'
import { NextTokens } from './next-tokens'
import { Units } from './units'
import { Weights } from './weights'

/** Least milliseconds between two looks at a model that is training. */
const PACE = 1500

/** How many times longer than a look takes the view rests after it, so that it leaves the processors to the training. */
const REST = 9

/** The files of a model; of a kept training as it is now, because it may have gone on since it was taken. */
async function filesOf(taken: Current) {
  const { model, vocab, config } = taken.kind === 'run' ? await loadRun(taken.name) : taken
  return encodeModel(model, vocab, config.training)
}

/** Looks into a model: again and again while it trains, and once more when it pauses or has ended. */
function useLooks(model: Current): Inspector {
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
        const files = await (trainer?.modelFiles().catch(() => undefined) ?? filesOf(model))
        if (!wanted) return
        if (files) await inspector.look(files)
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

/** What a model does inside while it reads a text. */
export function Looks({ model, text }: { model: Current; text: string }) {
  const { inside: t } = words.value
  const inspector = useLooks(model)
  const layer = useSignal(0)
  const shown = useSignal('h')
  const position = useSignal(0)
  const reading = useAnswer(inspector, 'reading', { text, layer: layer.value, signal: shown.value })
  const { cell, numLayers, hiddenSize } = model.config
  const fault = inspector.fault.value
  return (
    <>
      {fault && <FaultNote fault={fault} />}
      {reading && reading.tokens.length < 2 && <p class="soft">{t.tooShort}</p>}
      {reading && reading.tokens.length > 1 && (
        <>
          <Units {...{ reading, numLayers, layer, shown, position }} />
          <NextTokens reading={reading} position={position} />
          <GradientsBack inspector={inspector} text={text} />
          {cell !== 'mingru' && cell !== 'minlstm' && <Weights {...{ inspector, cell, numLayers, hiddenSize }} />}
        </>
      )}
    </>
  )
}
