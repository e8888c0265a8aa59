/**
 * The cells whose gates depend on the input alone (Feng et al. 2024): src/nn/minimal.ts has their equations, of which
 *
 *   h = h' + z (g − h')
 *
 * is all that goes through time. So a sequence is cut into chunks of time, which threads walk through side by side, and each
 * of which is a part of its own (see `Plan`): a chunk's last state is linear in the state before it, with the factor
 * a = Π (1 − z). First all chunks compute their gates, their last state from a state of zeros, and a; then each gets the state
 * it begins with from the one before; and then all walk again from there (Blelloch 1990). The gradients go the same way back.
 *
 * All kernels work on `length` values of a step in panels, or of several steps.
 */
import { CELL_MINLSTM } from "./constants";
import { inputSums, output, product, tokenSums } from "./layer";
import { exp, sigmoid } from "./math";
import { Plan } from "./plan";
import { loadStep, storeStep } from "./sequences";
import { bytes, madd, splat } from "./simd";

/** g of the paper's appendix B: x + ½ for x ≥ 0, and σ(x) below. */
// @ts-ignore: decorator
@inline
function candidate(x: v128): v128 {
  return v128.bitselect(f32x4.add(x, splat(0.5)), sigmoid(x), f32x4.ge(x, splat(0.0)));
}

/** The slope of g where it has the value g. */
// @ts-ignore: decorator
@inline
function slopeOf(g: v128): v128 {
  return v128.bitselect(splat(1.0), f32x4.mul(g, f32x4.sub(splat(1.0), g)), f32x4.ge(g, splat(0.5)));
}

/** Turns the sums of a MinGRU in `gates`, two blocks `stride` bytes apart, into z and g. */
function minGru(gates: usize, length: i32, stride: usize): void {
  for (const end = gates + bytes(length); gates < end; gates += 16) {
    const z = sigmoid(v128.load(gates));
    const g = candidate(v128.load(gates + stride));
    v128.store(gates, z);
    v128.store(gates + stride, g);
  }
}

/** σ(b) / (σ(a) + σ(b)), whose parts are scaled by the larger one, so that neither is lost. */
// @ts-ignore: decorator
@inline
function share(a: v128, b: v128): v128 {
  const one = splat(1.0), zero = splat(0.0);
  const difference = f32x4.sub(f32x4.min(b, zero), f32x4.min(a, zero));
  const less = exp(f32x4.neg(f32x4.abs(difference))), below = f32x4.lt(difference, zero);
  const forget = f32x4.mul(v128.bitselect(one, less, below), f32x4.add(one, exp(f32x4.neg(f32x4.abs(b)))));
  const input = f32x4.mul(v128.bitselect(less, one, below), f32x4.add(one, exp(f32x4.neg(f32x4.abs(a)))));
  return f32x4.div(input, f32x4.add(forget, input));
}

/** Turns the sums of a MinLSTM in `gates`, f, i and h̃, into 1 − σ(f), 1 − σ(i) and g, and writes z. */
function minLstm(gates: usize, z: usize, length: i32, stride: usize): void {
  for (const end = gates + bytes(length); gates < end; gates += 16, z += 16) {
    const f = v128.load(gates);
    const i = v128.load(gates + stride);
    const g = candidate(v128.load(gates + 2 * stride));
    const part = share(f, i);
    const keptF = sigmoid(f32x4.neg(f));
    const keptI = sigmoid(f32x4.neg(i));
    v128.store(z, part);
    v128.store(gates, keptF);
    v128.store(gates + stride, keptI);
    v128.store(gates + 2 * stride, g);
  }
}

/** The next state. */
function mix(z: usize, g: usize, last: usize, h: usize, length: i32): void {
  for (const end = z + bytes(length); z < end; z += 16, g += 16, last += 16, h += 16) {
    const before = v128.load(last);
    v128.store(h, madd(v128.load(z), f32x4.sub(v128.load(g), before), before));
  }
}

/** One step of a chunk's last state from zeros, and of a. */
function carry(z: usize, g: usize, carried: usize, kept: usize, length: i32): void {
  for (const end = z + bytes(length); z < end; z += 16, g += 16, carried += 16, kept += 16) {
    const open = v128.load(z);
    const before = v128.load(carried);
    const part = v128.load(kept);
    v128.store(carried, madd(open, f32x4.sub(v128.load(g), before), before));
    v128.store(kept, f32x4.mul(part, f32x4.sub(splat(1.0), open)));
  }
}

