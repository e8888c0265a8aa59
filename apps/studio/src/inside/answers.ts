import type { LoadedModel } from 'unrolled/browser'
import { type ComparedModels, gradientNorms, newModels } from './gradients'
import type { Answers, Kind, Questions, ShownWeights } from './messages'
import { singularValues } from './spectrum'
import { knownTokens, orderOf, readTokens } from './states'

/** Steps that gradients are followed back. */
const STEPS = 60

/** The likeliest tokens that are told. */
const MOST_EXPECTED = 8

/** What answers the questions of each kind. What takes long calls `rest` now and then, which throws if nobody waits any more. */
export const answers: {
  [K in Kind]: (
    loaded: LoadedModel,
    question: Questions[K],
    rest: () => Promise<void>,
  ) => Answers[K] | Promise<Answers[K]>
} = {
  reading(loaded, { text, layer, signal: wanted }) {
    const { vocab } = loaded
    const known = knownTokens(loaded, text)
    const { tokens, hiddenSize, layers, probabilities } = readTokens(loaded, known)
    const signals = layers[layer]
    const signal = wanted in signals ? wanted : 'h'
    const order = orderOf(signals.h, vocab.encode(tokens), hiddenSize)
    const values = new Float32Array(hiddenSize * tokens.length)
    order.forEach(({ unit }, row) => {
      for (let i = 0; i < tokens.length; i++) {
        values[row * tokens.length + i] = signals[signal][i * hiddenSize + unit]
      }
    })
    const expected = tokens.map((_, i) =>
      likeliest(probabilities.subarray(i * vocab.size, (i + 1) * vocab.size)).map(({ probability, token }) => ({
        ...{ probability, token: vocab.tokenOf(token) },
      })),
    )
    return {
      ...{ tokens, signals: Object.keys(signals), signal, values, expected },
      rows: order.map(({ unit, token }) => ({ unit, reactsTo: vocab.tokenOf(token) })),
      // Gates are between 0 and 1, and the state c has no bound.
      scale: signal === 'c' ? largest(values) : 1,
    }
  },

  gradients(loaded, { text }) {
    const { model, vocab } = loaded
    const tokens = vocab.encode(knownTokens(loaded, text).slice(0, STEPS + 1))
    return { own: gradientNorms(model, tokens), ...compared(loaded, tokens) }
  },

  weights: (loaded, { layer, gate }) => weightsOf(loaded, layer, gate),

  spectrum: (loaded, { layer, gate }, rest) =>
    singularValues(weightsOf(loaded, layer, gate).values, loaded.model.rnn.hiddenSize, rest),
}

/** The likeliest tokens, the first before the others. */
function likeliest(probabilities: Float32Array): { probability: number; token: number }[] {
  const best: { probability: number; token: number }[] = []
  probabilities.forEach((probability, token) => {
    if (best.length === MOST_EXPECTED && probability <= best[MOST_EXPECTED - 1].probability) return
    const place = best.findLastIndex((other) => other.probability >= probability) + 1
    best.splice(place, 0, { probability, token })
    best.length = Math.min(best.length, MOST_EXPECTED)
  })
  return best
}

const largest = (values: Float32Array): number => values.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-6)

function weightsOf({ model }: LoadedModel, layer: number, gate: number): ShownWeights {
  const { hiddenSize } = model.rnn
  const { data } = model.stateDict()[`rnn.weight_hh_l${layer}`]
  const values = Float32Array.from(data.subarray(gate * hiddenSize ** 2, (gate + 1) * hiddenSize ** 2))
  return { values, scale: largest(values) }
}

/** The norms of models that have learned nothing, which do not change while a model trains. */
let last: { of: string; norms: Record<keyof ComparedModels, number[]> } | undefined

function compared({ model, vocab }: LoadedModel, tokens: Int32Array): Record<keyof ComparedModels, number[]> {
  const of = `${vocab.size} ${model.rnn.hiddenSize} ${tokens}`
  if (last?.of !== of) {
    const { rnn, lstm } = newModels(vocab.size, model.rnn.hiddenSize)
    last = { of, norms: { rnn: gradientNorms(rnn, tokens), lstm: gradientNorms(lstm, tokens) } }
  }
  return last.norms
}
