/** A recurrent layer through time, forward and backward, by a team that shares the units of a single part. */
import { PANEL, STREAMS } from "./constants";
import { gateGradients, loadInputs, loadScores, nextState, output, tokenSums, unitProducts } from "./layer";
import { multiplyVector } from "./matmul";
import { fillRows } from "./panels";
import { Plan } from "./plan";
import { addStep } from "./sequences";
import { bytes } from "./simd";
import { begin, join, meet, membersIn } from "./team";

/** Time steps whose inputs are multiplied at once; the last ones take the rest of a sequence, too. */
const STEPS: i32 = 16;

/** All time steps, and then the output of all of them. */
export function forwardTogether(plan: Plan): void {
  const member = join(plan), steps = plan.steps, phases = steps + 1, panel = plan.panel, units = plan.units;
  const gates = plan.gates + plan.span(plan.hiddenFirst * units);
  if (member == 0 && !plan.tokens) loadInputs(plan, 0);
  for (let s = begin(plan, member, phases); s < phases; s = meet(plan, member, s, phases)) {
    for (let share = member, members = membersIn(plan, s); share < plan.shares; share += members) {
      if (s == steps) {
        output(plan, 0, plan.stepOf(0, share), plan.stepOf(0, share + 1));
        continue;
      }
      const first = plan.unitOf(share), count = plan.unitOf(share + 1) - first;
      if (plan.tokens) tokenSums(plan, 0, s, first, count);
      else if (s % STEPS == 0 && s + STEPS <= steps) {
        inputSums(plan, s, s + 2 * STEPS > steps ? steps : s + STEPS, first, count);
      }
      if (s > 0 || plan.state) {
        const h = plan.h + <usize>s * plan.stateStep, sums = gates + <usize>s * plan.step;
        products(plan, h, panel, plan.hiddenWeights, sums, panel, units, plan.hiddenBlocks, share);
      }
      nextState(plan, 0, s, first, count);
    }
  }
}

/** What the inputs add to the gates of some units, from step `from` to step `to` − 1. */
function inputSums(plan: Plan, from: i32, to: i32, first: i32, count: i32): void {
  const panel = plan.panel, units = plan.units, rows = (to - from) * plan.rows, at = <usize>from * plan.step;
  for (let block = 0; block < plan.blocks; block++) {
    const unit = block * units + first;
    fillRows(plan.bias + bytes(unit), plan.gates + plan.span(unit) + at, panel, rows, count, plan.width);
  }
  const gates = plan.gates + plan.span(plan.inputFirst * units) + at, x = plan.inputs + at;
  const depth = plan.features, blocks = plan.inputBlocks;
  unitProducts(plan, x, panel, plan.inputWeights, gates, panel, rows, depth, blocks, first, count);
}

/** All time steps from the last to the first, and then the gradient of the state before it. */
export function backwardTogether(plan: Plan): void {
  const member = join(plan), steps = plan.steps, phases = steps + 1, panel = plan.panel, step = plan.step;
  const gates = plan.gates + plan.span(plan.hiddenFirst * plan.units), depth = plan.hiddenBlocks * plan.units;
  if (member == 0 && plan.outputs) for (let s = 0; s < steps; s++) loadScores(plan, 0, s);
  for (let phase = begin(plan, member, phases); phase < phases; phase = meet(plan, member, phase, phases)) {
    const s = steps - 1 - phase;
    for (let share = member, members = membersIn(plan, phase); share < plan.shares; share += members) {
      const first = plan.unitOf(share), count = plan.unitOf(share + 1) - first;
      if (phase > 0 && (s >= 0 || plan.state)) {
        const from = gates + <usize>(s + 1) * step;
        products(plan, from, panel, plan.hiddenWeightsBack, plan.dh, step, depth, 1, share);
      }
      if (s < 0) continue;
      if (plan.outputs) {
        const dscores = plan.scores + <usize>s * step;
        products(plan, dscores, panel, plan.outputWeightsBack, plan.dh, step, plan.outputs, 1, share);
      } else if (plan.dy) {
        const used = min(count, plan.hiddenSize - first), dh = plan.dh + bytes(first * plan.rows);
        addStep(plan, 0, s, plan.dy, plan.hiddenSize, first, used, dh);
      }
      gateGradients(plan, 0, s, first, count);
    }
  }
}

/** The products of one time step for the units of a share, of each of `blocks` blocks. */
function products(
  plan: Plan, x: usize, panelX: usize, w: usize, y: usize, panelY: usize, depth: i32, blocks: i32, share: i32
): void {
  const first = plan.unitOf(share), count = plan.unitOf(share + 1) - first;
  if (plan.rows > 1) return unitProducts(plan, x, panelX, w, y, panelY, plan.rows, depth, blocks, first, count);
  // Each share has panels of its own for the product of a single row.
  for (let other = 0; other < share; other++) {
    const columns = blocks * (plan.unitOf(other + 1) - plan.unitOf(other)), unit = STREAMS * PANEL;
    w += bytes((columns + unit - 1) / unit * unit * depth);
  }
  const gap = <usize>((plan.units - count) / PANEL) * panelY;
  multiplyVector(x, panelX, w, y + <usize>(first / PANEL) * panelY, panelY, depth, blocks * count, count, gap);
}
