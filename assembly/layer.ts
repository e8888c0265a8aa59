/** A recurrent layer through time, forward and backward: the three pieces of work that threads share. */
import { CELL_GRU, CELL_LSTM, CELL_RNN_RELU, PANEL } from "./constants";
import { gru, gruBackward } from "./gru";
import { lstm, lstmBackward } from "./lstm";
import { multiply, multiplyTransposed, multiplyVector } from "./matmul";
import {
  addRows, clearPadding, fillRows, loadRows, scatterTokenRows, storeColumns, storeRows, sumRows, tokenRows,
} from "./panels";
import { Plan } from "./plan";
import { rnnRelu, rnnReluBackward, rnnTanh, rnnTanhBackward } from "./rnn";
import { bytes, ROW } from "./simd";

/** c[m, n] += a[m, k] · b[k, n], row-major with rows of `lda`, `ldb`, `ldc` values; b is stored as [n, k] on demand. */
// @ts-ignore: decorator
@external("env", "sgemm")
declare function sgemm(
  transposeB: bool, m: i32, n: i32, k: i32, a: usize, lda: usize, b: usize, ldb: usize, c: usize, ldc: usize
): void;

/** y[rows, columns] += x[rows, depth] · w: of one step or of many, whose rows follow one another. */
function product(
  plan: Plan, x: usize, panelX: usize, w: usize, y: usize, panelY: usize, rows: i32, depth: i32, columns: i32
): void {
  if (plan.width == 1) sgemm(false, columns, rows, depth, w, depth, x, panelX >> 2, y, panelY >> 2);
  else if (rows == 1) multiplyVector(x, panelX, w, y, panelY, depth, columns);
  else multiply(x, panelX, w, y, panelY, rows, depth, columns);
}

/**
 * The products of one time step for parts `first` to `end` − 1, which lie `spanX` and `spanY` bytes apart. Several parts take
 * turns at each panel of the weights, so that these are read from memory only once.
 */
function stepProducts(
  plan: Plan, first: i32, end: i32, x: usize, panelX: usize, spanX: usize, w: usize,
  y: usize, panelY: usize, spanY: usize, depth: i32, columns: i32
): void {
  const rows = plan.rows, x0 = x + <usize>first * spanX;
  let y0 = y + <usize>first * spanY;
  if (end - first == 1) return product(plan, x0, panelX, w, y0, panelY, rows, depth, columns);
  for (let j = 0; j < columns; j += PANEL, w += <usize>depth * ROW, y0 += panelY) {
    for (let part = first, from = x0, to = y0; part < end; part++, from += spanX, to += spanY) {
      multiply(from, panelX, w, to, panelY, rows, depth, PANEL);
    }
  }
}

/** All time steps of a group of parts of the batch. */
export function forward(plan: Plan, item: i32): void {
  const first = item * plan.group, end = min(first + plan.group, plan.parts);
  const panel = plan.panel, units = plan.units, block = plan.span(units), blocks = <usize>plan.blocks * block;
  const hiddenGates = plan.gates + <usize>plan.hiddenFirst * block;
  if (!plan.tokens) for (let part = first; part < end; part++) inputSums(plan, part);
  for (let s = 0; s < plan.steps; s++) {
    const at: usize = <usize>s * plan.step, state: usize = <usize>s * plan.stateStep;
    if (plan.tokens) for (let part = first; part < end; part++) tokenSums(plan, part, s);
    if (s > 0 || plan.state) {
      const h = plan.h + state, sums = hiddenGates + at, columns = plan.hiddenBlocks * units;
      stepProducts(plan, first, end, h, panel, block, plan.hiddenWeights, sums, panel, blocks, units, columns);
    }
    for (let part = first; part < end; part++) nextState(plan, part, s);
    plan.beat++;
  }
  if (plan.outputs) for (let part = first; part < end; part++) output(plan, part);
}

