/**
 * The description of a pass over one recurrent layer. src/kernels/wasm/plan.ts writes it.
 *
 * The batch is cut into parts of `rows` sequences, which go through all time steps without waiting for each other.
 * Whatever has a value for each time step is in panels whose rows are the steps, and in each step the sequences
 * of one part; parts lie one after another.
 */
import { bytes } from "./simd";

@unmanaged
export class Plan {
  /** Changes as long as somebody works: a dead thread is known by its silence. */
  beat: i32;
  /** A number of constants.ts. */
  cell: i32;
  /** Columns in a panel: PANEL, or 1 where the products come from the system's BLAS. */
  width: i32;
  /** Bytes from one panel of a sequence to the next. */
  panel: usize;
  /** Bytes from a state to the next: a step, or 0 where each takes the place of the one before. */
  stateStep: usize;
  steps: i32;
  reverse: i32;
  tokens: i32;
  batch: i32;
  rows: i32;
  /** Parts of the batch at work, and those of them that go through time side by side. */
  parts: i32;
  group: i32;
  inputSize: i32;
  hiddenSize: i32;
  /** inputSize and hiddenSize, padded. */
  features: i32;
  units: i32;
  /** Gate blocks, and the windows of them that the input (the first ones) and the hidden state fill. */
  blocks: i32;
  inputFirst: i32;
  inputBlocks: i32;
  hiddenFirst: i32;
  hiddenBlocks: i32;
  /** A linear output on top of the layer: its features, also padded; 0 where there is none. */
  outFeatures: i32;
  outputs: i32;
  /** Whether there is a state before the first step, or a gradient of it is wanted. */
  state: i32;
  /** Units whose weight gradients are one piece of work. */
  slice: i32;

  /** Row-major: the input (or tokens) and the output (h or scores) at all steps, and their gradients, 0 where unwanted. */
  x: usize;
  y: usize;
  dx: usize;
  dy: usize;
  /** In panels, at all time steps; the gates become their own gradients. */
  inputs: usize;
  gates: usize;
  h: usize;
  c: usize;
  /** In panels, at all time steps: the linear output or its gradient. */
  scores: usize;
  /** In panels, at one time step. */
  dh: usize;
  dc: usize;
  bias: usize;
  dbias: usize;
  outputBias: usize;
  dOutputBias: usize;
  /** Operands of the products forward and backward; for tokens, the first is a table. */
  inputWeights: usize;
  hiddenWeights: usize;
  inputWeightsBack: usize;
  hiddenWeightsBack: usize;
  outputWeights: usize;
  outputWeightsBack: usize;
  /** Weight gradients, in panels. */
  dInputWeights: usize;
  dHiddenWeights: usize;
  dOutputWeights: usize;
  /** Which of PyTorch's gates each block of both windows holds, 4 bits a block from the lowest. */
  inputGates: i32;
  hiddenGates: i32;
  /** The gradients as PyTorch has the parameters, row-major; 0 for biases that are absent. */
  inputGrad: usize;
  hiddenGrad: usize;
  outputGrad: usize;
  inputBiasGrad: usize;
  hiddenBiasGrad: usize;
  outputBiasGrad: usize;

  /** Layer normalization: `Norm`, or 0, of what the input adds to the gates, of what the hidden state adds, and of an LSTM's c. */
  inputNorm: usize;
  hiddenNorm: usize;
  cellNorm: usize;
  /** An LSTM's c after normalization, laid out like c; or c. */
  normalC: usize;
  biasC: usize;
  /** In panels, at one time step: the gradient of `normalC`; or dc. */
  dNormalC: usize;
  /** For each part, [parts, units]. */
  dbiasC: usize;
  zeros: usize;

  /** Bytes of one time step in a panel. */
  get step(): usize {
    return bytes(this.rows * this.width);
  }

  /** The time that step `s` reads. */
  timeOf(s: i32): i32 {
    return this.reverse ? this.steps - 1 - s : s;
  }

  /** Bytes of `columns` columns of a sequence. */
  span(columns: i32): usize {
    return <usize>(columns / this.width) * this.panel;
  }
}
