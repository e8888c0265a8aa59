/**
 * The cells whose gates depend on the input alone (Feng et al. 2024): src/nn/minimal.ts has their equations, of which
 *
 *   h = h' + z (g − h')
 *
 * is all that goes through time. So a sequence is cut into chunks of time, which threads walk through side by side, and each
 * of which is a part of its own (see `Plan`): a chunk's last state is linear in the state before it, with the factor
 * a = Π (1 − z). First all chunks compute their gates, their last state from a state of zeros, and a; then each gets the state
 * it begins with from the one before; and then all walk again from there (Blelloch 1990). The gradients go the same way back.
 * Where there are sequences enough for all threads, a thread takes the chunks of some sequences in order, each from its gates to
 * its output while it is in the processor's cache, and back.
 *
 * All kernels work on `length` values of a step in panels, or of several steps.
 */
import { CELL_MINLSTM } from "./constants";
import { add, mul, sigmoid, sub } from "./elementwise";
import { inputSums, loadInputs, output, product, tokenSums } from "./layer";
import { Plan } from "./plan";
import { clearUnused, loadStep } from "./sequences";
import { bytes, madd, splat } from "./simd";

/** The sums x of h̃ become g: x + ½ for x ≥ 0, and the given σ(x) below. */
function candidate(x: usize, logistic: usize, length: i32): void {
  for (const end = x + bytes(length); x < end; x += 16, logistic += 16) {
    const sum = v128.load(x);
    v128.store(x, v128.bitselect(f32x4.add(sum, splat(0.5)), v128.load(logistic), f32x4.ge(sum, splat(0.0))));
  }
}

/**
 * z = σ(i) / (σ(f) + σ(i)) of a MinLSTM from both, which become σ(f) − 1 and 1 − σ(i). Where both are so small that their digits
 * may be lost, z stays as it is: σ(i − f).
 */
function share(f: usize, i: usize, z: usize, length: i32): void {
  for (const end = f + bytes(length); f < end; f += 16, i += 16, z += 16) {
    const forget = v128.load(f);
    const input = v128.load(i);
    const sum = f32x4.add(forget, input);
    v128.store(z, v128.bitselect(f32x4.div(input, sum), v128.load(z), f32x4.gt(sum, splat(1e-20))));
    v128.store(f, f32x4.sub(forget, splat(1.0)));
    v128.store(i, f32x4.sub(splat(1.0), input));
  }
}

/** h = h' + z (g − h') */
function mix(z: usize, g: usize, last: usize, h: usize, length: i32): void {
  for (const end = z + bytes(length); z < end; z += 16, g += 16, last += 16, h += 16) {
    const before = v128.load(last);
    v128.store(h, madd(v128.load(z), f32x4.sub(v128.load(g), before), before));
  }
}

/** x *= 1 − z */
function keep(z: usize, x: usize, length: i32): void {
  for (const end = z + bytes(length); z < end; z += 16, x += 16) {
    v128.store(x, f32x4.mul(v128.load(x), f32x4.sub(splat(1.0), v128.load(z))));
  }
}

/** From d, the gradient of h: that of log z − log (1 − z) takes the place of z, that of the sums of h̃ that of g, that of h' that of d. */
function mixBackward(z: usize, g: usize, last: usize, d: usize, length: i32): void {
  for (const end = z + bytes(length); z < end; z += 16, g += 16, last += 16, d += 16) {
    const open = v128.load(z);
    const value = v128.load(g);
    const whole = v128.load(d);
    const kept = f32x4.mul(whole, f32x4.sub(splat(1.0), open));
    const slope = f32x4.mul(value, f32x4.sub(splat(1.0), value));
    v128.store(d, kept);
    v128.store(z, f32x4.mul(f32x4.mul(kept, open), f32x4.sub(value, v128.load(last))));
    v128.store(g, f32x4.mul(f32x4.mul(whole, open), v128.bitselect(splat(1.0), slope, f32x4.ge(value, splat(0.5)))));
  }
}

