import type { RandomKey } from '../core/counter-random.js'
import type { CellKind } from './cells.js'
import type { Update } from './update.js'

/** Numbers in the memory of the program: float32 as a rule, float64 under the reference kernels in double precision. */
export type FloatArray = Float32Array | Float64Array

/**
 * Numbers on a device. Only the device that made them looks inside; on the CPU they are an array in the memory of the
 * program. They live as long as somebody refers to them: nobody frees them.
 */
export interface Storage {
  readonly length: number
}

/** How values lie in a storage: the place of the first, and for each axis the distance from one to the next. */
export interface View {
  offset: number
  strides: readonly number[]
}

/** Operations on each value. */
export type UnaryOp = 'exp' | 'log' | 'tanh' | 'sigmoid' | 'relu' | 'sqrt' | 'abs' | 'sign'

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
export interface RecurrentWeights<S = FloatArray> {
  /** [gates × hiddenSize, inputSize] */
  weightIh: S
  /** [gates × hiddenSize, hiddenSize] */
  weightHh: S
  /** [gates × hiddenSize] */
  biasIh?: S
  biasHh?: S
  /** A linear output on top, computed together with the layer. */
  head?: OutputWeights<S>
}

/** scores = h · weightᵀ + bias */
export interface OutputWeights<S = FloatArray> {
  /** [outFeatures, hiddenSize] */
  weight: S
  /** [outFeatures] */
  bias?: S
}

/** What a layer reads, and the state before its first step. */
export interface RecurrentInput<S = FloatArray> {
  /** [numSteps, batchSize, inputSize], or tokens [numSteps, batchSize], which stand for one-hot rows. */
  input: S | Int32Array
  /** [batchSize, hiddenSize]; zeros where absent. */
  h0?: S
  /** Of cells that have it. */
  c0?: S
}

/** What a layer makes of a sequence. */
export interface RecurrentOutput<S = FloatArray> {
  /** h at every step, [numSteps, batchSize, hiddenSize]; of a head, its scores, [numSteps, batchSize, outFeatures] */
  output: S
  /** [batchSize, hiddenSize] */
  hn: S
  /** Of cells that have it. */
  cn?: S
}

/** Gradients of the outputs; absent means zero. */
export interface RecurrentOutputGrads<S = FloatArray> {
  output?: S
  hn?: S
  cn?: S
}

/** Gradients of everything that went into a pass over a layer. */
export interface RecurrentGrads<S = FloatArray> {
  weightIh: S
  weightHh: S
  biasIh?: S
  biasHh?: S
  /** Only where there is a head, and a gradient of its scores. */
  head?: OutputWeights<S>
  /** Only where asked for, and never for tokens. */
  input?: S
  h0?: S
  c0?: S
}

/** What the forward pass kept: good for one backward pass. */
export interface RecurrentTape<S = FloatArray> {
  /** From the gradients of the outputs to all others. @param wanted those that are asked for beside the weights' */
  backward(grads: RecurrentOutputGrads<S>, wanted: { input: boolean; state: boolean }): RecurrentGrads<S>
}

/** A language model: tokens, recurrent layers in one direction on top of each other, and a linear output. */
export interface Stack<S = FloatArray> {
  layers: readonly { cell: CellKind; inputSize: number; hiddenSize: number; weights: RecurrentWeights<S> }[]
  /** [outFeatures, hiddenSize of the last layer] */
  weight: S
  /** [outFeatures] */
  bias?: S
  outFeatures: number
}

/** The state of one sequence: what each layer keeps, h and where the cell has it c, [hiddenSize] each. */
export type StepState = readonly unknown[]