/** One step back of the gradient that a chunk's first state has from the chunk itself, and of a. */
function carryBack(z: usize, dh: usize, carried: usize, kept: usize, length: i32): void {
  for (const end = z + bytes(length); z < end; z += 16, dh += 16, carried += 16, kept += 16) {
    const closed = f32x4.sub(splat(1.0), v128.load(z));
    const d = f32x4.add(v128.load(carried), v128.load(dh));
    const part = v128.load(kept);
    v128.store(carried, f32x4.mul(d, closed));
    v128.store(kept, f32x4.mul(part, closed));
  }
}

/** Turns z and g into the gradients of their sums, and d, that of the next state, into that of the last one. */
function minGruBackward(gates: usize, last: usize, dh: usize, d: usize, length: i32, stride: usize): void {
  for (const end = gates + bytes(length); gates < end; gates += 16, last += 16, dh += 16, d += 16) {
    const z = v128.load(gates);
    const g = v128.load(gates + stride);
    const whole = f32x4.add(v128.load(d), v128.load(dh));
    const closed = f32x4.sub(splat(1.0), z);
    const kept = f32x4.mul(whole, closed);
    v128.store(d, kept);
    v128.store(gates, f32x4.mul(f32x4.mul(kept, z), f32x4.sub(g, v128.load(last))));
    v128.store(gates + stride, f32x4.mul(f32x4.mul(whole, z), slopeOf(g)));
  }
}

/** The same of a MinLSTM: z = σ(log σ(i) − log σ(f)), and the slope of log σ is 1 − σ. */
function minLstmBackward(gates: usize, z: usize, last: usize, dh: usize, d: usize, length: i32, stride: usize): void {
  for (const end = gates + bytes(length); gates < end; gates += 16, z += 16, last += 16, dh += 16, d += 16) {
    const open = v128.load(z);
    const g = v128.load(gates + 2 * stride);
    const keptF = v128.load(gates);
    const keptI = v128.load(gates + stride);
    const whole = f32x4.add(v128.load(d), v128.load(dh));
    const kept = f32x4.mul(whole, f32x4.sub(splat(1.0), open));
    const slope = f32x4.mul(f32x4.mul(kept, open), f32x4.sub(g, v128.load(last)));
    v128.store(d, kept);
    v128.store(gates, f32x4.neg(f32x4.mul(slope, keptF)));
    v128.store(gates + stride, f32x4.mul(slope, keptI));
    v128.store(gates + 2 * stride, f32x4.mul(f32x4.mul(whole, open), slopeOf(g)));
  }
}

/** Where a part's z and g lie at its first step. */
// @ts-ignore: decorator
@inline
function gateOf(plan: Plan, part: i32): usize {
  return plan.cell == CELL_MINLSTM ? plan.c + plan.span(part * plan.units) : gatesOf(plan, part);
}

// @ts-ignore: decorator
@inline
function gatesOf(plan: Plan, part: i32): usize {
  return plan.gates + plan.span(part * plan.blocks * plan.units);
}

// @ts-ignore: decorator
@inline
function candidateOf(plan: Plan, part: i32): usize {
  return gatesOf(plan, part) + plan.span((plan.blocks - 1) * plan.units);
}

/** What a part has for each unit and sequence. */
// @ts-ignore: decorator
@inline
function ofPart(plan: Plan, values: usize, part: i32): usize {
  return values + bytes(part * plan.rows * plan.units);
}

/** The gates of a chunk, and what it carries to the next one; where there is only one, everything. */
export function minimalGates(plan: Plan, part: i32): void {
  const steps = plan.stepsOf(part), panel = plan.panel, block = plan.span(plan.units), step = plan.step;
  const length = plan.rows * plan.width, all = steps * length;
  if (!plan.tokens) inputSums(plan, part);
  else for (let s = 0; s < steps; s++) tokenSums(plan, part, s);
  const handsOn = (part + 1) % plan.chunks != 0;
  let carried = ofPart(plan, plan.carried, part), kept = ofPart(plan, plan.kept, part);
  let gates = gatesOf(plan, part), z = gateOf(plan, part), g = candidateOf(plan, part);
  for (const end = gates + block; gates < end; gates += panel, z += panel, g += panel, carried += step, kept += step) {
    if (plan.cell == CELL_MINLSTM) minLstm(gates, z, all, block);
    else minGru(gates, all, block);
    if (!handsOn) continue;
    begin(carried, kept, step);
    for (let at: usize = 0; at < <usize>steps * step; at += step) carry(z + at, g + at, carried, kept, length);
  }
  plan.beat++;
  if (plan.chunks == 1) minimalStates(plan, part);
}

