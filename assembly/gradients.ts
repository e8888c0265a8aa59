/** The gradients of a layer's weights, over the whole batch and all time steps. */
import { PANEL } from "./constants";
import { multiplyTransposed } from "./matmul";
import { hiddenSumsOf, inputSumsOf } from "./norm";
import { scatterTokenRows, storeColumns, storeRows, sumRows } from "./panels";
import { Plan } from "./plan";
import { sgemm } from "./sgemm";
import { bytes, ROW } from "./simd";

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
  for (let part = 0; part < plan.parts; part++) {
    const dgates = plan.gates + plan.span(part * plan.blocks * units + unit);
    const dhidden = hiddenSumsOf(plan, part) + plan.span(hiddenUnit);
    const dinput = inputSumsOf(plan, part) + plan.span(inputUnit);
    sumRows(dgates, panel, plan.dbias + bytes(unit), plan.stepsOf(part) * plan.rows, count, plan.width);
    if (ofHidden) {
      const h = plan.h + plan.span(part * units);
      weightGradients(plan, part, dhidden, h, plan.dHiddenWeights, hiddenUnit, count, hiddenUnits, units);
    }
    if (ofInput && plan.tokens) tokenGradients(plan, dinput, part, inputUnit, count);
    else if (ofInput) {
      const x = plan.inputs + plan.span(part * plan.features);
      weightGradients(plan, part, dinput, x, plan.dInputWeights, inputUnit, count, inputUnits, plan.features);
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
  for (let part = 0; part < plan.parts; part++) {
    const dscores = plan.scores + plan.span(part * outputs + from);
    const h = plan.h + plan.span(part * units) + plan.step;
    const rows = plan.stepsOf(part) * plan.rows;
    sumRows(dscores, plan.panel, plan.dOutputBias + bytes(from), rows, count, plan.width);
    weightGradients(plan, part, dscores, h, plan.dOutputWeights, from, count, outputs, units);
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
 * dW[unit … unit + count, columns] += dgatesᵀ · x over all steps of a part. dW has `units` rows, and is in panels where
 * their width is PANEL; where it is 1, it is row-major.
 */
function weightGradients(
  plan: Plan, part: i32, dgates: usize, x: usize, dw: usize, unit: i32, count: i32, units: i32, columns: i32
): void {
  const panel = plan.panel, depth = plan.stepsOf(part) * plan.rows;
  if (plan.width == 1) {
    sgemm(true, count, columns, depth, dgates, panel >> 2, x, panel >> 2, dw + bytes(unit * columns), columns);
  } else {
    multiplyTransposed(dgates, x, panel, dw + <usize>unit * ROW, <usize>units * ROW, depth, count, columns);
  }
}

/** The rows of the token table's gradient += the gates' gradients, for the sequences of a part. */
function tokenGradients(plan: Plan, dgates: usize, part: i32, unit: i32, count: i32): void {
  const width = plan.width, columns = plan.inputBlocks * plan.units;
  const table: usize = width == 1 ? bytes(columns) : bytes(plan.inputSize * width);
  const dw = plan.dInputWeights + (width == 1 ? bytes(unit) : bytes(unit * plan.inputSize));
  for (let s = 0; s < plan.stepsOf(part); s++) {
    const from = dgates + <usize>s * plan.step;
    scatterTokenRows(plan.tokensOf(part, s), plan.countOf(part, s), dw, table, from, plan.panel, count, width);
  }
}
