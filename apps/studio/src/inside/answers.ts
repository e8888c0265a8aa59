import type { LoadedModel } from 'unrolled/browser'
import { type Followed, followedText, gradientNorms, newLayers } from './gradients'
import type { Answers, Kind, Questions, ShownUnits, ShownWeights } from './messages'
import { followedSeries, inputOf, type LoadedSeries, originOf, stepsOf } from './series-window'
import { singularValues } from './spectrum'
import { knownTokens, type Layers, MOST_STEPS, orderOf, readLayers, readTokens, type Signals } from './states'

/** The likeliest tokens that are told. */
const MOST_EXPECTED = 8

/** A model of any kind. */
export type Loaded = LoadedModel | LoadedSeries

/** What questions can be asked about: some about models of one kind alone. */
interface Subjects extends Record<Kind, Loaded> {
  text: LoadedModel
  window: LoadedSeries
}

/** What answers the questions of each kind. What takes long calls `rest` now and then, which throws if nobody waits any more. */
export const answers: {
  [K in Kind]: (
    loaded: Subjects[K],
    question: Questions[K],
    rest: () => Promise<void>,
  ) => Answers[K] | Promise<Answers[K]>
} = {
  text(loaded, { text, layer, signal }) {
    const { model, vocab } = loaded
    const known = knownTokens(loaded, text)
    const { tokens, layers, probabilities } = readTokens(loaded, known)
    const expected = tokens.map((_, i) =>
      likeliest(probabilities.subarray(i * vocab.size, (i + 1) * vocab.size)).map(({ probability, token }) => ({
        ...{ probability, token: vocab.tokenOf(token) },
      })),
    )
    return { tokens, expected, ...unitsOf(model.rnn, layers[layer], signal, vocab.encode(tokens)) }
  },

  window(loaded, { layer, signal, target, ...asked }) {
    const { model, data } = loaded
    const { window, targets, step } = data.spec
    const origin = originOf(loaded, asked)
    const steps = stepsOf(loaded, origin, target)
    const all = readLayers(model.rnn, inputOf(loaded, origin))[layer]
    // Of a long window, the end; of a long horizon, the beginning.
    const first = Math.max(0, Math.min(steps.length - MOST_STEPS, window - MOST_STEPS / 2))
    const seen = steps.slice(first, first + MOST_STEPS)
    const ends = [first, first + MOST_STEPS].map((step) => step * model.rnn.hiddenSize)
    const signals = Object.fromEntries(Object.entries(all).map(([name, values]) => [name, values.subarray(...ends)]))
    return {
      ...{ series: data.table.series.map(({ name }) => name), targets, known: origin.at, least: window },
      ...{ most: data.table.series[origin.series].length, dated: step !== undefined, steps: seen },
      ...unitsOf(model.rnn, signals, signal, Int32Array.from(seen.keys())),
    }
  },

  gradients(loaded, question) {
    const followed =
      'text' in question
        ? followedOf(loaded as LoadedModel, question.text)
        : followedSeries(loaded as LoadedSeries, question)
    return { own: gradientNorms(followed), ...compared(followed) }
  },

  weights: (loaded, { layer, gate }) => weightsOf(loaded, layer, gate),

  spectrum: (loaded, { layer, gate }, rest) =>
    singularValues(weightsOf(loaded, layer, gate).values, loaded.model.rnn.hiddenSize, rest),
}

const followedOf = (loaded: LoadedModel, text: string): Followed =>
  followedText(loaded.model, loaded.vocab.encode(knownTokens(loaded, text)))

/** @param kinds of the steps, as numbers: the tokens of a text */
function unitsOf(rnn: Layers, signals: Signals, wanted: string, kinds: Int32Array): ShownUnits {
  const { kind, hiddenSize, numLayers } = rnn
  const signal = wanted in signals ? wanted : 'h'
  const order = orderOf(signals.h, kinds, hiddenSize)
  const values = new Float32Array(hiddenSize * kinds.length)
  order.forEach(({ unit }, row) => {
    for (let i = 0; i < kinds.length; i++) values[row * kinds.length + i] = signals[signal][i * hiddenSize + unit]
  })
  return {
    ...{ layers: { kind, hiddenSize, numLayers }, signals: Object.keys(signals), signal, values },
    rows: order.map(({ unit, kind }) => ({ unit, step: kinds.indexOf(kind) })),
    // Gates are between 0 and 1, and the state c has no bound.
    scale: signal === 'c' ? largest(values) : 1,
  }
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

function weightsOf({ model }: Loaded, layer: number, gate: number): ShownWeights {
  const { hiddenSize } = model.rnn
  const { data } = model.stateDict()[`rnn.weight_hh_l${layer}`]
  const values = Float32Array.from(data.subarray(gate * hiddenSize ** 2, (gate + 1) * hiddenSize ** 2))
  return { values, scale: largest(values) }
}

/** The norms of layers that have learned nothing, which do not change while a model trains that reads the same. */
let last: { of: string; norms: Record<'rnn' | 'lstm', number[]> } | undefined

function compared(followed: Followed): Record<'rnn' | 'lstm', number[]> {
  const { rnn, inputs } = followed
  const of = `${rnn.inputSize} ${rnn.hiddenSize} ${inputs.map(({ data }) => data)}`
  if (last?.of !== of) {
    const { rnn, lstm } = newLayers(followed)
    last = { of, norms: { rnn: gradientNorms(rnn), lstm: gradientNorms(lstm) } }
  }
  return last.norms
}
