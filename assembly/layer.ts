/** A recurrent layer through time, forward and backward. */
import { add } from "./elementwise";
import { CELL_GRU, CELL_LSTM, CELL_RNN_RELU, PANEL } from "./constants";
import { gru, gruBackward } from "./gru";
import { lstm, lstmBackward, lstmOutput, lstmOutputBackward } from "./lstm";
import { multiply, multiplyVector } from "./matmul";
import { hiddenSumsOf, inputSumsOf, Norm, normalize, normalizeBackward, valuesOf } from "./norm";
import { fillRows, sumRows, tokenRows } from "./panels";
import { Plan } from "./plan";
import { rnnRelu, rnnReluBackward, rnnTanh, rnnTanhBackward } from "./rnn";
import { addStep, clearUnused, loadLastGradients, loadStep, storeStep } from "./sequences";
import { sgemm } from "./sgemm";
import { bytes, ROW } from "./simd";

/** y[rows, columns] += x[rows, depth] · w: of one step or of many, whose rows follow one another. */
export function product(
  plan: Plan, x: usize, panelX: usize, w: usize, y: usize, panelY: usize, rows: i32, depth: i32, columns: i32
): void {
  if (plan.width == 1) sgemm(false, columns, rows, depth, w, depth, x, panelX >> 2, y, panelY >> 2);
  else if (rows == 1) multiplyVector(x, panelX, w, y, panelY, depth, columns, columns, 0);
  else multiply(x, panelX, w, y, panelY, rows, depth, columns);
}

/** The same for `count` units from `first` on of each of `blocks` blocks, from the operand of all of them. */
export function unitProducts(
  plan: Plan, x: usize, panelX: usize, w: usize, y: usize, panelY: usize, rows: i32, depth: i32, blocks: i32,
  first: i32, count: i32
): void {
  for (let block = 0; block < blocks; block++) {
    const unit = block * plan.units + first, to = y + <usize>(unit / plan.width) * panelY;
    product(plan, x, panelX, w + bytes(unit * depth), to, panelY, rows, depth, count);
  }
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
  const panel = plan.panel, units = plan.units, block = plan.span(units), columns = plan.hiddenBlocks * units;
  const sums = hiddenSumsOf(plan, 0), span = hiddenSumsOf(plan, 1) - sums;
  if (!plan.tokens) {
    for (let part = first; part < end; part++) {
      loadInputs(plan, part);
      inputSums(plan, part);
    }
  }
  let active = end;
  for (let s = 0, steps = plan.stepsOf(first); s < steps; s++) {
    const at: usize = <usize>s * plan.step, state: usize = <usize>s * plan.stateStep;
    while (plan.stepsOf(active - 1) <= s) active--;
    if (plan.tokens) for (let part = first; part < active; part++) tokenSums(plan, part, s, 0, units);
    if (plan.hiddenNorm) {
      for (let part = first; part < active; part++) {
        fillRows(plan.zeros, sums + <usize>part * span + at, panel, plan.rows, columns, plan.width);
      }
    }
    if (s > 0 || plan.state) {
      const h = plan.h + state;
      stepProducts(plan, first, active, h, panel, block, plan.hiddenWeights, sums + at, panel, span, units, columns);
    }
    for (let part = first; part < active; part++) nextState(plan, part, s, 0, units);
    plan.beat++;
  }
  for (let part = first; part < end; part++) output(plan, part, 0, plan.stepsOf(part));
}

/** The inputs of one part, at all time steps, into panels. */
export function loadInputs(plan: Plan, part: i32): void {
  const inputs = plan.inputs + <usize>part * plan.span(plan.features);
  for (let s = 0, steps = plan.stepsOf(part); s < steps; s++) {
    loadStep(plan, part, s, plan.x, plan.inputSize, inputs + <usize>s * plan.step, plan.features);
  }
}

/** What the inputs add to the gates of one part, at all time steps. */
export function inputSums(plan: Plan, part: i32): void {
  const width = plan.width, panel = plan.panel, rows = plan.rows, units = plan.units, steps = plan.stepsOf(part);
  const gates = plan.gates + plan.span(part * plan.blocks * units);
  const inputs = plan.inputs + <usize>part * plan.span(plan.features);
  fillRows(plan.bias, gates, panel, steps * rows, plan.blocks * units, width);
  const sums = inputSumsOf(plan, part), columns = plan.inputBlocks * units;
  if (plan.inputNorm) fillRows(plan.zeros, sums, panel, steps * rows, columns, width);
  product(plan, inputs, panel, plan.inputWeights, sums, panel, steps * rows, plan.features, columns);
  if (plan.inputNorm) {
    const window = gates + plan.span(plan.inputFirst * units);
    normalize(plan, changetype<Norm>(plan.inputNorm), part, 0, steps, sums, window);
  }
}

