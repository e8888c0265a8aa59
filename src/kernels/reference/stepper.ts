import type { FloatArray, Kernels, RecurrentOutput, Stack, Stepper } from '../kernels.js'

/** A stack token by token, from the operations on whole sequences: each is asked for one step. */
export class ReferenceStepper implements Stepper {
  readonly #states: (RecurrentOutput | undefined)[] = []

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

  free(): void {}
}
