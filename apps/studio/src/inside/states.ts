import { fromData, GRU, noGrad, RNN, type Tensor } from 'unrolled/browser'
import type { Current } from '../current'
import { minimalSignals } from './minimal-signals'

/** What a layer of a model holds while it reads a text, [token, unit], by its name: the state h, c, and the gates. */
export type Signals = Readonly<Record<string, Float32Array>>

/** A text as a model reads it. */
export interface Reading {
  tokens: readonly string[]
  hiddenSize: number
  /** From the first layer to the last. */
  layers: readonly Signals[]
  /** The probabilities of the tokens after each token, [token, vocabSize]. */
  probabilities: Float32Array
  /** Units of each layer, those that react to the same token next to each other. */
  order: readonly { unit: number; reactsTo: string }[][]
}

/** Tokens that are read: what fits on a screen. */
const MOST_TOKENS = 240

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))

/** Lets a model read a text, and returns what its units hold at each token. */
export function readText({ model, vocab }: Current, text: string): Reading {
  const tokens = vocab
    .split(text)
    .filter((token) => vocab.has(token))
    .slice(0, MOST_TOKENS)
  const { rnn } = model
  const { hiddenSize, numLayers } = rnn
  const numbers = vocab.encode(tokens)
  return model.inEval(() =>
    noGrad(() => {
      const layers: Signals[] = []
      let input: Tensor = fromData(numbers, [tokens.length, 1])
      if (model.embedding) input = model.embedding.forward(input)
      for (let layer = 0; layer < numLayers; layer++) {
        const signals = signalsOf(model, layer, input)
        layers.push(signals)
        input = fromData(signals.h, [tokens.length, 1, hiddenSize])
      }
      const scores = model.linear.forward(input.reshape(-1, hiddenSize))
      const probabilities = Float32Array.from(scores.softmax().data)
      const order = layers.map(({ h }) =>
        orderOf(h, numbers, hiddenSize).map(([unit, token]) => ({ unit, reactsTo: vocab.tokenOf(token) })),
      )
      return { tokens, hiddenSize, layers, probabilities, order }
    }),
  )
}

/**
 * The state and the gates of a layer at each token, by the equations of the cell. The states before each step are known
 * once h is, so all sums W·x + b and W·h + b are two products.
 */
function signalsOf({ rnn }: Current['model'], layer: number, input: Tensor): Signals {
  const parameter = (name: string) => (rnn as unknown as Record<string, Tensor | undefined>)[`${name}_l${layer}`]
  const ih = parameter('weight_ih')!
  const steps = input.shape[0]
  const H = rnn.hiddenSize
  const blocks = ih.shape[0] / H
  // Tokens pick columns of W_ih.
  const fromInput = input.dtype === 'int32' ? ih.T.gatherRows(input.reshape(-1)) : input.reshape(steps, -1).matmul(ih.T)
  const xs = withBias(fromInput, parameter('bias_ih'))
  if (rnn.kind === 'mingru' || rnn.kind === 'minlstm') return minimalSignals(rnn.kind, xs, H)
  const hh = parameter('weight_hh')!
  const names = { 1: ['h'], 3: ['r', 'z', 'n'], 4: ['i', 'f', 'g', 'o'] }[blocks]!
  const signals: Record<string, Float32Array> = Object.fromEntries(
    [...new Set(['h', ...(blocks === 4 ? ['c'] : []), ...(blocks === 1 ? [] : names)])].map((name) => [
      name,
      new Float32Array(steps * H),
    ]),
  )
  let h = new Float32Array(H)
  let c = new Float32Array(H)
  const act = rnn instanceof RNN && rnn.nonlinearity === 'relu' ? (x: number) => Math.max(0, x) : Math.tanh
  const resetBefore = rnn instanceof GRU && !rnn.resetAfter
  for (let t = 0; t < steps; t++) {
    const hs = withBias(fromData(h, [1, H]).matmul(hh.T), parameter('bias_hh'))
    if (resetBefore) {
      const reset = h.map((value, unit) => value * sigmoid(xs[t * blocks * H + unit] + hs[unit]))
      hs.set(withBias(fromData(reset, [1, H]).matmul(hh.T), parameter('bias_hh')).subarray(2 * H), 2 * H)
    }
    const [next, cell] = [new Float32Array(H), new Float32Array(H)]
    for (let unit = 0; unit < H; unit++) {
      const x = (gate: number) => xs[t * blocks * H + gate * H + unit]
      const s = (gate: number) => hs[gate * H + unit]
      const at = t * H + unit
      if (blocks === 1) next[unit] = act(x(0) + s(0))
      else if (blocks === 3) {
        const [r, z] = [sigmoid(x(0) + s(0)), sigmoid(x(1) + s(1))]
        const n = Math.tanh(x(2) + (resetBefore ? 1 : r) * s(2))
        next[unit] = (1 - z) * n + z * h[unit]
        Object.entries({ r, z, n }).forEach(([name, value]) => {
          signals[name][at] = value
        })
      } else {
        const [i, f, o] = [0, 1, 3].map((gate) => sigmoid(x(gate) + s(gate)))
        const g = Math.tanh(x(2) + s(2))
        cell[unit] = f * c[unit] + i * g
        next[unit] = o * Math.tanh(cell[unit])
        Object.entries({ i, f, g, o, c: cell[unit] }).forEach(([name, value]) => {
          signals[name][at] = value
        })
      }
      signals.h[at] = next[unit]
    }
    h = next
    c = cell
  }
  return signals
}

const withBias = (sums: Tensor, bias: Tensor | undefined) => (bias ? sums.add(bias) : sums).data

/**
 * Units with the token that each reacts to most: the one at which its mean differs most from its mean over the whole text,
 * in standard errors. Sorted by token, and among those of a token by strength.
 */
function orderOf(h: Float32Array, tokens: Int32Array, hiddenSize: number): [unit: number, token: number][] {
  const counts = new Map<number, number>()
  for (const token of tokens) counts.set(token, (counts.get(token) ?? 0) + 1)
  const found = Array.from({ length: hiddenSize }, (_, unit) => {
    const sums = new Map<number, number>()
    let mean = 0
    tokens.forEach((token, t) => {
      const value = h[t * hiddenSize + unit]
      mean += value / tokens.length
      sums.set(token, (sums.get(token) ?? 0) + value)
    })
    let best = { token: tokens[0] ?? 0, strength: -1 }
    for (const [token, sum] of sums) {
      const n = counts.get(token)!
      const strength = Math.abs(sum / n - mean) * Math.sqrt(n)
      if (strength > best.strength) best = { token, strength }
    }
    return { unit, ...best }
  })
  return found.sort((a, b) => a.token - b.token || b.strength - a.strength).map(({ unit, token }) => [unit, token])
}