/** What tokens add to the gates of `count` units of one part from `first` on, at one time step. */
export function tokenSums(plan: Plan, part: i32, s: i32, first: i32, count: i32): void {
  const width = plan.width, panel = plan.panel, rows = plan.rows, units = plan.units;
  const used = plan.countOf(part, s), columns = plan.inputBlocks * units;
  const table: usize = width == 1 ? bytes(columns) : bytes(plan.inputSize * width);
  const tokens = plan.tokensOf(part, s), at = <usize>s * plan.step;
  const to = plan.gates + plan.span(part * plan.blocks * units) + at, sums = inputSumsOf(plan, part) + at;
  const bias = plan.inputNorm ? plan.zeros : plan.bias;
  for (let block = 0; block < plan.blocks; block++) {
    const unit = block * units + first, span = plan.span(unit);
    if (block < plan.inputBlocks) {
      const w = plan.inputWeights + bytes(width == 1 ? unit : unit * plan.inputSize);
      tokenRows(tokens, used, w, table, bias + bytes(unit), sums + span, panel, rows, count, width);
    }
    if (block >= plan.inputBlocks || plan.inputNorm) {
      fillRows(plan.bias + bytes(unit), to + span, panel, rows, count, width);
    }
  }
  if (plan.inputNorm) normalize(plan, changetype<Norm>(plan.inputNorm), part, s, 1, sums, to);
}

/** The next h and c of `units` units of one part from `first` on, from the sums of their gates. */
export function nextState(plan: Plan, part: i32, s: i32, first: i32, units: i32): void {
  const width = plan.width, panel = plan.panel, rows = plan.rows, block = plan.span(plan.units), from = plan.span(first);
  const gates = plan.gates + <usize>(part * plan.blocks) * block + <usize>s * plan.step + from;
  const state = <usize>part * block + <usize>s * plan.stateStep + from, next = state + plan.stateStep;
  const h = plan.h + next, norm = changetype<Norm>(plan.hiddenNorm);
  if (plan.hiddenNorm) {
    normalize(plan, norm, part, s, 1, valuesOf(plan, norm, part, s), gates + <usize>plan.hiddenFirst * block);
  }
  if (plan.peepholes) {
    for (let gate = 0; gate < 2; gate++) {
      peep(plan, gate, first, units, plan.c + state, panel, gates + <usize>gate * block, panel);
    }
  }
  activate(plan, units, gates, block, plan.h + state, h, plan.c + state, plan.c + next);
  if (plan.peepholes) {
    clearUnused(plan, part, s, plan.c + next, panel, 1, first, units);
    peep(plan, 2, first, units, plan.c + next, panel, gates + 3 * block, panel);
  }
  if (plan.cell == CELL_LSTM) {
    const c = plan.normalC + next;
    if (plan.cellNorm) {
      fillRows(plan.biasC, c, panel, rows, units, width);
      normalize(plan, changetype<Norm>(plan.cellNorm), part, s, 1, plan.c + next, c);
    }
    lstmOutputs(plan, units, gates + 3 * block, c, h);
  }
  clearUnused(plan, part, s, h, panel, 1, first, units);
}

/** Adds to y what peephole number `gate` makes of x, for some units at one step of a part; the same in both directions. */
function peep(
  plan: Plan, gate: i32, first: i32, units: i32, x: usize, panelX: usize, y: usize, panelY: usize
): void {
  const weights = plan.peepholes + bytes((gate * plan.units + first) * plan.rows);
  multiplyAdd(plan, units, weights, plan.step, x, panelX, y, panelY);
}

/** y += a · b, value by value, for some units at one step of a part, panel by panel. */
function multiplyAdd(
  plan: Plan, units: i32, a: usize, panelA: usize, b: usize, panelB: usize, y: usize, panelY: usize
): void {
  for (let p = units / plan.width; p > 0; p--, a += panelA, b += panelB, y += panelY) {
    for (let i: usize = 0; i < plan.step; i += 16) {
      v128.store(y + i, f32x4.add(f32x4.mul(v128.load(a + i), v128.load(b + i)), v128.load(y + i)));
    }
  }
}