/** A stack ready to run token by token, beginning with states of zero. Its weights are those of when it was made. */
export interface Stepper {
  /**
   * From a token for each sequence to the scores of the next, [count, outFeatures]: at once on the CPU, and as a
   * promise on a device that they have to be read from. `await` takes both.
   * @param tokens [batchSize]
   * @param count only the first so many sequences go on; default batchSize
   */
  step(tokens: Int32Array, count?: number): FloatArray | Promise<FloatArray>
  /** Copies states between sequences: sequence i goes on from the state of sequence rows[i], of [batchSize]. */
  select(rows: Int32Array): void
  /** A copy of the state of one sequence, for `setState` of any stepper of the same stack. */
  stateOf(row: number): StepState
  /** Gives one sequence a state, or zeros. */
  setState(row: number, state: StepState | undefined): void
  /** Gives its memory back. */
  free(): void
}

/**
 * Everything that tensors are computed with, wherever their values lie: nothing else loops over them. Operations are
 * asked for and not awaited; `read` is the only way off a device. `x`, `a`, `b` and `dy` are read, `y`, `dx` and the
 * other gradients are written. Implementations check nothing: shapes are checked where the user can be told about
 * them. No argument may alias another unless the operation is elementwise.
 */
export interface Device<S extends Storage = Storage> {
  readonly kind: 'cpu' | 'webgpu' | 'test'
  /** For people: on the CPU the name of the kernels, such as `wasm-relaxed-simd`. */
  readonly name: string
  /** Why `tryGpu` chose this device. */
  reason?: string
  /** So many steps of a training run before their losses and norms are read: 1 where reading costs nothing. */
  readonly readEvery: number

  /** Whether a storage is one of this device. */
  owns(x: Storage): x is S
  /** So many zeros. @throws OptionError where there is no memory for them; `where` is the function that the user called */
  zeros(length: number, where?: string): S
  /** A storage with these values. */
  from(values: ArrayLike<number>): S
  /** Overwrites all values. */
  write(values: ArrayLike<number>, y: S): void
  /** A copy of the values as they are after everything that was asked for before: floats, or an Int32Array of places. */
  read(x: S): Promise<FloatArray | Int32Array>

  /** y = op(x) */
  unary(op: UnaryOp, x: S, y: S): void
  /** y = op(a, b), all of one length */
  binary(op: BinaryOp, a: S, b: S, y: S): void
  /** y = scale · x + shift */
  affine(x: S, scale: number, shift: number, y: S): void
  /** y = factor · x, where the factor is the one value of a storage. */
  scale(x: S, factor: S, y: S): void
  /** y += alpha · x */
  addScaled(alpha: number, x: S, y: S): void
  /** y = x within [low, high]; NaN stays NaN. */
  clamp(x: S, low: number, high: number, y: S): void

  /** Copies values between two views with the lengths of `shape`. A stride of 0 repeats a value. */
  copy(x: S, from: View, y: S, to: View, shape: readonly number[]): void
  /** y[i] = row rows[i] of x[n, width] */
  gatherRows(x: S, rows: Int32Array, y: S, width: number): void
  /** Row rows[i] of dx[n, width] += dy[i], in the order of the rows. */
  scatterAddRows(dy: S, rows: Int32Array, dx: S, width: number): void
  /** places[outer, inner] = that of the largest value along the middle axis of x[outer, length, inner]; the first of equals. */
  argmax(x: S, outer: number, length: number, inner: number): S | Int32Array
  /** y[outer, inner] = x[outer, places[outer, inner], inner] */
  pick(x: S, places: S | Int32Array, y: S, outer: number, length: number, inner: number): void
  /** The gradient of `pick`: writes dy to those places of dx and leaves the others as they are. */
  put(dy: S, places: S | Int32Array, dx: S, outer: number, length: number, inner: number): void

  /** y[m, n] = op(a) · op(b) */
  matmul(a: S, b: S, y: S, sizes: MatmulSizes): void

  /** y[outer, inner] = Σ over the middle axis of x[outer, length, inner] */
  sumAxis(x: S, y: S, outer: number, length: number, inner: number): void
  /** y[0] = scale · Σ x², summed in double precision where the device has it. */
  sumSquares(x: S, scale: number, y: S): void
  /** norm[0] = √Σ x² over all values of all storages; where it is above `most`, they are scaled by most / norm. */
  clipNorm(xs: readonly S[], most: number, norm: S): void