/** What the inputs add to the gates of one part, at all time steps. */
function inputSums(plan: Plan, part: i32): void {
  const width = plan.width, panel = plan.panel, rows = plan.rows, units = plan.units, steps = plan.steps;
  const first = part * rows, count = min(rows, plan.batch - first);
  const gates = plan.gates + plan.span(part * plan.blocks * units);
  const inputs = plan.inputs + <usize>part * plan.span(plan.features);
  for (let s = 0; s < steps; s++) {
    const from = plan.x + bytes((timeOf(plan, s) * plan.batch + first) * plan.inputSize);
    loadRows(from, count, plan.inputSize, inputs + <usize>s * plan.step, panel, width);
  }
  fillRows(plan.bias, gates, panel, steps * rows, plan.blocks * units, width);
  const sums = gates + plan.span(plan.inputFirst * units);
  product(plan, inputs, panel, plan.inputWeights, sums, panel, steps * rows, plan.features, plan.inputBlocks * units);
}

/** What tokens add to the gates of one part, at one time step. */
function tokenSums(plan: Plan, part: i32, s: i32): void {
  const width = plan.width, panel = plan.panel, rows = plan.rows, units = plan.units;
  const first = part * rows, count = min(rows, plan.batch - first), columns = plan.inputBlocks * units;
  const table: usize = width == 1 ? bytes(columns) : bytes(plan.inputSize * width);
  const tokens = plan.x + bytes(timeOf(plan, s) * plan.batch + first), others = plan.blocks * units - columns;
  const to = plan.gates + plan.span(part * plan.blocks * units) + <usize>s * plan.step;
  tokenRows(tokens, count, plan.inputWeights, table, plan.bias, to, panel, rows, columns, width);
  fillRows(plan.bias + bytes(columns), to + plan.span(columns), panel, rows, others, width);
}

/** The next h and c of one part from the sums of its gates. */
function nextState(plan: Plan, part: i32, s: i32): void {
  const width = plan.width, panel = plan.panel, rows = plan.rows, units = plan.units;
  const first = part * rows, count = min(rows, plan.batch - first), block = plan.span(units);
  const gates = plan.gates + <usize>(part * plan.blocks) * block + <usize>s * plan.step;
  const state = <usize>part * block + <usize>s * plan.stateStep, next = state + plan.stateStep;
  const h = plan.h + next;
  activate(plan, gates, block, plan.h + state, h, plan.c + state, plan.c + next);
  clearPadding(h, panel, count, rows, plan.hiddenSize, units, width);
  if (plan.outputs) return;
  const row = timeOf(plan, s) * plan.batch + first;
  storeRows(h, panel, plan.y + bytes(row * plan.hiddenSize), count, plan.hiddenSize, width);
}

/** The linear output of one part of the batch: the scores of all time steps at once. */
function output(plan: Plan, part: i32): void {
  const width = plan.width, panel = plan.panel, rows = plan.rows, columns = plan.outputs, all = plan.steps * rows;
  const first = part * rows, count = min(rows, plan.batch - first);
  const h = plan.h + plan.span(part * plan.units) + plan.stateStep;
  const scores = plan.scores + plan.span(part * columns);
  fillRows(plan.outputBias, scores, panel, all, columns, width);
  product(plan, h, panel, plan.outputWeights, scores, panel, all, plan.units, columns);
  for (let s = 0; s < plan.steps; s++) {
    const to = plan.y + bytes((timeOf(plan, s) * plan.batch + first) * plan.outFeatures);
    storeRows(scores + <usize>s * plan.step, panel, to, count, plan.outFeatures, width);
  }
  plan.beat++;
}

/** Computes the next h and c from the sums of one step's gates, panel by panel. */
function activate(plan: Plan, gates: usize, block: usize, h: usize, nextH: usize, c: usize, nextC: usize): void {
  const length = plan.rows * plan.width, cell = plan.cell, panel = plan.panel;
  for (const end = gates + block; gates < end; gates += panel) {
    if (cell == CELL_LSTM) lstm(gates, c, nextC, nextH, length, block);
    else if (cell == CELL_GRU) gru(gates, h, nextH, length, block);
    else if (cell == CELL_RNN_RELU) rnnRelu(gates, nextH, length);
    else rnnTanh(gates, nextH, length);
    h += panel; nextH += panel; c += panel; nextC += panel;
  }
}

