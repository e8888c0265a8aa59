/** Threads that share the pieces of a job: each takes the next one until none is left. */
import {
  CLOSED, JOB_BACKWARD, JOB_CROSS_ENTROPY, JOB_FORWARD, JOB_GRADIENTS, JOB_INPUT_GRADIENTS, JOB_MINIMAL_BACKWARD,
  JOB_BACKWARD_TOGETHER, JOB_FORWARD_TOGETHER, JOB_MINIMAL_GATES, JOB_MINIMAL_GRADIENTS, JOB_MINIMAL_STATES, JOB_PIECES,
  WHOLE, PATIENCE, READINESS,
} from "./constants";
import { Product, productRows } from "./dense";
import { gradients } from "./gradients";
import { backward, forward, inputGradients } from "./layer";
import { minimalBackward, minimalGates, minimalGradients, minimalStates } from "./minimal";
import { piece, Pieces } from "./pieces";
import { Plan } from "./plan";
import { CrossEntropy, crossEntropyRows } from "./softmax";
import { backwardTogether, forwardTogether } from "./together";

/** One job at a time. src/kernels/wasm/pool.ts looks at it. */
@unmanaged
export class Board {
  /** Number of the job at hand. */
  job: i32;
  kind: i32;
  plan: usize;
  items: i32;
  /** The job's number in the upper bits, the next item to take in the lower 16. */
  next: i32;
  /** Items done. */
  done: i32;
  /** Set by a worker that cannot go on. */
  failed: i32;
}

function run(kind: i32, plan: usize, item: i32): void {
  if (kind == JOB_FORWARD) forward(changetype<Plan>(plan), item);
  else if (kind == JOB_BACKWARD) backward(changetype<Plan>(plan), item);
  else if (kind == JOB_GRADIENTS) gradients(changetype<Plan>(plan), item);
  else if (kind == JOB_INPUT_GRADIENTS) inputGradients(changetype<Plan>(plan), item);
  else if (kind == JOB_PIECES) piece(changetype<Pieces>(plan), item);
  else if (kind == JOB_CROSS_ENTROPY) crossEntropyRows(changetype<CrossEntropy>(plan), item);
  else if (WHOLE && kind == JOB_MINIMAL_GATES) minimalGates(changetype<Plan>(plan), item);
  else if (WHOLE && kind == JOB_MINIMAL_STATES) minimalStates(changetype<Plan>(plan), item);
  else if (WHOLE && kind == JOB_MINIMAL_BACKWARD) minimalBackward(changetype<Plan>(plan), item);
  else if (WHOLE && kind == JOB_MINIMAL_GRADIENTS) minimalGradients(changetype<Plan>(plan), item);
  else if (WHOLE && kind == JOB_FORWARD_TOGETHER) forwardTogether(changetype<Plan>(plan));
  else if (WHOLE && kind == JOB_BACKWARD_TOGETHER) backwardTogether(changetype<Plan>(plan));
  else productRows(changetype<Product>(plan), item);
}

/** Does all items of a job on this thread. */
export function runAll(kind: i32, plan: usize, items: i32): void {
  for (let item = 0; item < items; item++) run(kind, plan, item);
}

/** Puts a job on the board, for `workers` and this thread, and works on it until no item is left to take. */
export function post(board: Board, kind: i32, plan: usize, items: i32, workers: i32): void {
  const at = changetype<usize>(board);
  const job = board.job + 1;
  // Closed while the job is written, so that nobody who comes late takes an item of it by the old description.
  atomic.store<i32>(at + offsetof<Board>("next"), job << 16 | CLOSED);
  board.kind = kind;
  board.plan = plan;
  board.items = items;
  atomic.store<i32>(at + offsetof<Board>("done"), 0);
  atomic.store<i32>(at + offsetof<Board>("next"), job << 16);
  atomic.store<i32>(at + offsetof<Board>("job"), job);
  atomic.notify(at + offsetof<Board>("job"), workers);
  work(board, job);
}

/** Works on a job until no item is left to take. Returns whether this thread took one. */
function work(board: Board, job: i32): bool {
  const at = changetype<usize>(board);
  let took = false;
  for (;;) {
    const next = atomic.load<i32>(at + offsetof<Board>("next"));
    const item = next & CLOSED;
    if (next >> 16 != job << 16 >> 16 || item >= board.items) break;
    const kind = board.kind, plan = board.plan;
    if (atomic.cmpxchg<i32>(at + offsetof<Board>("next"), next, next + 1) != next) continue;
    took = true;
    run(kind, plan, item);
    atomic.add<i32>(at + offsetof<Board>("done"), 1);
    atomic.notify(at + offsetof<Board>("done"), 1);
  }
  return took;
}

/** Waits a little for the items that others took. Returns whether all are done. */
export function settled(board: Board): bool {
  const at = changetype<usize>(board);
  for (let i = 0; i < PATIENCE; i++) {
    if (atomic.load<i32>(at + offsetof<Board>("done")) == board.items) return true;
  }
  return false;
}

/** The life of a worker. */
export function serve(board: Board): void {
  const at = changetype<usize>(board);
  let job = atomic.load<i32>(at + offsetof<Board>("job")) - 1, looks = PATIENCE;
  for (;;) {
    let now = atomic.load<i32>(at + offsetof<Board>("job"));
    for (let i = 0; i < looks && now == job; i++) now = atomic.load<i32>(at + offsetof<Board>("job"));
    if (now == job) {
      atomic.wait<i32>(at + offsetof<Board>("job"), job, -1);
      continue;
    }
    job = now;
    // Whoever came too late has no processor of its own, and would take that of another.
    looks = work(board, job) ? READINESS : PATIENCE;
  }
}
