/**
 * The description of a pass over one recurrent layer. src/kernels/wasm/plan.ts writes it.
 *
 * The batch is cut into parts of `rows` sequences, which go through all time steps without waiting for each other.
 * Whatever has a value for each time step is in panels whose rows are the steps, and in each step the sequences
 * of one part; parts lie one after another.
 *
 * Where sequences have lengths of their own, those of a part are sorted, the longest first: at each step the first ones are
 * at work, the rows of the others are padding, and the part ends with its first sequence. A group begins with its longest
 * part. Either direction begins with the first step that it reads, so that the last step of a sequence is the number of its
 * length in both.
 */
import { WHOLE, PANEL } from "./constants";
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
  /** The time steps of the longest sequence, or of the longest chunk. */
  steps: i32;
  /**
   * The chunks of time that each sequence is cut into, 1 except in assembly/minimal.ts, and the steps of all together. Each
   * is a part, and those of the same sequences follow one another.
   */
  chunks: i32;
  allSteps: i32;
  /** Whether a piece of work takes the chunks of its sequences in order, because there are sequences enough for all threads. */
  inOrder: i32;
  reverse: i32;
  tokens: i32;
  batch: i32;
  rows: i32;
  /** Parts of the batch at work, and those of them that go through time side by side. */
  parts: i32;
  group: i32;
  /** Shares of the units of a single part, for threads that go through time together (`team`); or 1. */
  shares: i32;
  team: usize;
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
  /** The length of each row of all parts, 0 for padding; 0 where all sequences have the same. */
  lengths: usize;
  /** The sequence of the batch in each row of all parts; 0 where their order, and the time of a step, are the same for all. */
  order: usize;

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
  /** Of chunks, in panels: what each carries to the next and keeps of what came, at one time step; gradients of h at all. */
  carried: usize;
  kept: usize;
  dhs: usize;
  /** Row-major, where sequences have lengths of their own: the gradients of the last states, or 0. */
  dhn: usize;
  dcn: usize;
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

  /** An LSTM's peepholes i, f, o in panels of one time step, the same in all rows, or 0; and their gradients for each part. */
  peepholes: usize;
  dPeepholes: usize;

  /** Bytes of one time step in a panel. */
  get step(): usize {
    return bytes(this.rows * this.width);
  }

  /** The time that step `s` of a part reads, of all sequences. */
  timeOf(part: i32, s: i32): i32 {
    if (WHOLE) s += part % this.chunks * this.steps;
    return this.reverse ? (WHOLE ? this.allSteps : this.steps) - 1 - s : s;
  }

  /** The first row of a part: the rows of chunks are those of their sequences. */
  firstOf(part: i32): i32 {
    return (WHOLE ? part / this.chunks : part) * this.rows;
  }

  /** The steps of a part. */
  stepsOf(part: i32): i32 {
    if (this.lengths) return this.lengthOf(this.firstOf(part));
    return WHOLE ? min(this.steps, this.allSteps - part % this.chunks * this.steps) : this.steps;
  }

  lengthOf(row: i32): i32 {
    return load<i32>(this.lengths + bytes(row));
  }

  /** The sequences of a part that are at work at step `s`. */
  countOf(part: i32, s: i32): i32 {
    const first = this.firstOf(part);
    if (!this.lengths) return min(this.rows, this.batch - first);
    let count = this.rows;
    while (count > 0 && this.lengthOf(first + count - 1) <= s) count--;
    return count;
  }

  /** The sequence in row `row`. */
  sequenceOf(row: i32): i32 {
    return this.order ? load<i32>(this.order + bytes(row)) : row;
  }

  /** Where row `r` of a part has step `s` in matrices [numSteps, batch, …]. */
  placeOf(part: i32, r: i32, s: i32): i32 {
    const row = this.firstOf(part) + r;
    if (!this.order) return this.timeOf(part, s) * this.batch + row;
    return (this.reverse ? this.lengthOf(row) - 1 - s : s) * this.batch + this.sequenceOf(row);
  }

  /** The tokens of a part at step `s`: in the kernels' order where that is not the batch's. */
  tokensOf(part: i32, s: i32): usize {
    const first = this.firstOf(part);
    return this.x + bytes(this.order ? s * this.parts * this.rows + first : this.timeOf(part, s) * this.batch + first);
  }

  /** The first unit of a share. */
  unitOf(share: i32): i32 {
    return share * (this.units / PANEL) / this.shares * PANEL;
  }

  /** The first step of a share of all time steps; single rows are multiplied by fours. */
  stepOf(part: i32, share: i32): i32 {
    const steps = this.stepsOf(part), unit = this.rows == 1 ? 4 : 1;
    return min(steps, (steps + unit - 1) / unit * share / this.shares * unit);
  }

  /** Bytes of `columns` columns of a sequence. */
  span(columns: i32): usize {
    return <usize>(columns / this.width) * this.panel;
  }
}
