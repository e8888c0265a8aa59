import type { RandomKey } from '../core/counter-random.js'
import type { CellKind, LayerKind, MinimalKind } from './cells.js'
import type { Update } from './update.js'

/** Floats in main memory: float32, or float64 under the reference kernels in double precision. */
export type FloatArray = Float32Array | Float64Array

/**
 * Numbers on a device. Only the device that made a storage looks inside; on the CPU it is an array in main memory, or
 * `Resident`. A storage is garbage-collected: nobody has to free it, but `Device.free` may.
 */
export interface Storage {
  readonly length: number
}

/** Numbers that kernels on the CPU keep in their own memory, in every layout that they need, until somebody wants the array. */
export interface Resident extends Storage {
  /** The numbers as an array, which is where they are from then on. */
  readonly array: FloatArray
  /** A copy of the numbers, which stay where they are. */
  copy(): FloatArray
}

/** How values are arranged in a storage: the index of the first one, and the stride of each axis. */
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

/** One recurrent layer in one direction over whole sequences. */
export interface RecurrentSizes {
  cell: CellKind
  numSteps: number
  batchSize: number
  inputSize: number
  hiddenSize: number
  /** Walk from the last time step to the first. */
  reverse: boolean
  /**
   * The time steps of each sequence, from 1 to numSteps; all of them if absent. What comes after them is not read, is 0 in
   * the output and in the gradient of the input, and costs no work. The last state of a sequence is that of its last step.
   */
  lengths?: Int32Array
}

/** The same of any cell. */
export type LayerSizes = Omit<RecurrentSizes, 'cell'> & { cell: LayerKind }

/** One layer in one direction whose gates depend on the input alone, through time. */
export interface MinimalSizes {
  cell: MinimalKind
  numSteps: number
  batchSize: number
  hiddenSize: number
  /** Walk from the last time step to the first. */
  reverse: boolean
}

/** What such a walk works on. */
export interface MinimalWalk<S = FloatArray> {
  /** What the input adds to the gates, [numSteps, batchSize, gates × hiddenSize]. */
  sums: S
  /** [batchSize, hiddenSize]; zeros if absent. */
  h0?: S
  /** h at every step, [numSteps, batchSize, hiddenSize]. */
  h: S
}

/**
 * The parameters of one cell, or of one layer and direction. PyTorch's biases are either both present or both absent. With
 * layer normalization (Ba, Kiros & Hinton 2016, supplement) there are gains, too: what the input adds to the gates is
 * LN(W_ih x) gainIh + biasIh, with LN(x) = (x − mean) / √(variance + 10⁻⁵) over each group of gates (`cells`), and the same
 * holds for the hidden state; an LSTM's h = o tanh(LN(c) gainC + biasC), while c itself goes to the next step.
 */
export interface CellWeights<S> {
  /** [gates × hiddenSize, inputSize] */
  weightIh: S
  /** [gates × hiddenSize, hiddenSize] */
  weightHh: S
  /** [gates × hiddenSize] */
  biasIh?: S
  biasHh?: S
  /** [gates × hiddenSize] */
  gainIh?: S
  gainHh?: S
  /** [hiddenSize], only for cells that have a state c. */
  gainC?: S
  biasC?: S
  /**
   * An LSTM's peepholes (Gers, Schraudolph & Schmidhuber 2002), [3 × hiddenSize]: what c' adds to the sums of i and f, and
   * what c adds to that of o, each unit by itself. Not together with layer normalization.
   */
  weightCh?: S
}