/** All time steps of a group of parts of the batch, from the last to the first: the gradients of gates and states. */
export function backward(plan: Plan, item: i32): void {
  const first = item * plan.group, end = min(first + plan.group, plan.parts);
  const panel = plan.panel, units = plan.units, step = plan.step, block = plan.span(units);
  const hiddenGates = plan.gates + <usize>plan.hiddenFirst * block, blocks = <usize>plan.blocks * block;
  const spanOfStep = bytes(plan.rows * units), w = plan.hiddenWeightsBack;
  for (let s = plan.steps - 1; s >= 0; s--) {
    for (let part = first; part < end; part++) gateGradients(plan, part, s);
    if (s > 0 || plan.state) {
      const sums = hiddenGates + <usize>s * step, depth = plan.hiddenBlocks * units;
      stepProducts(plan, first, end, sums, panel, blocks, w, plan.dh, step, spanOfStep, depth, units);
    }
    plan.beat++;
  }
}

/** The gradients of the sums of one part's gates at one time step, from those of its output and of its next state. */
function gateGradients(plan: Plan, part: i32, s: i32): void {
  const width = plan.width, panel = plan.panel, rows = plan.rows, units = plan.units, step = plan.step;
  const first = part * rows, count = min(rows, plan.batch - first), block = plan.span(units);
  const at = <usize>s * step, row = timeOf(plan, s) * plan.batch + first, state = <usize>part * block + at;
  const gates = plan.gates + <usize>(part * plan.blocks) * block + at;
  const dh = plan.dh + bytes(part * rows * units), dc = plan.dc + bytes(part * rows * units);
  if (plan.outputs) {
    const dscores = plan.scores + plan.span(part * plan.outputs) + at;
    loadRows(plan.dy + bytes(row * plan.outFeatures), count, plan.outFeatures, dscores, panel, width);
    product(plan, dscores, panel, plan.outputWeightsBack, dh, step, rows, plan.outputs, units);
  } else if (plan.dy) {
    addRows(plan.dy + bytes(row * plan.hiddenSize), count, plan.hiddenSize, dh, step, width);
  }
  activateBackward(plan, gates, block, plan.h + state, plan.c + state, dh, dc);
  for (let b = 0; b < plan.blocks; b++) {
    clearPadding(gates + <usize>b * block, panel, count, rows, plan.hiddenSize, units, width);
  }
}

/** The gradients of one part's inputs, which take the inputs' place: comes after the weights' gradients. */
export function inputGradients(plan: Plan, part: i32): void {
  const width = plan.width, panel = plan.panel, rows = plan.rows, steps = plan.steps, step = plan.step;
  const first = part * rows, count = min(rows, plan.batch - first);
  const gates = plan.gates + plan.span((part * plan.blocks + plan.inputFirst) * plan.units);
  const inputs = plan.inputs + plan.span(part * plan.features);
  for (let p: usize = 0; p < plan.span(plan.features); p += panel) memory.fill(inputs + p, 0, <usize>steps * step);
  const depth = plan.inputBlocks * plan.units;
  product(plan, gates, panel, plan.inputWeightsBack, inputs, panel, steps * rows, depth, plan.features);
  for (let s = 0; s < steps; s++) {
    const to = plan.dx + bytes((timeOf(plan, s) * plan.batch + first) * plan.inputSize);
    storeRows(inputs + <usize>s * step, panel, to, count, plan.inputSize, width);
  }
}

/** Computes the gradients of a step's sums from those of its h and c; dh and dc become the direct paths back. */
function activateBackward(plan: Plan, gates: usize, block: usize, h: usize, c: usize, dh: usize, dc: usize): void {
  const length = plan.rows * plan.width, cell = plan.cell, panel = plan.panel, step = plan.step;
  for (const end = gates + block; gates < end; gates += panel) {
    if (cell == CELL_LSTM) lstmBackward(gates, c, c + step, dh, dc, length, block);
    else if (cell == CELL_GRU) gruBackward(gates, h, dh, length, block);
    else if (cell == CELL_RNN_RELU) rnnReluBackward(h + step, dh, gates, length);
    else rnnTanhBackward(h + step, dh, gates, length);
    h += panel; c += panel; dh += step; dc += step;
  }
}

