import { fromData, GRU, type LoadedModel, LSTM, noGrad, RNN, type Tensor } from 'unrolled/browser'
import { preparedText } from '../prepared'
import { minimalSignals } from './minimal-signals'

/** The recurrent layers of a model. */
export type Layers = LoadedModel['model']['rnn']

/** What a layer of a model holds while it reads, [step, unit], by its name: the state h, c, and the gates. */
export type Signals = Readonly<Record<string, Float32Array>>

/** A text as a model reads it. */
export interface Reading {
  tokens: readonly string[]
  hiddenSize: number
  /** From the first layer to the last. */
  layers: readonly Signals[]
  /** The probabilities of the tokens after each token, [token, vocabSize]. */
  probabilities: Float32Array
}

/** Tokens, or steps of a series, that are shown: what fits on a screen. */
export const MOST_STEPS = 240

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))

/** The tokens of a text that the model knows, prepared as its own text was. */
export const knownTokens = (loaded: LoadedModel, text: string): string[] =>
  loaded.vocab
    .split(preparedText(loaded, text))
    .filter((token) => loaded.vocab.has(token))
    .slice(0, MOST_STEPS)

/** Lets a model read tokens, and returns what its units hold at each. */
export function readTokens({ model, vocab }: LoadedModel, tokens: readonly string[]): Reading {
  const { hiddenSize } = model.rnn
  return noGrad(() => {
    const read = fromData(vocab.encode(tokens), [tokens.length, 1])
    const layers = readLayers(model.rnn, model.embedding ? model.embedding.forward(read) : read)
    const scores = model.linear.forward(fromData(layers.at(-1)!.h, [tokens.length, hiddenSize]))
    return { tokens, hiddenSize, layers, probabilities: Float32Array.from(scores.softmax().data) }
  })
}

/** What layers hold while they read tokens [step, 1], or features [step, 1, inputSize]; from the first layer to the last. */
export function readLayers(rnn: Layers, input: Tensor): Signals[] {
  return rnn.inEval(() =>
    noGrad(() => {
      const layers: Signals[] = []
      let read = input
      for (let layer = 0; layer < rnn.numLayers; layer++) {
        const signals = signalsOf(rnn, layer, read)
        layers.push(signals)
        read = fromData(signals.h, [input.shape[0], 1, rnn.hiddenSize])
      }
      return layers
    }),
  )
}

/**
 * The state and the gates of a layer at each step. The library computes the states; once they are known, all sums
 * W·x + b and W·h + b are two products, and the gates are the equations of the cell.
 */
function signalsOf(rnn: Layers, layer: number, input: Tensor): Signals {
  const parameter = (name: string) => (rnn as unknown as Record<string, Tensor | undefined>)[`${name}_l${layer}`]
  const ih = parameter('weight_ih')!
  const [steps, H] = [input.shape[0], rnn.hiddenSize]
  const width = ih.shape[0]
  // Tokens pick columns of W_ih.
  const fromInput = input.dtype === 'int32' ? ih.T.gatherRows(input.reshape(-1)) : input.reshape(steps, -1).matmul(ih.T)
  const xs = withBias(fromInput, parameter('bias_ih'))
  if (rnn.kind === 'mingru' || rnn.kind === 'minlstm') return minimalSignals(rnn.kind, xs, H)
  const h = Float32Array.from(layerOf(rnn, layer).forward(input).output.data)
  if (width === H) return { h }
  const before = new Float32Array(steps * H)
  before.set(h.subarray(0, (steps - 1) * H), H)
  const hhT = parameter('weight_hh')!.T
  const sums = (states: Float32Array) => withBias(fromData(states, [steps, H]).matmul(hhT), parameter('bias_hh'))
  const hs = sums(before)
  /** A gate at each place, of its sums W·x + b and W·h + b. */
  const gate = (block: number, value: (x: number, s: number, at: number) => number, s = hs) =>
    Float32Array.from({ length: steps * H }, (_, at) => {
      const i = Math.floor(at / H) * width + block * H + (at % H)
      return value(xs[i], s[i], at)
    })
  const gated = (x: number, s: number) => sigmoid(x + s)
  if (rnn instanceof GRU) {
    const [r, z] = [gate(0, gated), gate(1, gated)]
    const n = rnn.resetAfter
      ? gate(2, (x, s, at) => Math.tanh(x + r[at] * s))
      : gate(2, (x, s) => Math.tanh(x + s), sums(before.map((value, at) => r[at] * value)))
    return { h, r, z, n }
  }
  const [i, f, o] = [0, 1, 3].map((block) => gate(block, gated))
  const g = gate(2, (x, s) => Math.tanh(x + s))
  const c = new Float32Array(steps * H)
  for (let at = 0; at < c.length; at++) c[at] = (at < H ? 0 : f[at] * c[at - H]) + i[at] * g[at]
  return { h, c, i, f, g, o }
}

/** One layer of a stack, by itself. */
function layerOf(rnn: Layers, layer: number): RNN | GRU | LSTM {
  const inputSize = layer === 0 ? rnn.inputSize : rnn.hiddenSize
  const { hiddenSize, bias } = rnn
  const sizes = { inputSize, hiddenSize, bias }
  const one =
    rnn instanceof GRU
      ? new GRU({ ...sizes, resetAfter: rnn.resetAfter })
      : rnn instanceof RNN
        ? new RNN({ ...sizes, nonlinearity: rnn.nonlinearity })
        : new LSTM(sizes)
  const own = Object.entries(rnn.stateDict()).filter(([name]) => name.endsWith(`_l${layer}`))
  one.loadStateDict(Object.fromEntries(own.map(([name, values]) => [name.replace(/\d+$/, '0'), values])))
  return one
}

const withBias = (sums: Tensor, bias: Tensor | undefined) => (bias ? sums.add(bias) : sums).data

/**
 * Units with the kind of steps that each reacts to most, such as a token of a text: the one at which its mean differs most from
 * its mean over all steps, in standard errors. Sorted by kind, and among those of a kind by strength.
 * @param h the states, [step, unit]
 * @param kinds of the steps, as numbers
 */
export function orderOf(h: Float32Array, kinds: Int32Array, hiddenSize: number): { unit: number; kind: number }[] {
  const counts = new Map<number, number>()
  for (const kind of kinds) counts.set(kind, (counts.get(kind) ?? 0) + 1)
  const found = Array.from({ length: hiddenSize }, (_, unit) => {
    const sums = new Map<number, number>()
    let mean = 0
    kinds.forEach((kind, t) => {
      const value = h[t * hiddenSize + unit]
      mean += value / kinds.length
      sums.set(kind, (sums.get(kind) ?? 0) + value)
    })
    let best = { kind: kinds[0] ?? 0, strength: -1 }
    for (const [kind, sum] of sums) {
      const n = counts.get(kind)!
      const strength = Math.abs(sum / n - mean) * Math.sqrt(n)
      if (strength > best.strength) best = { kind, strength }
    }
    return { unit, ...best }
  })
  return found.sort((a, b) => a.kind - b.kind || b.strength - a.strength)
}