/** Where z lies at a part's first step: in place of its sums, or of a MinLSTM in place of c. */
// @ts-ignore: decorator
@inline
function openOf(plan: Plan, part: i32): usize {
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

/** The gates of a chunk, and what it carries to the next one; or in order, everything of all chunks. */
export function minimalGates(plan: Plan, item: i32): void {
  if (!plan.inOrder) return chunkGates(plan, item);
  const panel = plan.panel, block = plan.span(plan.units), step = plan.step;
  for (let part = item * plan.chunks, end = part + plan.chunks; part < end; part++) {
    if (part % plan.chunks != 0) {
      const first = plan.h + <usize>part * block, last = first - block + <usize>plan.steps * step;
      for (let p: usize = 0; p < block; p += panel) memory.copy(first + p, last + p, step);
    }
    chunkGates(plan, part);
    minimalStates(plan, part);
  }
}

function chunkGates(plan: Plan, part: i32): void {
  const steps = plan.stepsOf(part), panel = plan.panel, block = plan.span(plan.units), step = plan.step;
  const length = plan.rows * plan.width, all = steps * length;
  if (!plan.tokens) {
    loadInputs(plan, part);
    inputSums(plan, part);
  } else for (let s = 0; s < steps; s++) tokenSums(plan, part, s, 0, plan.units);
  for (let s = 0; s < steps; s++) {
    clearUnused(plan, part, s, gatesOf(plan, part) + <usize>s * step, panel, plan.blocks, 0, plan.units);
  }
  const handsOn = !plan.inOrder && (part + 1) % plan.chunks != 0;
  let carried = ofPart(plan, plan.carried, part), kept = ofPart(plan, plan.kept, part);
  let gates = gatesOf(plan, part), z = openOf(plan, part), g = candidateOf(plan, part);
  // The states come later.
  let room = plan.h + plan.span(part * plan.units) + step;
  for (const end = gates + block; gates < end; gates += panel) {
    if (z != gates) sub(gates + block, gates, z, all);
    sigmoid(z, z, all);
    if (z != gates) {
      sigmoid(gates, gates, all);
      sigmoid(gates + block, gates + block, all);
      share(gates, gates + block, z, all);
    }
    sigmoid(g, room, all);
    candidate(g, room, all);
    if (handsOn) {
      begin(carried, kept, step);
      for (let at: usize = 0; at < <usize>steps * step; at += step) {
        mix(z + at, g + at, carried, carried, length);
        keep(z + at, kept, length);
      }
    }
    z += panel; g += panel; room += panel; carried += step; kept += step;
  }
  plan.beat++;
}

/** A chunk carries nothing yet, and keeps all of what comes. */
function begin(carried: usize, kept: usize, step: usize): void {
  memory.fill(carried, 0, step);
  for (const end = kept + step; kept < end; kept += 4) store<f32>(kept, 1.0);
}

/** The states of a chunk from the one before it, and its output. */
export function minimalStates(plan: Plan, part: i32): void {
  const steps = plan.stepsOf(part), panel = plan.panel, step = plan.step, units = plan.units;
  const states = plan.h + plan.span(part * units), length = plan.rows * plan.width;
  let h = states, z = openOf(plan, part), g = candidateOf(plan, part);
  for (const end = h + plan.span(units); h < end; h += panel, z += panel, g += panel) {
    for (let at: usize = 0; at < <usize>steps * step; at += step) mix(z + at, g + at, h + at, h + at + step, length);
  }
  output(plan, part, 0, steps);
}

/** The gradients of a chunk's states from its output, and what it carries back; or in order, everything of all chunks. */
export function minimalBackward(plan: Plan, item: i32): void {
  if (!plan.inOrder) return chunkBackward(plan, item);
  const size = bytes(plan.rows * plan.units);
  for (let chunk = plan.chunks - 1; chunk >= 0; chunk--) {
    const part = item * plan.chunks + chunk, d = ofPart(plan, plan.dh, part);
    chunkBackward(plan, part);
    minimalGradients(plan, part);
    if (chunk > 0) memory.copy(d - size, d, size);
  }
}

/** Gradients of states: in order, those of one chunk take the place of those of the last. */
// @ts-ignore: decorator
@inline
function dhsOf(plan: Plan, part: i32): usize {
  return plan.dhs + plan.span((plan.inOrder ? part / plan.chunks : part) * plan.units);
}

function chunkBackward(plan: Plan, part: i32): void {
  const steps = plan.stepsOf(part), panel = plan.panel, step = plan.step, units = plan.units, block = plan.span(units);
  const length = plan.rows * plan.width, columns = plan.outputs ? plan.outputs : units;
  let dh = dhsOf(plan, part), z = openOf(plan, part);
  const dy = plan.outputs ? plan.scores + plan.span(part * columns) : dh;
  for (let s = 0; plan.dy && s < steps; s++) {
    loadStep(plan, part, s, plan.dy, plan.outputs ? plan.outFeatures : plan.hiddenSize, dy + <usize>s * step, columns);
  }
  if (plan.outputs) {
    for (let p: usize = 0; p < block; p += panel) memory.fill(dh + p, 0, <usize>steps * step);
    product(plan, dy, panel, plan.outputWeightsBack, dh, panel, steps * plan.rows, columns, units);
    for (let s = 0; s < steps; s++) clearUnused(plan, part, s, dh + <usize>s * step, panel, 1, 0, units);
  }
  if (!plan.inOrder && part % plan.chunks != 0) {
    let carried = ofPart(plan, plan.carried, part), kept = ofPart(plan, plan.kept, part);
    for (const end = dh + block; dh < end; dh += panel, z += panel, carried += step, kept += step) {
      begin(carried, kept, step);
      for (let at = <usize>steps * step; at > 0;) {
        at -= step;
        add(carried, dh + at, carried, length);
        keep(z + at, carried, length);
        keep(z + at, kept, length);
      }
    }
  }
  plan.beat++;
}

/** The gradients of a chunk's gates from that of its last state, which becomes that of the state before its first step. */
export function minimalGradients(plan: Plan, part: i32): void {
  const steps = plan.stepsOf(part), panel = plan.panel, step = plan.step, units = plan.units, block = plan.span(units);
  const length = plan.rows * plan.width, all = steps * length;
  let gates = gatesOf(plan, part), z = openOf(plan, part), g = candidateOf(plan, part);
  let h = plan.h + plan.span(part * units), dh = dhsOf(plan, part), d = ofPart(plan, plan.dh, part);
  for (const end = gates + block; gates < end; gates += panel) {
    for (let at = <usize>steps * step; at > 0;) {
      at -= step;
      add(d, dh + at, d, length);
      mixBackward(z + at, g + at, h + at, d, length);
    }
    if (z != gates) {
      // z = σ(log σ(i) − log σ(f)), and the slope of log σ is 1 − σ.
      mul(z, gates, gates, all);
      mul(z, gates + block, gates + block, all);
    }
    z += panel; g += panel; h += panel; dh += panel; d += step;
  }
  plan.beat++;
}