/**
 * The gradients of the weights and biases of some units or outputs, over the whole batch and all time steps: first as sums in
 * panels, and then row by row, as PyTorch has them.
 */
export function gradients(plan: Plan, item: i32): void {
  const panel = plan.panel, units = plan.units;
  const slices = (units + plan.slice - 1) / plan.slice;
  if (item >= plan.blocks * slices) return outputGradients(plan, (item - plan.blocks * slices) * plan.slice);
  const block = item / slices, from = (item % slices) * plan.slice, count = min(plan.slice, units - from);
  const unit = block * units + from;
  const inputUnit = unit - plan.inputFirst * units, hiddenUnit = unit - plan.hiddenFirst * units;
  const inputUnits = plan.inputBlocks * units, hiddenUnits = plan.hiddenBlocks * units;
  const ofInput = inputUnit >= 0 && inputUnit < inputUnits, ofHidden = hiddenUnit >= 0 && hiddenUnit < hiddenUnits;
  memory.fill(plan.dbias + bytes(unit), 0, bytes(count));
  if (ofHidden) clearSums(plan, plan.dHiddenWeights, hiddenUnit, count, hiddenUnits, units);
  if (ofInput && plan.tokens) clearTokenSums(plan, inputUnit, count, inputUnits);
  else if (ofInput) clearSums(plan, plan.dInputWeights, inputUnit, count, inputUnits, plan.features);
  let part = 0;
  for (let row = 0; row < plan.batch; row += plan.rows, part++) {
    const dgates = plan.gates + plan.span(part * plan.blocks * units + unit);
    sumRows(dgates, panel, plan.dbias + bytes(unit), plan.steps * plan.rows, count, plan.width);
    if (ofHidden) {
      const h = plan.h + plan.span(part * units);
      weightGradients(plan, dgates, h, plan.dHiddenWeights, hiddenUnit, count, hiddenUnits, units);
    }
    if (ofInput && plan.tokens) tokenGradients(plan, dgates, row, inputUnit, count);
    else if (ofInput) {
      const x = plan.inputs + plan.span(part * plan.features);
      weightGradients(plan, dgates, x, plan.dInputWeights, inputUnit, count, inputUnits, plan.features);
    }
    plan.beat++;
  }
  const rows = min(count, plan.hiddenSize - from);
  if (ofHidden) {
    const first = gateOf(plan.hiddenGates, hiddenUnit / units) * plan.hiddenSize + from;
    const to = plan.hiddenGrad + bytes(first * plan.hiddenSize);
    storeSums(plan, plan.dHiddenWeights, hiddenUnit, hiddenUnits, units, to, rows, plan.hiddenSize);
    storeBias(plan.dbias + bytes(unit), plan.hiddenBiasGrad, first, rows);
  }
  if (!ofInput) return;
  const first = gateOf(plan.inputGates, inputUnit / units) * plan.hiddenSize + from;
  const to = plan.inputGrad + bytes(first * plan.inputSize);
  if (plan.tokens && plan.width > 1) {
    const table = plan.dInputWeights + bytes(inputUnit * plan.inputSize);
    storeColumns(table, bytes(plan.inputSize * PANEL), to, rows, plan.inputSize, PANEL);
  } else if (plan.tokens) {
    storeRows(plan.dInputWeights + bytes(inputUnit), bytes(inputUnits), to, rows, plan.inputSize, 1);
  } else storeSums(plan, plan.dInputWeights, inputUnit, inputUnits, plan.features, to, rows, plan.inputSize);
  storeBias(plan.dbias + bytes(unit), plan.inputBiasGrad, first, rows);
}

/** Those of some outputs, from `from` on. */
function outputGradients(plan: Plan, from: i32): void {
  const units = plan.units, outputs = plan.outputs, count = min(plan.slice, outputs - from);
  memory.fill(plan.dOutputBias + bytes(from), 0, bytes(count));
  clearSums(plan, plan.dOutputWeights, from, count, outputs, units);
  let part = 0;
  for (let row = 0; row < plan.batch; row += plan.rows, part++) {
    const dscores = plan.scores + plan.span(part * outputs + from);
    const h = plan.h + plan.span(part * units) + plan.step;
    sumRows(dscores, plan.panel, plan.dOutputBias + bytes(from), plan.steps * plan.rows, count, plan.width);
    weightGradients(plan, dscores, h, plan.dOutputWeights, from, count, outputs, units);
    plan.beat++;
  }
  const rows = min(count, plan.outFeatures - from), to = plan.outputGrad + bytes(from * plan.hiddenSize);
  storeSums(plan, plan.dOutputWeights, from, outputs, units, to, rows, plan.hiddenSize);
  storeBias(plan.dOutputBias + bytes(from), plan.outputBiasGrad, from, rows);
}

