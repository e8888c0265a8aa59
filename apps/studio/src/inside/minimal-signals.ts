const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))

/**
 * The state and the gates of a layer whose gates depend on the input alone, at each token; g is the candidate.
 * @param sums W·x + b of all gates, [token, gates × unit]
 */
export function minimalSignals(
  kind: 'mingru' | 'minlstm',
  sums: ArrayLike<number>,
  hiddenSize: number,
): Record<string, Float32Array> {
  const names = kind === 'mingru' ? ['z', 'g'] : ['f', 'i', 'g']
  const width = names.length * hiddenSize
  const steps = sums.length / width
  const signals = Object.fromEntries(['h', ...names].map((name) => [name, new Float32Array(steps * hiddenSize)]))
  for (let t = 0; t < steps; t++) {
    for (let unit = 0; unit < hiddenSize; unit++) {
      const at = t * hiddenSize + unit
      const sum = (gate: number) => sums[t * width + gate * hiddenSize + unit]
      const values = names.map((_, gate) => sigmoid(sum(gate)))
      const candidate = names.length - 1
      if (sum(candidate) >= 0) values[candidate] = sum(candidate) + 0.5
      const z = kind === 'mingru' ? values[0] : values[1] / (values[0] + values[1])
      const before = t === 0 ? 0 : signals.h[at - hiddenSize]
      signals.h[at] = (1 - z) * before + z * values[candidate]
      names.forEach((name, gate) => {
        signals[name][at] = values[gate]
      })
    }
  }
  return signals
}