  /** y[rows, columns] = softmax of each row of x */
  softmax(x: S, y: S, rows: number, columns: number): void
  /** dx = y (dy − Σ y dy) by rows, where y is the softmax. */
  softmaxGrad(y: S, dy: S, dx: S, rows: number, columns: number): void
  /** y[rows, columns] = logarithm of the softmax of each row of x */
  logSoftmax(x: S, y: S, rows: number, columns: number): void
  /** dx = dy − e^y Σ dy by rows, where y is the logarithm of the softmax. */
  logSoftmaxGrad(y: S, dy: S, dx: S, rows: number, columns: number): void
  /**
   * loss[0] = mean over the rows of −log softmax(logits[row])[targets[row]], and its gradient with respect to the
   * logits, (softmax − one-hot) / rows, in `grad`.
   */
  crossEntropy(logits: S, targets: Int32Array, loss: S, grad: S, rows: number, columns: number): void
  /** y = x̂ · gain + bias by rows, x̂ = (x − mean) · scale, scale = 1 / √(variance + eps); x̂ and scale [rows] are kept. */
  layerNorm(x: S, gain: S, bias: S | undefined, kept: Normalized<S>, y: S, eps: number): void
  /** With g = dy · gain: dx = (g − mean(g) − x̂ mean(g x̂)) · scale; dgain = Σ dy x̂ and dbias = Σ dy over the rows. */
  layerNormGrad(dy: S, gain: S, kept: Normalized<S>, dx: S, dgain: S, dbias: S): void

  /**
   * y = random multiples of 2⁻²⁴ in [0, 1). They are counter-based: value i depends on the key and on i alone, so that
   * every device makes the same bits on any number of threads (core/counter-random.ts).
   */
  uniform(key: RandomKey, y: S): void
  /** y = `value` where the uniform number is at least p, and otherwise 0. */
  mask(key: RandomKey, p: number, value: number, y: S): void

  /** What only training asks for. Absent on the CPU: `learningOf` has it. */
  readonly learning?: Learning<S>

  /** Runs one layer in one direction. `keep` asks for the tape of the backward pass. */
  recurrent(
    sizes: RecurrentSizes,
    weights: RecurrentWeights<S>,
    input: RecurrentInput<S>,
    keep: boolean,
  ): { result: RecurrentOutput<S>; tape?: RecurrentTape<S> }

  /** Makes a stack ready for `batchSize` sequences side by side. */
  stepper(stack: Stack<S>, batchSize: number): Stepper
}

/** What only training asks for: apart, so that a page that runs saved models does not carry it. */
export interface Learning<S extends Storage = Storage> {
  /** One step of an optimizer, on one parameter; `buffers` are what it keeps for it, by name. */
  update(rule: Update, parameter: S, grad: S, buffers: Readonly<Record<string, S>>): void
  /**
   * Three sums over the rows, from which the best temperature of a model is found: of log Σⱼ exp(β zⱼ) − β z_y, of its
   * slope E[z] − z_y and of its curvature Var[z] under softmax(β z).
   */
  temperature(logits: S, targets: Int32Array, beta: number, rows: number, columns: number): S
}

/** What layer normalization keeps for its gradient: x̂ [rows, columns] and 1 / √(variance + eps) [rows]. */
export interface Normalized<S> {
  values: S
  scales: S
}

/** A device whose storages are arrays in the memory of the program. All sets of kernels can take over their arrays. */
export interface Kernels extends Device<FloatArray> {
  readonly kind: 'cpu'
  /** Threads that recurrent layers are computed on. */
  readonly threads: number
  /** The kind of array that tensors have under these kernels. */
  readonly Float: Float32ArrayConstructor | Float64ArrayConstructor
  /** Bytes of memory that the kernels hold for themselves; flat over a training. */
  memoryBytes(): number
}