/** The output of one part from step `first` to `end` − 1: its h, or the scores that a linear output makes of it. */
export function output(plan: Plan, part: i32, first: i32, end: i32): void {
  const panel = plan.panel, columns = plan.outputs, rows = (end - first) * plan.rows;
  let from = plan.h + plan.span(part * plan.units) + <usize>(first + 1) * plan.stateStep;
  let step = plan.stateStep, size = plan.hiddenSize;
  if (columns) {
    const scores = plan.scores + plan.span(part * columns) + <usize>first * plan.step;
    fillRows(plan.outputBias, scores, panel, rows, columns, plan.width);
    product(plan, from, panel, plan.outputWeights, scores, panel, rows, plan.units, columns);
    from = scores; step = plan.step; size = plan.outFeatures;
  }
  for (let s = first; s < end; s++, from += step) storeStep(plan, part, s, from, plan.y, size);
  plan.beat++;
}

/** Computes the next h, or an LSTM's c, of some units from the sums of one step's gates, panel by panel. */
function activate(
  plan: Plan, units: i32, gates: usize, block: usize, h: usize, nextH: usize, c: usize, nextC: usize
): void {
  const length = plan.rows * plan.width, cell = plan.cell, panel = plan.panel;
  for (const end = gates + plan.span(units); gates < end; gates += panel) {
    if (cell == CELL_LSTM) lstm(gates, c, nextC, length, block);
    else if (cell == CELL_GRU) gru(gates, h, nextH, length, block);
    else if (cell == CELL_RNN_RELU) rnnRelu(gates, nextH, length);
    else rnnTanh(gates, nextH, length);
    h += panel; nextH += panel; c += panel; nextC += panel;
  }
}

/** An LSTM's h of some units at one step, panel by panel. */
function lstmOutputs(plan: Plan, units: i32, o: usize, c: usize, h: usize): void {
  const length = plan.rows * plan.width, panel = plan.panel;
  for (const end = o + plan.span(units); o < end; o += panel, c += panel, h += panel) lstmOutput(o, c, h, length);
}

/** All time steps of a group of parts of the batch, from the last to the first: the gradients of gates and states. */
export function backward(plan: Plan, item: i32): void {
  const first = item * plan.group, end = min(first + plan.group, plan.parts);
  const panel = plan.panel, units = plan.units, step = plan.step, sums = hiddenSumsOf(plan, 0);
  const span = hiddenSumsOf(plan, 1) - sums, spanOfStep = bytes(plan.rows * units), w = plan.hiddenWeightsBack;
  let active = first;
  for (let s = plan.stepsOf(first) - 1; s >= 0; s--) {
    while (active < end && plan.stepsOf(active) > s) active++;
    for (let part = first; part < active; part++) {
      addOutputGradients(plan, part, s);
      gateGradients(plan, part, s, 0, units);
    }
    if (s > 0 || plan.state) {
      const from = sums + <usize>s * step, depth = plan.hiddenBlocks * units;
      stepProducts(plan, first, active, from, panel, span, w, plan.dh, step, spanOfStep, depth, units);
    }
    plan.beat++;
  }
  if (!plan.inputNorm) return;
  for (let part = first; part < end; part++) {
    const gates = plan.gates + plan.span((part * plan.blocks + plan.inputFirst) * units);
    normalizeBackward(plan, changetype<Norm>(plan.inputNorm), part, 0, plan.stepsOf(part), gates, panel);
    plan.beat++;
  }
}

/** Adds the gradients of one part's output at one time step to dh, and where sequences end those of their last state. */
function addOutputGradients(plan: Plan, part: i32, s: i32): void {
  const rows = plan.rows, units = plan.units, step = plan.step, state = bytes(part * rows * units), dh = plan.dh + state;
  if (plan.lengths) loadLastGradients(plan, part, s, dh, plan.dc + state);
  if (plan.outputs) {
    const dscores = loadScores(plan, part, s);
    product(plan, dscores, plan.panel, plan.outputWeightsBack, dh, step, rows, plan.outputs, units);
  } else if (plan.dy) {
    addStep(plan, part, s, plan.dy, plan.hiddenSize, 0, plan.hiddenSize, dh);
  }
}

/** The gradients of one part's scores at one time step, into panels; returns where they lie. */
export function loadScores(plan: Plan, part: i32, s: i32): usize {
  const dscores = plan.scores + plan.span(part * plan.outputs) + <usize>s * plan.step;
  loadStep(plan, part, s, plan.dy, plan.outFeatures, dscores, plan.outputs);
  return dscores;
}

/**
 * The gradients of the sums of the gates at one time step, of `units` units of one part from `first` on, from those of its
 * output and of its next state.
 */