/** The parameters of one layer and direction, and of a linear output. */
export interface RecurrentWeights<S = FloatArray> extends CellWeights<S> {
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

/** The input of a layer, and the state before its first step. */
export interface RecurrentInput<S = FloatArray> {
  /** [numSteps, batchSize, inputSize], or tokens [numSteps, batchSize], which stand for one-hot rows. */
  input: S | Int32Array
  /** [batchSize, hiddenSize]; zeros if absent. */
  h0?: S
  /** Only for cells that have a state c; zeros if absent. */
  c0?: S
}

/** The output of a layer for a sequence. */
export interface RecurrentOutput<S = FloatArray> {
  /** h at every step, [numSteps, batchSize, hiddenSize]; with a head its scores, [numSteps, batchSize, outFeatures] */
  output: S
  /** [batchSize, hiddenSize] */
  hn: S
  /** Only for cells that have a state c. */
  cn?: S
}

/** Gradients of the outputs; absent means zero. */
export interface RecurrentOutputGrads<S = FloatArray> {
  output?: S
  hn?: S
  cn?: S
}

/** The gradients of all inputs and weights of a pass over a layer. */
export interface RecurrentGrads<S = FloatArray> extends CellWeights<S> {
  /** Only if there is a head and its scores have a gradient. */
  head?: OutputWeights<S>
  /** Only if requested, and never for tokens. */
  input?: S
  h0?: S
  c0?: S
}

/** The values that a forward pass keeps for one backward pass. */
export interface RecurrentTape<S = FloatArray> {
  /** Computes all gradients from those of the outputs. @param wanted the gradients requested besides the weights' */
  backward(grads: RecurrentOutputGrads<S>, wanted: { input: boolean; state: boolean }): RecurrentGrads<S>
}

/** A language model: it takes tokens and has stacked recurrent layers in one direction and a linear output. */
export interface Stack<S = FloatArray> {
  layers: readonly { cell: CellKind; inputSize: number; hiddenSize: number; weights: RecurrentWeights<S> }[]
  /** [outFeatures, hiddenSize of the last layer] */
  weight: S
  /** [outFeatures] */
  bias?: S
  outFeatures: number
}

/** The state of one sequence: h, and c for cells that have it, [hiddenSize] each, for each layer. */
export type StepState = readonly unknown[]

/** A stack that runs token by token, beginning with states of zero, with the weights as they were when it was made. */
export interface Stepper {
  /**
   * Takes a token for each sequence and returns the scores of the next one, [count, outFeatures]: directly on the
   * CPU, and as a promise on a device that they must be read from. `await` handles both.
   * @param tokens [batchSize]
   * @param count the number of sequences that advance: the first ones; default batchSize
   */
  step(tokens: Int32Array, count?: number): FloatArray | Promise<FloatArray>
  /** Copies states between sequences: sequence i continues from the state of sequence rows[i]; rows is [batchSize]. */
  select(rows: Int32Array): void
  /** Returns a copy of the state of one sequence, for `setState` of any stepper of the same stack. */
  stateOf(row: number): StepState
  /** Sets the state of one sequence; undefined sets it to zeros. */
  setState(row: number, state: StepState | undefined): void
  /** Frees its memory. */
  free(): void
}

/**
 * All arithmetic on tensors, on whatever device their values are: no other code loops over them. Operations are started
 * and not awaited; `read` is the only way to get values off a device. `x`, `a`, `b` and `dy` are read; `y`, `dx` and
 * the other gradients are written. Implementations check nothing: shapes are checked earlier, where an error can name
 * the user's function. No argument may alias another unless the operation is elementwise.
 */
export interface Device<S extends Storage = Storage> {
  readonly kind: 'cpu' | 'webgpu' | 'test'
  /** A name to show to people: on the CPU that of the kernels, such as `wasm-relaxed-simd`. */
  readonly name: string
  /** Why `tryGpu` chose this device. */
  reason?: string
  /** How many training steps run before their losses and norms are read together: 1 if reading costs nothing. */
  readonly readEvery: number

  /** Whether a storage belongs to this device. */
  owns(x: Storage): x is S
  /** `length` zeros. @throws OptionError if memory does not suffice; `where` is the function that the user called */
  zeros(length: number, where?: string): S
  /** A storage with these values. */
  from(values: ArrayLike<number>): S
  /** Overwrites all values. */
  write(values: ArrayLike<number>, y: S): void
  /** The same values where the device keeps those that live long, such as parameters; or `x` itself. */
  keep(x: Storage): Storage
  /** Room for values that are soon used up; whoever uses them last should free it. It holds whatever was there. */
  temporary(length: number): Storage
  /** Frees a storage that nobody uses any more, before the garbage collector finds it. */
  free(x: S): void
  /** A copy of the values after all operations started so far: floats, or an Int32Array of places. */
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
  /** places[outer, inner] = the first place of the largest value, or of a NaN, along the middle axis of x[outer, length, inner] */
  argmax(x: S, outer: number, length: number, inner: number): S | Int32Array
  /** y[outer, inner] = x[outer, places[outer, inner], inner] */
  pick(x: S, places: S | Int32Array, y: S, outer: number, length: number, inner: number): void
  /** The gradient of `pick`: writes dy to those places of dx and leaves other values as they are. */
  put(dy: S, places: S | Int32Array, dx: S, outer: number, length: number, inner: number): void

  /** y[m, n] = op(a) · op(b) */
  matmul(a: S, b: S, y: S, sizes: MatmulSizes): void

  /** y[outer, inner] = Σ over the middle axis of x[outer, length, inner] */
  sumAxis(x: S, y: S, outer: number, length: number, inner: number): void
  /** y[0] = scale · Σ x², summed in double precision if the device has it. */
  sumSquares(x: S, scale: number, y: S): void

