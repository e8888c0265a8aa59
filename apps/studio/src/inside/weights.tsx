import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { Choice } from '../choice'
import type { Current } from '../current'
import { number, words } from '../language'
import { Plot } from '../plot'
import { LayerChoice } from './layer-choice'
import { Matrix } from './matrix'

/** The gates of each kind of cell that has recurrent weights, in the order of these. */
const gates = { rnn: ['h'], gru: ['r', 'z', 'n'], lstm: ['i', 'f', 'g', 'o'] } as const

/** The recurrent weights of a gate, as a picture and as a spectrum. */
export function Weights({ model, cell }: { model: Current; cell: keyof typeof gates }) {
  const { inside: t } = words.value
  const layer = useSignal(0)
  const gate = useSignal(0)
  const spectrum = useSignal<number[] | undefined>(undefined)
  const { numLayers, hiddenSize } = model.model.rnn
  const names = gates[cell]
  const at = Math.min(layer.value, numLayers - 1)
  const block = Math.min(gate.value, names.length - 1)
  const { data } = model.model.stateDict()[`rnn.weight_hh_l${at}`]
  const values = Float32Array.from(data.subarray(block * hiddenSize ** 2, (block + 1) * hiddenSize ** 2))
  useEffect(() => {
    const worker = new Worker(new URL('./spectrum-worker.ts', import.meta.url), { type: 'module' })
    worker.addEventListener('message', (event: MessageEvent<number[]>) => {
      spectrum.value = event.data
      worker.terminate()
    })
    worker.postMessage({ values, n: hiddenSize })
    return () => worker.terminate()
  }, [model, at, block])
  const largest = Math.max(1e-6, ...Array.from(values, Math.abs))
  const found = spectrum.value
  return (
    <section class="card">
      <h2>{t.weights}</h2>
      <p class="explains">{t.weightsExplained}</p>
      <div class="choice">
        <LayerChoice of={numLayers} value={at} choose={(chosen) => (layer.value = chosen)} />
        {names.length > 1 && (
          <Choice
            label={t.gate}
            value={block}
            among={names.map((name, i) => [i, t.signals[name]])}
            choose={(chosen) => (gate.value = chosen)}
          />
        )}
      </div>
      <div class="weights">
        <div class="square">
          <Matrix
            values={values}
            rows={hiddenSize}
            columns={hiddenSize}
            scale={largest}
            told={t.weightsTold(number(hiddenSize))}
            placeName={(row, column) => t.weight(number(column), number(row))}
          />
        </div>
        {found && (
          <Plot
            told={t.spectrumTold(number(found[0], 2), number(found.at(-1) ?? 0, 4))}
            x={t.singularValue}
            powersOfTen
            lines={[
              {
                label: t.size,
                steps: found.map((_, i) => i + 1),
                values: found.map((value) => Math.max(value, 1e-6)),
                colour: 0,
              },
            ]}
          />
        )}
      </div>
    </section>
  )
}