export function gateGradients(plan: Plan, part: i32, s: i32, first: i32, units: i32): void {
  const panel = plan.panel, rows = plan.rows, step = plan.step, block = plan.span(plan.units);
  const at = <usize>s * step + plan.span(first), state = <usize>part * block + at;
  const gates = plan.gates + <usize>(part * plan.blocks) * block + at, ofStep = bytes((part * plan.units + first) * rows);
  const dh = plan.dh + ofStep, dc = plan.dc + ofStep;
  if (plan.cell == CELL_LSTM) {
    const dcell = plan.dNormalC + ofStep;
    lstmOutputsBackward(plan, units, gates + 3 * block, plan.normalC + state + step, dh, dcell);
    if (plan.cellNorm) {
      clearUnused(plan, part, s, dcell, step, 1, first, units);
      normalizeCBackward(plan, part, s, dcell, dc);
    }
    if (plan.peepholes) peep(plan, 2, first, units, gates + 3 * block, panel, dc, step);
  }
  activateBackward(plan, units, gates, block, plan.h + state, plan.c + state, dh, dc);
  if (plan.peepholes) {
    for (let gate = 0; gate < 2; gate++) peep(plan, gate, first, units, gates + <usize>gate * block, panel, dc, step);
  }
  clearUnused(plan, part, s, gates, panel, plan.blocks, first, units);
  if (plan.peepholes) {
    // The gates i and f see c', and o sees c.
    for (let gate = 0; gate < 3; gate++) {
      const sums = plan.dPeepholes + bytes(((part * 3 + gate) * plan.units + first) * rows);
      const c = plan.c + state + (gate == 2 ? step : 0), d = gates + <usize>(gate == 2 ? 3 : gate) * block;
      multiplyAdd(plan, units, d, panel, c, panel, sums, step);
    }
  }
  if (!plan.hiddenNorm) return;
  normalizeBackward(
    plan, changetype<Norm>(plan.hiddenNorm), part, s, 1, gates + <usize>plan.hiddenFirst * block, panel
  );
}

/** An LSTM's gradients of o and of the c that h is made of, of some units, panel by panel. */
function lstmOutputsBackward(plan: Plan, units: i32, o: usize, c: usize, dh: usize, dc: usize): void {
  const length = plan.rows * plan.width, panel = plan.panel, step = plan.step;
  for (const end = o + plan.span(units); o < end; o += panel) {
    lstmOutputBackward(o, c, dh, dc, length);
    c += panel; dh += step; dc += step;
  }
}

/** Adds the gradient of c to dc, from that of the normalized c, which becomes 0 for the next step. */
function normalizeCBackward(plan: Plan, part: i32, s: i32, dcell: usize, dc: usize): void {
  const norm = changetype<Norm>(plan.cellNorm), step = plan.step, units = plan.units, rows = plan.rows;
  sumRows(dcell, step, plan.dbiasC + bytes(part * units), rows, units, plan.width);
  normalizeBackward(plan, norm, part, s, 1, dcell, step);
  let from = valuesOf(plan, norm, part, s);
  for (const end = dc + bytes(rows * units); dc < end; from += plan.panel, dc += step, dcell += step) {
    add(dc, from, dc, rows * plan.width);
    memory.fill(dcell, 0, step);
  }
}

/** The gradients of a part's inputs at a share of its steps, which take the inputs' place: comes after the weights' ones. */
export function inputGradients(plan: Plan, item: i32): void {
  const part = item / plan.shares, share = item % plan.shares, panel = plan.panel, step = plan.step;
  const first = plan.stepOf(part, share), steps = plan.stepOf(part, share + 1) - first, at = <usize>first * step;
  const gates = inputSumsOf(plan, part) + at, inputs = plan.inputs + plan.span(part * plan.features) + at;
  for (let p: usize = 0; p < plan.span(plan.features); p += panel) memory.fill(inputs + p, 0, <usize>steps * step);
  const depth = plan.inputBlocks * plan.units;
  product(plan, gates, panel, plan.inputWeightsBack, inputs, panel, steps * plan.rows, depth, plan.features);
  for (let s = 0; s < steps; s++) storeStep(plan, part, first + s, inputs + <usize>s * step, plan.dx, plan.inputSize);
}

/** Computes the gradients of some units' sums from those of h, or an LSTM's c; dh and dc become the direct paths back. */
function activateBackward(
  plan: Plan, units: i32, gates: usize, block: usize, h: usize, c: usize, dh: usize, dc: usize
): void {
  const length = plan.rows * plan.width, cell = plan.cell, panel = plan.panel, step = plan.step;
  for (const end = gates + plan.span(units); gates < end; gates += panel) {
    if (cell == CELL_LSTM) lstmBackward(gates, c, dc, length, block);
    else if (cell == CELL_GRU) gruBackward(gates, h, dh, length, block);
    else if (cell == CELL_RNN_RELU) rnnReluBackward(h + step, dh, gates, length);
    else rnnTanhBackward(h + step, dh, gates, length);
    h += panel; c += panel; dh += step; dc += step;
  }
}