/** The place among PyTorch's gates of block `block` of a window. */
function gateOf(gates: i32, block: i32): i32 {
  return (gates >> (4 * block)) & 15;
}

/** Zeros for the rows `unit` … of dW, laid out as for `weightGradients`. */
function clearSums(plan: Plan, dw: usize, unit: i32, count: i32, units: i32, columns: i32): void {
  if (plan.width == 1) {
    memory.fill(dw + bytes(unit * columns), 0, bytes(count * columns));
  } else {
    let at = dw + <usize>unit * ROW;
    for (let j = 0; j < columns; j += PANEL, at += <usize>units * ROW) memory.fill(at, 0, <usize>count * ROW);
  }
}

/** The same for the table of tokens. */
function clearTokenSums(plan: Plan, unit: i32, count: i32, units: i32): void {
  if (plan.width > 1) {
    memory.fill(plan.dInputWeights + bytes(unit * plan.inputSize), 0, bytes(count * plan.inputSize));
  } else {
    let at = plan.dInputWeights + bytes(unit);
    for (let token = 0; token < plan.inputSize; token++, at += bytes(units)) memory.fill(at, 0, bytes(count));
  }
}

/** y[rows, columns] (row-major) = the rows `unit` … of dW, laid out as for `weightGradients`, without padding. */
function storeSums(
  plan: Plan, dw: usize, unit: i32, units: i32, padded: i32, y: usize, rows: i32, columns: i32
): void {
  if (plan.width == 1) storeColumns(dw + bytes(unit * padded), bytes(padded), y, rows, columns, 1);
  else storeRows(dw + <usize>unit * ROW, <usize>units * ROW, y, rows, columns, PANEL);
}

/** Values first … of a bias's gradient, unless there is no bias. */
function storeBias(sums: usize, grad: usize, first: i32, count: i32): void {
  if (grad && count > 0) memory.copy(grad + bytes(first), sums, bytes(count));
}

/**
 * dW[unit … unit + count, columns] += dgatesᵀ · x over all steps. dW has `units` rows, and is in panels where
 * their width is PANEL; where it is 1, it is row-major.
 */
function weightGradients(
  plan: Plan, dgates: usize, x: usize, dw: usize, unit: i32, count: i32, units: i32, columns: i32
): void {
  const panel = plan.panel, depth = plan.steps * plan.rows;
  if (plan.width == 1) {
    sgemm(true, count, columns, depth, dgates, panel >> 2, x, panel >> 2, dw + bytes(unit * columns), columns);
  } else {
    multiplyTransposed(dgates, x, panel, dw + <usize>unit * ROW, <usize>units * ROW, depth, count, columns);
  }
}

/** The rows of the token table's gradient += the gates' gradients, for the sequences from `first` on. */
function tokenGradients(plan: Plan, dgates: usize, first: i32, unit: i32, count: i32): void {
  const width = plan.width, columns = plan.inputBlocks * plan.units;
  const table: usize = width == 1 ? bytes(columns) : bytes(plan.inputSize * width);
  const dw = plan.dInputWeights + (width == 1 ? bytes(unit) : bytes(unit * plan.inputSize));
  const sequences = min(plan.rows, plan.batch - first);
  for (let s = 0; s < plan.steps; s++) {
    const tokens = plan.x + bytes(timeOf(plan, s) * plan.batch + first);
    scatterTokenRows(tokens, sequences, dw, table, dgates + <usize>s * plan.step, plan.panel, count, width);
  }
}

/** The time that step `s` reads. */
function timeOf(plan: Plan, s: i32): i32 {
  return plan.reverse ? plan.steps - 1 - s : s;
}
