/** Rows of numbers, such as [step, feature]. */
export type Rows = number[][]
export type Parameters = Readonly<Record<string, readonly number[]>>

/** A layer in one direction for one sequence, in double precision, by formulas of its own. */
export type LayerFormulas = (
  parameters: Parameters,
  suffix: string,
  xs: Rows,
  h0: number[],
  reverse: boolean,
) => { hs: Rows; h: number[] }

/** W x for some rows of a matrix. */
export const product = (matrix: readonly number[], first: number, count: number, x: readonly number[]): number[] =>
  Array.from({ length: count }, (_, i) =>
    x.reduce((sum, value, k) => sum + matrix[(first + i) * x.length + k] * value, 0),
  )

/** The order in which a layer reads its steps. */
export const order = (steps: number, reverse: boolean): number[] =>
  Array.from({ length: steps }, (_, i) => (reverse ? steps - 1 - i : i))

/** The outputs and last states of two layers in two directions, flat: [steps, 2 × units] and [4, units]. */
function twoLayers(walk: LayerFormulas, parameters: Parameters, xs: Rows, h0s: Rows): number[] {
  const last: Rows = []
  let output = xs
  for (let layer = 0; layer < 2; layer++) {
    const [forward, backward] = ['', '_reverse'].map((end, d) =>
      walk(parameters, `l${layer}${end}`, output, h0s[layer * 2 + d], d === 1),
    )
    last.push(forward.h, backward.h)
    output = xs.map((_, t) => [...forward.hs[t], ...backward.hs[t]])
  }
  return [...output, ...last].flat()
}

export interface Expected {
  /** [steps, batch, 2 × units] and [4, batch, units], flat. */
  output: number[]
  state: number[]
  /** Central differences of Σ output² + Σ state by some values of each parameter, spread over it. */
  gradients: Record<string, [index: number, value: number][]>
}

/**
 * What formulas give for two layers in two directions.
 * @param values x [steps, batch, inputSize], h0 [4, batch, hiddenSize] and the parameters, flat
 */
export function byFormulas(
  walk: LayerFormulas,
  { steps, batch, inputSize, hiddenSize }: Record<'steps' | 'batch' | 'inputSize' | 'hiddenSize', number>,
  values: Record<string, number[]>,
): Expected {
  /** The part of a flat array with these axes that belongs to a place of the second axis. */
  const rowsOf = (flat: ArrayLike<number>, at: number, width: number): Rows =>
    Array.from({ length: flat.length / (batch * width) }, (_, first) =>
      Array.from({ length: width }, (_, k) => flat[(first * batch + at) * width + k]),
    )
  const run = () => {
    const { x, h0, ...parameters } = values
    const all = Array.from({ length: batch }, (_, b) =>
      twoLayers(walk, parameters, rowsOf(x, b, inputSize), rowsOf(h0, b, hiddenSize)),
    )
    const cut = (from: number, rows: number, width: number) =>
      Array.from({ length: rows }, (_, row) =>
        all.flatMap((one) => one.slice(from + row * width, from + (row + 1) * width)),
      ).flat()
    return { output: cut(0, steps, 2 * hiddenSize), state: cut(steps * 2 * hiddenSize, 4, hiddenSize) }
  }
  const loss = (): number => {
    const { output, state } = run()
    return output.reduce((sum, y) => sum + y * y, 0) + state.reduce((sum, y) => sum + y, 0)
  }
  const made: Expected = { ...run(), gradients: {} }
  for (const [name, own] of Object.entries(values)) {
    made.gradients[name] = []
    for (let i = 0; i < own.length; i += Math.ceil(own.length / 7)) {
      const value = own[i]
      const [above, below] = [1e-5, -1e-5].map((change) => {
        own[i] = value + change
        return loss()
      })
      own[i] = value
      made.gradients[name].push([i, (above - below) / 2e-5])
    }
  }
  return made
}
