import { hasC } from '../../device/cells.js'
import type {
  CellWeights,
  FloatArray,
  Kernels,
  RecurrentOutput,
  Stack,
  Stepper,
  StepState,
} from '../../device/device.js'

type LayerState = Pick<RecurrentOutput, 'hn' | 'cn'>

const partsOf = ({ hn, cn }: LayerState): FloatArray[] => (cn ? [hn, cn] : [hn])

/** The weights as they are now. */
const copied = (weights: CellWeights<FloatArray>): CellWeights<FloatArray> => {
  const copies = Object.entries(weights).map(([name, values]) => [name, values?.slice()])
  return Object.fromEntries(copies) as unknown as CellWeights<FloatArray>
}

/** A stack token by token, from the operations on whole sequences: each is asked for one step. */
export class ReferenceStepper implements Stepper {
  readonly #states: LayerState[] = []
  readonly stack: Stack

  constructor(
    readonly kernels: Pick<Kernels, 'Float' | 'recurrent' | 'matmul'>,
    stack: Stack,
    readonly batchSize: number,
  ) {
    this.stack = {
      ...stack,
      layers: stack.layers.map((layer) => ({ ...layer, weights: copied(layer.weights) })),
      weight: stack.weight.slice(),
      bias: stack.bias?.slice(),
    }
  }

  step(tokens: Int32Array, count = this.batchSize): FloatArray {
    const { kernels, stack } = this
    let input: FloatArray | Int32Array = tokens.subarray(0, count)
    for (const [i, { weights, ...layer }] of stack.layers.entries()) {
      const { hn, cn } = this.#stateOf(i)
      const first = (values: FloatArray | undefined) => values?.subarray(0, count * layer.hiddenSize)
      const sizes = { ...layer, numSteps: 1, batchSize: count, reverse: false }
      const { result } = kernels.recurrent(sizes, weights, { input, h0: first(hn), c0: first(cn) }, false)
      hn.set(result.hn)
      if (cn) cn.set(result.cn!)
      input = result.output
    }
    const { weight, bias, outFeatures: n } = stack
    const scores = new kernels.Float(count * n)
    kernels.matmul(input as FloatArray, weight, scores, { m: count, n, k: weight.length / n, transposeB: true })
    if (bias) for (let i = 0; i < scores.length; i++) scores[i] += bias[i % n]
    return scores
  }

  select(rows: Int32Array): void {
    for (const [i, { hiddenSize }] of this.stack.layers.entries()) {
      for (const values of partsOf(this.#stateOf(i))) {
        const before = values.slice()
        rows.forEach((row, to) => {
          values.set(before.subarray(row * hiddenSize, (row + 1) * hiddenSize), to * hiddenSize)
        })
      }
    }
  }

  stateOf(row: number): FloatArray[] {
    return this.stack.layers.flatMap(({ hiddenSize }, i) =>
      partsOf(this.#stateOf(i)).map((values) => values.slice(row * hiddenSize, (row + 1) * hiddenSize)),
    )
  }

  setState(row: number, state: StepState | undefined): void {
    let part = 0
    for (const [i, { hiddenSize }] of this.stack.layers.entries()) {
      for (const values of partsOf(this.#stateOf(i))) {
        if (state) values.set(state[part++] as FloatArray, row * hiddenSize)
        else values.fill(0, row * hiddenSize, (row + 1) * hiddenSize)
      }
    }
  }

  #stateOf(layer: number): LayerState {
    const { cell, hiddenSize } = this.stack.layers[layer]
    const zeros = () => new this.kernels.Float(this.batchSize * hiddenSize)
    this.#states[layer] ??= { hn: zeros(), cn: hasC(cell) ? zeros() : undefined }
    return this.#states[layer]
  }

  free(): void {}
}
