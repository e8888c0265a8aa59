import { useSignal } from '@preact/signals'
import { Choice } from '../choice'
import { number, words } from '../language'
import { Plot } from '../plot'
import { type Inspector, useAnswer } from './inspector'
import { LayerChoice } from './layer-choice'
import { Matrix } from './matrix'
import type { ShownUnits } from './messages'

/** The gates of each kind of cell that has recurrent weights, in the order of these. */
const gates = { rnn_tanh: ['h'], rnn_relu: ['h'], gru: ['r', 'z', 'n'], lstm: ['i', 'f', 'g', 'o'] } as const

interface WeightsOptions {
  inspector: Inspector
  layers: ShownUnits['layers']
}

/** The recurrent weights of a gate, as a picture and as a spectrum; nothing for cells that have none. */
export function Weights({ inspector, layers }: WeightsOptions) {
  const { kind } = layers
  return kind === 'mingru' || kind === 'minlstm' ? null : <GateWeights {...{ inspector, ...layers, kind }} />
}

interface GateOptions extends Omit<ShownUnits['layers'], 'kind'> {
  inspector: Inspector
  kind: keyof typeof gates
}

function GateWeights({ inspector, kind, numLayers, hiddenSize }: GateOptions) {
  const { inside: t } = words.value
  const layer = useSignal(0)
  const gate = useSignal(0)
  const names = gates[kind]
  const question = { layer: layer.value, gate: gate.value }
  const shown = useAnswer(inspector, 'weights', question)
  const found = useAnswer(inspector, 'spectrum', question)
  return (
    <section class="card">
      <h2>{t.weights}</h2>
      <p class="explains">{t.weightsExplained}</p>
      <div class="choice">
        <LayerChoice of={numLayers} value={layer.value} choose={(chosen) => (layer.value = chosen)} />
        {names.length > 1 && (
          <Choice
            label={t.gate}
            value={gate.value}
            among={names.map((name, i) => [i, t.signals[name]])}
            choose={(chosen) => (gate.value = chosen)}
          />
        )}
      </div>
      <div class="weights">
        <div class="square">
          {shown && (
            <Matrix
              values={shown.values}
              rows={hiddenSize}
              columns={hiddenSize}
              scale={shown.scale}
              told={t.weightsTold(number(hiddenSize))}
              placeName={(row, column) => t.weight(number(column), number(row))}
            />
          )}
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