  /** y[rows, columns] = softmax of each row of x */
  softmax(x: S, y: S, rows: number, columns: number): void
  /** dx = y (dy − Σ y dy) in each row, where y is the softmax. */
  softmaxGrad(y: S, dy: S, dx: S, rows: number, columns: number): void
  /** y[rows, columns] = logarithm of the softmax of each row of x */
  logSoftmax(x: S, y: S, rows: number, columns: number): void
  /** dx = dy − e^y Σ dy in each row, where y is the logarithm of the softmax. */
  logSoftmaxGrad(y: S, dy: S, dx: S, rows: number, columns: number): void
  /** Per row y = x̂ · gain + bias, x̂ = (x − mean) · scale, scale = 1 / √(variance + eps). `kept` gets x̂ and scale. */
  layerNorm(x: S, gain: S, bias: S | undefined, kept: Normalized<S>, y: S, eps: number): void
  /** With g = dy · gain: dx = (g − mean(g) − x̂ mean(g x̂)) · scale; dgain = Σ dy x̂ and dbias = Σ dy over the rows. */
  layerNormGrad(dy: S, gain: S, kept: Normalized<S>, dx: S, dgain: S, dbias: S): void

  /**
   * y = random multiples of 2⁻²⁴ in [0, 1). They are counter-based: value i depends on the key and on i alone, so that
   * every device gives the same bits on any number of threads (core/counter-random.ts).
   */
  uniform(key: RandomKey, y: S): void
  /** y = `value` where the uniform number is at least p, and 0 elsewhere. */
  mask(key: RandomKey, p: number, value: number, y: S): void

  /** The operations that only training and evaluation need. Absent on the CPU, where `learningOf` provides them. */
  readonly learning?: Learning<S>

  /** Layers whose gates depend on the input alone. Absent on the CPU, where `minimalOf` provides them. */
  readonly minimal?: Minimal<S>

  /** Runs one layer in one direction. With `keep` it returns the tape for the backward pass. */
  recurrent(
    sizes: RecurrentSizes,
    weights: RecurrentWeights<S>,
    input: RecurrentInput<S>,
    keep: boolean,
  ): { result: RecurrentOutput<S>; tape?: RecurrentTape<S> }

  /** Prepares a stack for `batchSize` sequences side by side. */
  stepper(stack: Stack<S>, batchSize: number): Stepper
}

/** An operation that runs a layer of any cell: see `Device.recurrent`. */
export type RunLayer = (
  sizes: LayerSizes,
  weights: RecurrentWeights<Storage>,
  input: RecurrentInput<Storage>,
  keep: boolean,
) => { result: RecurrentOutput<Storage>; tape?: RecurrentTape<Storage> }

/** Layers whose gates depend on the input alone, kept separate so that a page without them does not load them. */
export interface Minimal<S extends Storage = Storage> {
  /** Writes `h`, by the equations in nn/minimal.ts. */
  forward(sizes: MinimalSizes, walk: MinimalWalk<S>): void
  /** From the gradient of h at every step: those of the sums and of h0, if that is wanted. */
  backward(sizes: MinimalSizes, walk: MinimalWalk<S>, dh: S, dsums: S, dh0: S | undefined): void
}

/** The operations that only training and evaluation need, kept separate so that a page that runs saved models does not load them. */
export interface Learning<S extends Storage = Storage> {
  /**
   * loss[0] = mean over the rows of −log softmax(logits[row])[targets[row]], and its gradient with respect to the
   * logits, (softmax − one-hot) / rows, in `grad` if that is given.
   */
  crossEntropy(logits: S, targets: Int32Array, loss: S, grad: S | undefined, rows: number, columns: number): void
  /** norm[0] = √Σ x² over all values of all storages; if it is above `most`, they are all scaled by most / norm. */
  clipNorm(xs: readonly S[], most: number, norm: S): void
  /** One step of an optimizer on all of these parameters. */
  update(updates: readonly ParameterUpdate<S>[]): void
  /**
   * Three sums over the rows, from which a model's best temperature is found: the sum of log Σⱼ exp(β zⱼ) − β z_y, that
   * of its slope E[z] − z_y, and that of its curvature Var[z], with E and Var under softmax(β z).
   */
  temperature(logits: S, targets: Int32Array, beta: number, rows: number, columns: number): S
}

/** One step of an optimizer on one parameter; `buffers` are the optimizer's values for it, by name. */
export interface ParameterUpdate<S> {
  rule: Update
  parameter: S
  grad: S
  buffers: Readonly<Record<string, S>>
}

/** The values that layer normalization keeps for its gradient: x̂ [rows, columns] and 1 / √(variance + eps) [rows]. */
export interface Normalized<S> {
  values: S
  scales: S
}

/** A device whose storages are arrays in main memory, which all sets of kernels can share, and residents, which they cannot. */
export interface Kernels extends Device<FloatArray> {
  readonly kind: 'cpu'
  /** The number of threads that compute recurrent layers. */
  readonly threads: number
  /** The kind of array that tensors have under these kernels. */
  readonly Float: Float32ArrayConstructor | Float64ArrayConstructor
  /** Bytes of memory that the kernels hold; constant during a training. */
  memoryBytes(): number
}
