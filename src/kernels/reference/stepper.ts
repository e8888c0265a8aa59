import type { FloatArray, Kernels, RecurrentOutput, Stack, Stepper } from '../../device/device.js'

/** A stack token by token, from the operations on whole sequences: each is asked for one step. */
export class ReferenceStepper implements Stepper {
  readonly #states: Pick<RecurrentOutput, 'hn' | 'cn'>[] = []

  constructor(
    readonly kernels: Pick<Kernels, 'Float' | 'recurrent' | 'matmul'>,
    readonly stack: Stack,
    readonly batchSize: number,
  ) {}

  step(tokens: Int32Array): FloatArray {
    const { kernels, stack, batchSize } = this
    let input: FloatArray | Int32Array = tokens
    for (const [i, { weights, ...layer }] of stack.layers.entries()) {
      const { hn: h0, cn: c0 } = this.#states[i] ?? {}
      const sizes = { ...layer, numSteps: 1, batchSize, reverse: false }
      const { result } = kernels.recurrent(sizes, weights, { input, h0, c0 }, false)
      this.#states[i] = result
      input = result.output
    }
    const { weight, bias, outFeatures: n } = stack
    const scores = new kernels.Float(batchSize * n)
    kernels.matmul(input as FloatArray, weight, scores, { m: batchSize, n, k: weight.length / n, transposeB: true })
    if (bias) for (let i = 0; i < scores.length; i++) scores[i] += bias[i % n]
    return scores
  }

  select(rows: Int32Array): void {
    this.stack.layers.forEach(({ hiddenSize }, i) => {
      // Before the first step all are zeros.
      if (!this.#states[i]) return
      const { hn, cn } = this.#states[i]
      const selected = (state: FloatArray) => {
        const result = new this.kernels.Float(state.length)
        rows.forEach((row, to) => {
          result.set(state.subarray(row * hiddenSize, (row + 1) * hiddenSize), to * hiddenSize)
        })
        return result
      }
      this.#states[i] = { hn: selected(hn), cn: cn && selected(cn) }
    })
  }

  free(): void {}
}