/** A chunk carries nothing yet, and would keep all. */
function begin(carried: usize, kept: usize, step: usize): void {
  memory.fill(carried, 0, step);
  for (const end = kept + step; kept < end; kept += 16) v128.store(kept, splat(1.0));
}

/** The states of a chunk from the one before it, and its output. */
export function minimalStates(plan: Plan, part: i32): void {
  const steps = plan.stepsOf(part), panel = plan.panel, step = plan.step, units = plan.units;
  const length = plan.rows * plan.width;
  const states = plan.h + plan.span(part * units);
  let h = states, z = gateOf(plan, part), g = candidateOf(plan, part);
  for (const end = h + plan.span(units); h < end; h += panel, z += panel, g += panel) {
    for (let at: usize = 0; at < <usize>steps * step; at += step) {
      mix(z + at, g + at, h + at, h + at + step, length);
    }
  }
  if (plan.outputs) return output(plan, part);
  for (let s = 0; s < steps; s++) storeStep(plan, part, s, states + <usize>(s + 1) * step, plan.y, plan.hiddenSize);
  plan.beat++;
}

/** The gradients that a chunk's states have from its output, and what it carries back; where there is only one, everything. */
export function minimalBackward(plan: Plan, part: i32): void {
  const steps = plan.stepsOf(part), panel = plan.panel, step = plan.step, units = plan.units, block = plan.span(units);
  const length = plan.rows * plan.width;
  let dh = plan.dhs + plan.span(part * units), z = gateOf(plan, part);
  if (plan.outputs) {
    const dscores = plan.scores + plan.span(part * plan.outputs);
    for (let s = 0; s < steps; s++) {
      loadStep(plan, part, s, plan.dy, plan.outFeatures, dscores + <usize>s * step, plan.outputs);
    }
    for (let p: usize = 0; p < block; p += panel) memory.fill(dh + p, 0, <usize>steps * step);
    product(plan, dscores, panel, plan.outputWeightsBack, dh, panel, steps * plan.rows, plan.outputs, units);
  } else if (plan.dy) {
    for (let s = 0; s < steps; s++) loadStep(plan, part, s, plan.dy, plan.hiddenSize, dh + <usize>s * step, units);
  }
  if (part % plan.chunks != 0) {
    let carried = ofPart(plan, plan.carried, part), kept = ofPart(plan, plan.kept, part);
    for (const end = dh + block; dh < end; dh += panel, z += panel, carried += step, kept += step) {
      begin(carried, kept, step);
      for (let s = steps - 1; s >= 0; s--) {
        const at = <usize>s * step;
        carryBack(z + at, dh + at, carried, kept, length);
      }
    }
  }
  plan.beat++;
  if (plan.chunks == 1) minimalGradients(plan, part);
}

/** The gradients of a chunk's gates from that of its last state, which becomes that of the state before its first step. */
export function minimalGradients(plan: Plan, part: i32): void {
  const steps = plan.stepsOf(part), panel = plan.panel, step = plan.step, units = plan.units, block = plan.span(units);
  const length = plan.rows * plan.width;
  let gates = gatesOf(plan, part), z = gateOf(plan, part), d = ofPart(plan, plan.dh, part);
  let h = plan.h + plan.span(part * units), dh = plan.dhs + plan.span(part * units);
  for (const end = gates + block; gates < end; gates += panel, z += panel, h += panel, dh += panel, d += step) {
    for (let s = steps - 1; s >= 0; s--) {
      const at = <usize>s * step;
      if (plan.cell == CELL_MINLSTM) minLstmBackward(gates + at, z + at, h + at, dh + at, d, length, block);
      else minGruBackward(gates + at, h + at, dh + at, d, length, block);
    }
  }
  plan.beat++;
}
