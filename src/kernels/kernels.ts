import type { CellKind } from './cells.js'

/** Values of a tensor: float32 as a rule, float64 under the reference kernels in double precision. */
export type FloatArray = Float32Array | Float64Array

export type UnaryOp = 'exp' | 'log' | 'tanh' | 'sigmoid' | 'relu' | 'sqrt' | 'abs'

/** The `…Grad` operations take the output's gradient and the *output* of the forward operation. */
export type BinaryOp = 'add' | 'sub' | 'mul' | 'div' | 'tanhGrad' | 'sigmoidGrad' | 'reluGrad'

/** Sizes of y[m, n] = op(a) · op(b), where op(a) is [m, k] and op(b) is [k, n], all row-major. */
export interface MatmulSizes {
  m: number
  n: number
  k: number
  /** `a` is stored as [k, m]. */
  transposeA?: boolean
  /** `b` is stored as [n, k]. */
  transposeB?: boolean
}

/** One recurrent layer in one direction over a whole sequence. */
export interface RecurrentSizes {
  cell: CellKind
  numSteps: number
  batchSize: number
  inputSize: number
  hiddenSize: number
  /** Walk from the last time step to the first. */
  reverse: boolean
}

/** PyTorch's parameters of one layer and direction; the biases are both there or both absent. */
export interface RecurrentWeights {
  /** [gates × hiddenSize, inputSize] */
  weightIh: FloatArray
  /** [gates × hiddenSize, hiddenSize] */
  weightHh: FloatArray
  /** [gates × hiddenSize] */
  biasIh?: FloatArray
  biasHh?: FloatArray
  /** A linear output on top, computed together with the layer. */
  head?: Head
}

/** scores = h · weightᵀ + bias */
export interface Head {
  /** [outFeatures, hiddenSize] */
  weight: FloatArray
  /** [outFeatures] */
  bias?: FloatArray
}

export interface RecurrentInput {
  /** [numSteps, batchSize, inputSize], or tokens [numSteps, batchSize], which stand for one-hot rows. */
  input: FloatArray | Int32Array
  /** [batchSize, hiddenSize]; zeros where absent. */
  h0?: FloatArray
  /** Of cells that have it. */
  c0?: FloatArray
}

export interface RecurrentOutput {
  /** h at every step, [numSteps, batchSize, hiddenSize]; of a head, its scores, [numSteps, batchSize, outFeatures] */
  output: FloatArray
  /** [batchSize, hiddenSize] */
  hn: FloatArray
  /** Of cells that have it. */
  cn?: FloatArray
}

/** Gradients of the outputs; absent means zero. */
export interface RecurrentOutputGrads {
  output?: FloatArray
  hn?: FloatArray
  cn?: FloatArray
}

export interface RecurrentGrads {
  weightIh: FloatArray
  weightHh: FloatArray
  biasIh?: FloatArray
  biasHh?: FloatArray
  /** Only where there is a head, and a gradient of its scores. */
  head?: Head
  /** Only where asked for, and never for tokens. */
  input?: FloatArray
  h0?: FloatArray
  c0?: FloatArray
}

/** What the forward pass kept: good for one backward pass. */
export interface RecurrentTape {
  backward(grads: RecurrentOutputGrads, wanted: { input: boolean; state: boolean }): RecurrentGrads
}

/** A language model: tokens, recurrent layers in one direction on top of each other, and a linear output. */
export interface Stack {
  layers: readonly { cell: CellKind; inputSize: number; hiddenSize: number; weights: RecurrentWeights }[]
  /** [outFeatures, hiddenSize of the last layer] */
  weight: FloatArray
  /** [outFeatures] */
  bias?: FloatArray
  outFeatures: number
}

/** A stack ready to run token by token, beginning with states of zero. Its weights are those of when it was made. */
export interface Stepper {
  /** From a token for each sequence to the scores of the next, [batchSize, outFeatures]. */
  step(tokens: Int32Array): FloatArray
  /** Copies states between sequences: sequence i goes on from the state of sequence rows[i], of [batchSize]. */
  select(rows: Int32Array): void
  /** Gives its memory back. */
  free(): void
}

/**
 * The arithmetic under every tensor. Implementations check nothing: shapes are checked where the user
 * can be told about them. No argument may alias another unless the operation is elementwise.
 */
export interface Kernels {
  /** `reference`, `wasm-simd`, `wasm-relaxed-simd`, `blas-openblas` or `blas-accelerate`. */
  readonly name: string
  /** Threads that recurrent layers are computed on. */
  readonly threads: number
  /** The kind of array that tensors have under these kernels. */
  readonly Float: Float32ArrayConstructor | Float64ArrayConstructor
  /** Bytes of memory that the kernels hold for themselves; flat over a training. */
  memoryBytes(): number

  /** y = op(x) */
  unary(op: UnaryOp, x: FloatArray, y: FloatArray): void
  /** y = op(a, b), all of one length */
  binary(op: BinaryOp, a: FloatArray, b: FloatArray, y: FloatArray): void
  /** y = scale · x + shift */
  affine(x: FloatArray, scale: number, shift: number, y: FloatArray): void
  /** y += alpha · x */
  addScaled(alpha: number, x: FloatArray, y: FloatArray): void
  /** Σ x², summed in double precision. */
  sumSquares(x: FloatArray): number

  /** y[m, n] = op(a) · op(b) */
  matmul(a: FloatArray, b: FloatArray, y: FloatArray, sizes: MatmulSizes): void

  /** y[outer, inner] = Σ over the middle axis of x[outer, length, inner] */
  sumAxis(x: FloatArray, y: FloatArray, outer: number, length: number, inner: number): void
  /** y[rows, columns] = softmax of each row of x */
  softmax(x: FloatArray, y: FloatArray, rows: number, columns: number): void
  /** y[rows, columns] = logarithm of the softmax of each row of x */
  logSoftmax(x: FloatArray, y: FloatArray, rows: number, columns: number): void
  /**
   * Mean over the rows of −log softmax(logits[row])[targets[row]]. Writes its gradient with respect to
   * the logits, (softmax − one-hot) / rows, to `grad`.
   */
  crossEntropy(logits: FloatArray, targets: Int32Array, grad: FloatArray, rows: number, columns: number): number

  /** Runs one layer in one direction. `keep` asks for the tape of the backward pass. */
  recurrent(
    sizes: RecurrentSizes,
    weights: RecurrentWeights,
    input: RecurrentInput,
    keep: boolean,
  ): { result: RecurrentOutput; tape?: RecurrentTape }

  /** Makes a stack ready for `batchSize` sequences side by side. */
  stepper(stack: Stack, batchSize: number): Stepper
}
